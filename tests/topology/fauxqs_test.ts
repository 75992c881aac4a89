import assert from "node:assert/strict";
import {
  ConfigError,
  connect,
  declareQueue,
  deleteQueue,
  DoesNotExistQueueError,
  publish,
  purgeQueue,
  queueSize,
  queueUrl,
} from "../../mod.ts";
import { startServer } from "../support/fauxqs.ts";

Deno.test("queues are declared, counted, emptied and deleted at a server of its own", async () => {
  await using server = await startServer();
  const broker = connect({ ...server.options, queueNamePrefix: "t." });
  await assert.rejects(queueUrl(broker, "orders"), DoesNotExistQueueError);
  const dead = await declareQueue(broker, "dead");
  const options = {
    attributes: { VisibilityTimeout: 60 },
    tags: { team: "shop" },
    deadLetter: { queue: "dead", maxReceiveCount: 2 },
  };
  const orders = await declareQueue(broker, "orders", options);
  assert.deepEqual(await declareQueue(broker, "orders", options), orders);
  await assert.rejects(declareQueue(broker, "orders", { attributes: { VisibilityTimeout: 61 } }), ConfigError);
  await assert.rejects(declareQueue(broker, "orders", { tags: { team: "billing" } }), ConfigError);
  assert.match((await declareQueue(broker, "jobs.fifo")).url, /t-jobs\.fifo$/);
  assert.match(dead.arn, /:t-dead$/);

  await publish(broker, { id: 1 }, { queue: "orders" });
  assert.deepEqual(await queueSize(broker, "orders"), { visible: 1, inFlight: 0, delayed: 0 });

  assert.equal(await deleteQueue(broker, "orders", { ifEmpty: true }), false);
  assert.equal(await purgeQueue(broker, "orders"), 1);
  assert.equal(await deleteQueue(broker, "orders", { ifEmpty: true }), true);
  await assert.rejects(queueUrl(broker, "orders"), DoesNotExistQueueError);
});

Deno.test("fifty callers make one missing queue at a server of its own", async () => {
  await using server = await startServer();
  const broker = connect({ ...server.options, createMissing: true });
  const urls = await Promise.all(Array.from({ length: 50 }, () => queueUrl(broker, "orders")));
  assert.equal(new Set(urls).size, 1);
  assert.equal(broker.requests, 2);
});
