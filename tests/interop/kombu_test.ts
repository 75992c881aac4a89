/**
 * Queues shared with a real Celery app and a real kombu, moto between them. `deno task test:interop` starts them; without
 * `MOTO_ENDPOINT` and `INTEROP_PYTHON` the tests are skipped.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Broker,
  canonicalName,
  connect,
  consume,
  type Delivery,
  entityName,
  kombu,
  publish,
  publishMany,
  queueSize,
} from "@dashi/sqs";
import { endpoint, ignore, kwargs, type Pair, pairs, type Received, startPeer, valueOf } from "./peer.ts";

if (ignore) console.log("kombu: skipped, as MOTO_ENDPOINT and INTEROP_PYTHON are not both set");

const SEED = 20_301;
const unique = (name: string) => `${name}-${crypto.randomUUID().slice(0, 8)}`;

const brokerOf = (options: object = {}): Broker =>
  connect({
    region: "us-east-1",
    endpoint,
    credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" },
    createMissing: true,
    fetchAttributes: { system: ["All"], message: ["All"] },
    ...options,
  });

/** All there is in a queue, acked. SQS may give a message twice, and moto does when two receives meet. */
async function drain(broker: Broker, queue: string): Promise<Delivery[]> {
  const found = new Map<string, Delivery>();
  const deliveries = consume(broker, queue, { untilEmpty: true, waitTimeSeconds: 0, prefetch: 50 });
  for await (const delivery of deliveries) {
    found.set(delivery.messageId, delivery);
    delivery.ack();
  }
  await deliveries.closed;
  return [...found.values()];
}

for (const base64 of [true, false]) {
  const how = base64 ? "in base64" : "as plain JSON";

  Deno.test(
    { name: `100 tasks that Celery sends ${how} arrive with equal values, and acks empty the queue`, ignore },
    async () => {
      await using peer = startPeer();
      const queue = unique("celery");
      const broker = brokerOf();
      const tasks = fc.sample(fc.tuple(fc.array(pairs, { maxLength: 3 }), kwargs), { numRuns: 100, seed: SEED })
        .map(([args, named], index) => ({
          name: `app.task_${index}`,
          args: ["list", args] as Pair,
          kwargs: named,
          options: index % 10 === 0
            ? { eta: ["datetime", "2031-02-03T04:05:06.789+00:00"], priority: ["int", String(index % 7)] }
            : {},
        }));
      const ids = await peer.ask<string[]>({ do: "celery", queue, base64, tasks });
      const found = await drain(broker, queue);
      assert.equal(found.length, 100);
      for (const delivery of found) {
        const index = ids.indexOf(delivery.headers.id as string);
        const { name, args, kwargs, options } = tasks[index];
        assert.equal(delivery.headers.task, name);
        assert.deepEqual((delivery.body as unknown[]).slice(0, 2), [valueOf(args), valueOf(kwargs)]);
        assert.equal(delivery.contentType, "application/json");
        if (!("eta" in options)) continue;
        assert.equal(+new Date(delivery.headers.eta as string), Date.UTC(2031, 1, 3, 4, 5, 6, 789));
        assert.equal(delivery.properties.priority, index % 7);
      }
      assert.deepEqual(await peer.ask({ do: "size", queue }), [0, 0, 0]);
    },
  );

  Deno.test(
    { name: `kombu's consumer reads what publishMany() sent ${how}, and its acks empty the queue`, ignore },
    async () => {
      await using peer = startPeer();
      const queue = unique("orders");
      const broker = brokerOf({ codec: kombu({ base64, bodyEncoding: base64 ? "base64" : "utf-8" }) });
      // What only Python has, such as a Decimal, is text here and stays it.
      const bodies = fc.sample(fc.array(pairs, { minLength: 1, maxLength: 4 }), { numRuns: 50, seed: SEED })
        .map((list) => valueOf(["list", list]) as unknown);
      const headers = { lang: "日本語", n: 1, nested: { a: [true, null] } };
      const properties = { correlation_id: "c-1", reply_to: "answers", priority: 7, expiration: "60000" };
      const results = await publishMany(broker, bodies.map((body) => ({ body })), { queue, headers, properties });
      assert.deepEqual(results.filter(({ error }) => error), []);
      const found = await peer.ask<Received[]>({ do: "consume", queue, base64, count: 50 });
      assert.deepEqual(new Set(found.map(({ body }) => show(valueOf(body)))), new Set(bodies.map(show)));
      for (const message of found) {
        assert.equal(message.contentType, "application/json");
        assert.equal(message.contentEncoding, "utf-8");
        assert.deepEqual(valueOf(message.headers), headers);
        assert.deepEqual(valueOf(message.properties), {
          ...properties,
          delivery_mode: 2,
          body_encoding: base64 ? "base64" : "utf-8",
        });
        assert.deepEqual(message.info, { exchange: "", routing_key: queue });
      }
      const size = await queueSize(broker, queue);
      assert.deepEqual(size, { visible: 0, inFlight: 0, delayed: 0 });
    },
  );
}

