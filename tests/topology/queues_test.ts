import assert from "node:assert/strict";
import { memorySqs } from "../../lib/testing/mod.ts";
import {
  AwsError,
  bind,
  type Broker,
  ConfigError,
  connect,
  declareExchange,
  declareQueue,
  deleteQueue,
  DoesNotExistQueueError,
  purgeQueue,
  queueSize,
  queueUrl,
  topology,
} from "../../mod.ts";
import { setUp } from "./setup.ts";

Deno.test("queueSize() counts what is visible, in flight and delayed", async () => {
  const { sqs, broker } = setUp();
  const url = sqs.createQueue("orders");
  for (const body of ["a", "b", "c"]) await sqs.sendMessage("orders", body);
  await sqs.sendMessage("orders", "d", { delaySeconds: 60 });
  assert.deepEqual(await queueSize(broker, "orders"), { visible: 3, inFlight: 0, delayed: 1 });
  assert.deepEqual(await queueSize(broker, url), { visible: 3, inFlight: 0, delayed: 1 });
  assert.deepEqual(sqs.requests.counts, { GetQueueUrl: 1, GetQueueAttributes: 2 });
});

Deno.test("purgeQueue() empties a queue and says how many messages there were about", async () => {
  const { sqs, broker } = setUp();
  sqs.createQueue("orders");
  await sqs.sendMessage("orders", "a");
  await sqs.sendMessage("orders", "b", { delaySeconds: 60 });
  assert.equal(await purgeQueue(broker, "orders"), 2);
  assert.equal(sqs.messages("orders").length, 0);
});

Deno.test("purgeQueue() tells of the 60 seconds between two purges", async () => {
  const { sqs, broker } = setUp();
  sqs.createQueue("orders");
  await purgeQueue(broker, "orders");
  await assert.rejects(
    purgeQueue(broker, "orders"),
    (error) =>
      error instanceof AwsError && /60 seconds/.test(error.message) && error.awsCode === "PurgeQueueInProgress",
  );
  await sqs.clock.advance(61);
  assert.equal(await purgeQueue(broker, "orders"), 0);
});

Deno.test("purgeQueue() passes on every other error", async () => {
  const { sqs, broker } = setUp();
  sqs.createQueue("orders");
  const code = "com.amazon.coral.service#AccessDeniedException";
  sqs.setFaults(({ action }) => action === "PurgeQueue" ? { type: "error", code } : undefined);
  await assert.rejects(purgeQueue(broker, "orders"), { name: "AccessDeniedQueueError", message: /sqs:PurgeQueue/ });
});

Deno.test("every verb of a queue ends with its signal's reason, whichever of its requests is under way", async () => {
  type Verb = (broker: Broker, options: { readonly signal: AbortSignal }) => Promise<unknown>;
  const tags = { team: "shop" };
  const silent: [action: string, verb: Verb][] = [
    ["GetQueueUrl", (broker, options) => queueUrl(broker, "orders", options)],
    ["GetQueueUrl", (broker, options) => queueSize(broker, "orders", options)],
    ["GetQueueAttributes", (broker, options) => queueSize(broker, "orders", options)],
    ["GetQueueUrl", (broker, options) => purgeQueue(broker, "orders", options)],
    ["GetQueueAttributes", (broker, options) => purgeQueue(broker, "orders", options)],
    ["PurgeQueue", (broker, options) => purgeQueue(broker, "orders", options)],
    ["GetQueueUrl", (broker, options) => deleteQueue(broker, "orders", options)],
    ["GetQueueAttributes", (broker, options) => deleteQueue(broker, "orders", { ifEmpty: true, ...options })],
    ["DeleteQueue", (broker, options) => deleteQueue(broker, "orders", options)],
    ["GetQueueUrl", (broker, options) => declareQueue(broker, "orders", options)],
    ["GetQueueAttributes", (broker, options) => declareQueue(broker, "orders", options)],
    ["ListQueueTags", (broker, options) => declareQueue(broker, "orders", { tags, ...options })],
    ["CreateQueue", (broker, options) => declareQueue(broker, "new", options)],
  ];
  for (const [silentAction, verb] of silent) {
    const { sqs, broker } = setUp({}, ["orders"]);
    const controller = new AbortController();
    sqs.setFaults(({ action }) => {
      if (action !== silentAction) return undefined;
      controller.abort(new Error("enough"));
      return { type: "slow", seconds: Infinity };
    });
    await assert.rejects(verb(broker, { signal: controller.signal }), /^Error: enough$/, `${silentAction} of ${verb}`);
    assert.equal(sqs.requests.count(silentAction), 1);
  }
});

