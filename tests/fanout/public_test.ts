import assert from "node:assert/strict";
import {
  bind,
  declareExchange,
  declareQueue,
  deleteExchange,
  get,
  publish,
  publishMany,
  topology,
  unbind,
} from "../../mod.ts";
import { fromCelery } from "../../lib/config/mod.ts";
import { connect } from "../../lib/connect.ts";
import { UnableToSubscribeQueueError, UndefinedExchangeError } from "../../lib/errors.ts";
import { snsFanout } from "../../lib/fanout/mod.ts";
import { memorySqs } from "../../lib/testing/mod.ts";
import { memoryStore } from "../publish/memory_store.ts";
import { setUp } from "./setup.ts";

Deno.test("declareExchange(), bind() and publish() reach every queue of a fanout exchange, until unbind()", async () => {
  await using t = await setUp();
  const { broker } = t;
  await declareExchange(broker, "news", { type: "fanout" });
  for (const queue of ["a", "b"]) {
    await declareQueue(broker, queue);
    await bind(broker, queue, { exchange: "news" });
  }
  const { sent } = await publish(broker, { soup: 1 }, { exchange: "news", messageAttributes: { bowls: 2 } });
  assert.deepEqual(sent.map(({ topic }) => topic), ["arn:aws:sns:us-east-1:000000000000:news"]);
  for (const queue of ["a", "b"]) {
    const delivery = await get(broker, queue);
    assert.deepEqual(delivery?.body, { soup: 1 });
    assert.equal(delivery?.messageAttributes.bowls, 2);
    await delivery?.ack();
  }
  await unbind(broker, "a", { exchange: "news" });
  const results = await publishMany(
    broker,
    Array.from({ length: 12 }, (_, index) => ({ body: index, exchange: "news" })),
  );
  assert.ok(results.every(({ error }) => error === undefined));
  assert.equal(await get(broker, "a"), undefined);
  assert.ok(await get(broker, "b"));
  await deleteExchange(broker, "news");
  assert.ok(t.actions.includes("DeleteTopic"));
});

Deno.test("an exchange whose topic snsFanout() was given needs no declareExchange()", async () => {
  await using t = await setUp();
  await declareExchange(t.broker, "news", { type: "fanout" });
  const arn = await t.fanout.declare(t.broker, "news");
  const broker = connect({
    ...t.connectOptions,
    fanout: snsFanout({ topics: { news: { arn } } }),
    topology: { exchanges: { orders: { type: "direct" } }, bindings: [] },
  });
  await declareQueue(broker, "inbox");
  await bind(broker, "inbox", { exchange: "news" });
  assert.deepEqual((await publish(broker, { soup: 1 }, { exchange: "news" })).sent.map(({ topic }) => topic), [arn]);
  assert.deepEqual((await get(broker, "inbox"))?.body, { soup: 1 });
  assert.deepEqual(topology(broker).exchanges, { news: { type: "fanout" }, orders: { type: "direct" } });
  await declareExchange(broker, "news", { type: "fanout" });
  await assert.rejects(publish(broker, 1, { exchange: "others" }), UndefinedExchangeError);
});

Deno.test("bind() says once what SNS refused", async () => {
  await using t = await setUp({
    intercept: (_, action) =>
      action === "Subscribe"
        ? new Response(
          "<ErrorResponse><Error><Code>InvalidParameter</Code><Message>FIFO queues can not be subscribed</Message></Error></ErrorResponse>",
          { status: 400 },
        )
        : undefined,
  });
  await declareExchange(t.broker, "news", { type: "fanout" });
  await declareQueue(t.broker, "a.fifo");
  await assert.rejects(bind(t.broker, "a.fifo", { exchange: "news" }), (error: Error) => {
    assert.ok(error instanceof UnableToSubscribeQueueError);
    assert.equal(error.message.split("Cannot subscribe").length, 2, error.message);
    assert.match(error.message, /FIFO queues can not be subscribed/);
    return true;
  });
});

Deno.test("kombu's deadletter_queue receives what no queue is bound for", async () => {
  const { endpoint: _, ...sqs } = memorySqs().connectOptions as { endpoint?: string };
  const broker = connect({ ...fromCelery("sqs://", { deadletter_queue: "lost" }), ...sqs });
  await declareExchange(broker, "orders", { type: "direct" });
  await publish(broker, { id: 1 }, { exchange: "orders", routingKey: "nowhere" });
  assert.deepEqual((await get(broker, "lost"))?.body, { id: 1 });
});

Deno.test("publishAll() keeps the payload of a message that a topic may have taken, whatever the next try says", async () => {
  for (const refusal of ["entry", "request"]) {
    const { store, objects } = memoryStore({ threshold: 0 });
    let requests = 0;
    const told = (successful: string, failed: string) =>
      new Response(
        `<PublishBatchResponse><PublishBatchResult><Successful>${successful}</Successful><Failed>${failed}</Failed>` +
          "</PublishBatchResult></PublishBatchResponse>",
      );
    const failed = (id: string, code: string, sender: boolean) =>
      `<member><Id>${id}</Id><Code>${code}</Code><SenderFault>${sender}</SenderFault></member>`;
    await using t = await setUp({
      intercept(_, action) {
        if (action !== "PublishBatch") return;
        // SNS did not take the first, and says nothing of the second.
        if (++requests === 1) return told("", failed("0", "InternalError", false));
        if (refusal === "entry") return told("", failed("0", "Throttled", true) + failed("1", "Throttled", true));
        return new Response("<ErrorResponse><Error><Code>AuthorizationError</Code></Error></ErrorResponse>", {
          status: 403,
        });
      },
    });
    const broker = connect({ ...t.connectOptions, payloads: store });
    await declareExchange(broker, "news", { type: "fanout" });
    const results = await publishMany(broker, [{ body: "0" }, { body: "1" }], { exchange: "news" });
    assert.ok(results.every(({ error }) => error));
    assert.equal(requests, 2);
    assert.ok(objects.has("k1"), refusal);
    assert.equal(objects.has("k0"), refusal === "request"); // they share its error
  }
});
