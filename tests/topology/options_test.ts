import assert from "node:assert/strict";
import { memorySqs } from "../../lib/testing/mod.ts";
import {
  bind,
  type BindOptions,
  connect,
  declareExchange,
  type DeclareExchangeOptions,
  declareQueue,
  type DeclareQueueOptions,
  deleteExchange,
  deleteQueue,
  type DeleteQueueOptions,
  purgeQueue,
  queueSize,
  queueUrl,
  redrive,
  type RedriveOptions,
  removeStaleSubscriptions,
  topology,
  unbind,
} from "../../mod.ts";

function setUp() {
  const sqs = memorySqs();
  sqs.createQueue("orders");
  return { sqs, broker: connect(sqs.connectOptions) };
}

/** Each is refused by its name. */
async function refused(verb: (options: object) => Promise<unknown>, wrong: Record<string, object>): Promise<void> {
  for (const [path, options] of Object.entries(wrong)) {
    const message = new RegExp(`^Cannot use '${path}' as `);
    await assert.rejects(verb(options), { name: "ConfigError", message });
  }
  await assert.rejects(verb(null as unknown as object), { name: "ConfigError" });
}

Deno.test("declareQueue() refuses an option that is unknown or of the wrong type: no queue is made without it", async () => {
  const { sqs, broker } = setUp();
  await refused((options) => declareQueue(broker, "jobs", options as DeclareQueueOptions), {
    deadletter: { deadletter: { queue: "orders", maxReceiveCount: 5 } },
    attributes: { attributes: "x" },
    tags: { tags: 5 },
    passive: { passive: "yes" },
    deadLetter: { deadLetter: "orders" },
    "deadLetter.queue": { deadLetter: { maxReceiveCount: 5 } },
    "deadLetter.maxReceiveCount": { deadLetter: { queue: "orders" } },
    "deadLetter.max": { deadLetter: { queue: "orders", maxReceiveCount: 5, max: 5 } },
  });
  assert.equal(sqs.requests.count(), 0);
  assert.deepEqual(sqs.queueNames, ["orders"]);
});

Deno.test("deleteQueue() refuses an option that is unknown or of the wrong type: no full queue is deleted", async () => {
  const { sqs, broker } = setUp();
  await sqs.sendMessage("orders", "a");
  await refused((options) => deleteQueue(broker, "orders", options as DeleteQueueOptions), {
    ifempty: { ifempty: true },
    ifEmpty: { ifEmpty: "yes" },
  });
  assert.equal(sqs.messages("orders").length, 1);
});

Deno.test("redrive() refuses an option that is unknown or of the wrong type: nothing goes elsewhere", async () => {
  const { sqs, broker } = setUp();
  await refused((options) => redrive(broker, "orders", options as RedriveOptions), {
    dest: { dest: "orders" },
    destination: { destination: 5 },
    maxPerSecond: { maxPerSecond: 501 },
    onProgress: { onProgress: {} },
  });
  assert.equal(sqs.requests.count(), 0);
});

Deno.test("declareExchange(), bind() and unbind() refuse an option that is unknown or of the wrong type", async () => {
  const { broker } = setUp();
  await refused((options) => declareExchange(broker, "news", options as DeclareExchangeOptions), {
    type: { unroutableQueue: "lost" },
    unroutable: { type: "direct", unroutable: "lost" },
    unroutableQueue: { type: "direct", unroutableQueue: "" },
  });
  await declareExchange(broker, "news", { type: "direct" });
  const wrong = {
    exchange: { routingKey: "a" },
    routingkey: { exchange: "news", routingkey: "a" },
    routingKey: { exchange: "news", routingKey: 5 },
  };
  await refused((options) => bind(broker, "orders", options as BindOptions), wrong);
  assert.deepEqual(topology(broker).bindings, []);
  await bind(broker, "orders", { exchange: "news" });
  await refused((options) => unbind(broker, "orders", options as BindOptions), wrong);
  assert.equal(topology(broker).bindings.length, 1);
});

Deno.test("verbs that take no more than a signal refuse all else, before any request", async () => {
  const { sqs, broker } = setUp();
  await declareExchange(broker, "news", { type: "direct" });
  for (
    const verb of [
      (options: object) => queueSize(broker, "orders", options),
      (options: object) => queueUrl(broker, "orders", options),
      (options: object) => purgeQueue(broker, "orders", options),
      (options: object) => deleteExchange(broker, "news", options),
      (options: object) => removeStaleSubscriptions(broker, "news", options),
    ]
  ) await refused(verb, { timeout: { timeout: 5 }, signal: { signal: 5 } });
  assert.equal(sqs.requests.count(), 0);
  assert.deepEqual(Object.keys(topology(broker).exchanges), ["news"]);
});