Deno.test("deleteQueue() deletes a queue and forgets it", async () => {
  const events: string[] = [];
  const { sqs, broker } = setUp({ onEvent: (event) => event.type === "topology" && events.push(event.operation) });
  await declareQueue(broker, "orders");
  assert.equal(await deleteQueue(broker, "orders"), true);
  assert.deepEqual(sqs.queueNames, []);
  assert.deepEqual(events, ["create", "delete"]);
  await assert.rejects(queueUrl(broker, "orders"), DoesNotExistQueueError);
});

Deno.test("deleteQueue() with ifEmpty leaves a queue that holds any message", async () => {
  const { sqs, broker } = setUp();
  sqs.createQueue("orders");
  await sqs.sendMessage("orders", "late", { delaySeconds: 5 });
  assert.equal(await deleteQueue(broker, "orders", { ifEmpty: true }), false);
  assert.deepEqual(sqs.queueNames, ["orders"]);
  await purgeQueue(broker, "orders");
  assert.equal(await deleteQueue(broker, "orders", { ifEmpty: true }), true);
  assert.deepEqual(sqs.queueNames, []);
});

Deno.test("deleteQueue() creates no queue to delete it", async () => {
  const { sqs, broker } = setUp({ createMissing: true });
  await assert.rejects(deleteQueue(broker, "orders"), DoesNotExistQueueError);
  assert.equal(sqs.requests.count("CreateQueue"), 0);
});

Deno.test("deleteQueue() never deletes a predefined queue", async () => {
  const sqs = memorySqs();
  const url = sqs.createQueue("orders");
  const broker = connect({ ...sqs.connectOptions, predefinedQueues: { orders: { url } } });
  for (const name of ["orders", url]) {
    await assert.rejects(
      deleteQueue(broker, name),
      (error) => error instanceof ConfigError && /predefined/.test(error.message),
    );
  }
  assert.equal(sqs.requests.count(), 0);
});

Deno.test("deleteQueue() passes on what SQS refuses, and leaves queue and bindings as they are", async () => {
  const { sqs, broker } = setUp();
  await declareQueue(broker, "orders");
  await declareExchange(broker, "news", { type: "topic" });
  await bind(broker, "orders", { exchange: "news", routingKey: "a" });
  const code = "com.amazon.coral.service#AccessDeniedException";
  sqs.setFaults(({ action }) => action === "DeleteQueue" ? { type: "error", code } : undefined);
  await assert.rejects(deleteQueue(broker, "orders"), { name: "AccessDeniedQueueError", message: /sqs:DeleteQueue/ });
  assert.equal(topology(broker).bindings.length, 1);
  assert.deepEqual(sqs.queueNames, ["orders"]);
});

Deno.test("deleteQueue() takes the queue's bindings with it", async () => {
  const { broker } = setUp();
  await declareQueue(broker, "orders");
  await declareExchange(broker, "news", { type: "topic" });
  await bind(broker, "orders", { exchange: "news", routingKey: "a" });
  await bind(broker, "other", { exchange: "news", routingKey: "a" });
  await deleteQueue(broker, "orders");
  assert.deepEqual(topology(broker).bindings, [{ exchange: "news", queue: "other", routingKey: "a" }]);
});

Deno.test("deleteQueue() and purgeQueue() that are asked again, as an answer was lost, have done it", async () => {
  const { sqs, broker } = setUp();
  for (const name of ["orders", "jobs"]) sqs.createQueue(name);
  await sqs.sendMessage("orders", "a");
  sqs.setFaults(({ action, attempt }) =>
    /^(?:Delete|Purge)Queue$/.test(action) && attempt === 1 ? { type: "lost-answer" } : undefined
  );
  await sqs.clock.run(async () => {
    assert.equal(await purgeQueue(broker, "orders"), 1);
    assert.equal(await deleteQueue(broker, "jobs"), true);
    await assert.rejects(purgeQueue(broker, "orders"), /in the last 60 seconds/);
    await assert.rejects(deleteQueue(broker, "jobs"), DoesNotExistQueueError);
  });
  assert.deepEqual(sqs.requests.count("PurgeQueue"), 3);
});