/** A value as text that tells types apart. */
function show(value: unknown): string {
  return Deno.inspect(value, { depth: 100, sorted: true, iterableLimit: 1e4, strAbbreviateSize: 1e6 });
}

Deno.test({ name: "kombu reads text and bytes with their content types, compressed bodies too", ignore }, async () => {
  await using peer = startPeer();
  const queue = unique("plain");
  const broker = brokerOf();
  await publish(broker, "Grüße, 🍜", { queue });
  await publish(broker, new Uint8Array([0, 255, 1]), { queue });
  await publish(broker, { text: "a".repeat(1000) }, { queue, contentEncoding: "gzip" });
  const found = await peer.ask<Received[]>({ do: "consume", queue, count: 3 });
  const byType = Object.fromEntries(found.map((message) => [message.contentType, message]));
  assert.deepEqual(valueOf(byType["text/plain"].body), "Grüße, 🍜");
  assert.deepEqual(valueOf(byType["application/data"].body), new Uint8Array([0, 255, 1]));
  assert.equal(byType["application/data"].contentEncoding, "binary");
  assert.deepEqual(valueOf(byType["application/json"].body), { text: "a".repeat(1000) });
});

Deno.test(
  { name: "kombu's priority, expiration, attributes and delay arrive, and ours arrive there", ignore },
  async () => {
    await using peer = startPeer();
    const queue = unique("options");
    const broker = brokerOf();
    const body: Pair = ["text", "a"];
    await peer.ask({
      do: "publish",
      queue,
      messages: [
        {
          body,
          options: {
            priority: 9,
            expiration: 60,
            correlation_id: "c",
            headers: { a: "ü" },
            message_attributes: { flavour: { DataType: "String", StringValue: "sweet" } },
          },
        },
        { body: ["text", "late"], options: { expiration: 0.001 } },
        { body, options: { delay_seconds: 900 } },
      ],
    });
    assert.equal((await queueSize(broker, queue)).delayed, 1);
    const [delivery, ...more] = await drain(broker, queue);
    assert.deepEqual(more, [], "an expired message is dropped, a delayed one not yet there");
    assert.equal(delivery.body, "a");
    assert.equal(delivery.properties.priority, 9);
    assert.equal(delivery.properties.expiration, "60000");
    assert.equal(delivery.properties.correlation_id, "c");
    assert.deepEqual(delivery.headers, { a: "ü" });
    assert.equal(delivery.messageAttributes.flavour, "sweet");
    assert.deepEqual(await peer.ask({ do: "size", queue }), [0, 0, 1]);

    const back = unique("back");
    await publish(broker, "b", {
      queue: back,
      expiration: 30,
      properties: { priority: 3 },
      messageAttributes: { flavour: "salt", grams: 5 },
    });
    await publish(broker, "c", { queue: back, delaySeconds: 900 });
    assert.deepEqual(await peer.ask({ do: "size", queue: back }), [1, 0, 1]);
    const [message] = await peer.ask<Received[]>({ do: "consume", queue: back, count: 1 });
    const properties = valueOf(message.properties) as Record<string, unknown>;
    assert.equal(properties.priority, 3);
    assert.equal(properties.expiration, "30000");
    assert.equal(message.messageAttributes.flavour.StringValue, "salt");
    assert.deepEqual([message.messageAttributes.grams.DataType, message.messageAttributes.grams.StringValue], [
      "Number",
      "5",
    ]);
  },
);

Deno.test({ name: "entityName() and canonicalName() are kombu's for 1,000 generated names", ignore }, async () => {
  await using peer = startPeer();
  const unit = fc.oneof(fc.constantFrom(..."!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"), fc.string({ unit: "binary" }));
  const name = fc.array(unit, { minLength: 1, maxLength: 12 }).map((units) => units.join(""));
  const any = fc.tuple(name.filter(Boolean), fc.constantFrom("", "", ".fifo")).map((parts) => parts.join(""));
  const names = fc.sample(any, { numRuns: 1000, seed: SEED });
  const broker = brokerOf({ queueNamePrefix: "prod.x-" });
  const theirs = await peer.ask<[string, string][]>({ do: "names", prefix: "prod.x-", names });
  const ours = names.map((name) => [entityName(name), canonicalName(broker, name)]);
  assert.deepEqual(ours, theirs);
});
