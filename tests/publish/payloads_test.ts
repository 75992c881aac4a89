import assert from "node:assert/strict";
import { text } from "../../lib/codec/text.ts";
import { AwsError, ConfigError, CredentialsError } from "../../lib/errors.ts";
import { publish } from "../../lib/publish/publish.ts";
import type { PublishOptions, PublishResult } from "../../lib/publish/options.ts";
import type { Broker, PayloadStore } from "../../lib/types.ts";
import { memoryStore } from "./memory_store.ts";
import { failing, memoryFanout, numbered, setUp, setUpAll, topology } from "./setup.ts";
import { publishMany } from "../../lib/publish/publish_many.ts";

/** The same by publishMany(). */
async function publishFirst(broker: Broker, body: unknown, options: PublishOptions): Promise<PublishResult> {
  const [result] = await publishMany(broker, [{ body }], options);
  if (result.error) throw result.error;
  return result;
}

Deno.test("publish() stores bodies above the threshold, attributes counted, and sends the pointer", async () => {
  const { store, objects } = memoryStore({ threshold: 10 });
  const { broker, inputs } = setUp({ codec: text(), payloads: store });
  assert.equal((await publish(broker, "1234567890", { queue: "orders" })).payload, undefined);
  const result = await publish(broker, "1234", { queue: "orders", messageAttributes: { a: "b" } });
  assert.deepEqual(result.payload, { bucket: "b", key: "k0" });
  const { body, shared, queue, size } = objects.get("k0")!;
  assert.deepEqual({ body, shared, queue, size }, { body: "1234", shared: false, queue: "orders", size: 12 });
  assert.equal(inputs()[1].MessageBody, "pointer k0");
  assert.deepEqual(Object.keys(inputs()[1].MessageAttributes as object), ["a", "ExtendedPayloadSize"]);
  const ten = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`a${i}`, i]));
  await assert.rejects(publish(broker, "x".repeat(20), { queue: "orders", messageAttributes: ten }), ConfigError);
  assert.equal(objects.size, 1);
});

Deno.test("publish() tells the payload store the attributes, of which S3Key chooses the key", async () => {
  const { store } = memoryStore({ threshold: 0 });
  const told: unknown[] = [];
  const offload: PayloadStore["offload"] = (body, about, context) => {
    told.push(about.messageAttributes);
    return store.offload(body, about, context);
  };
  const { broker } = setUp({ codec: text(), topology, payloads: { ...store, offload } });
  await publish(broker, "1234", { queue: "orders", messageAttributes: { S3Key: "mine" } });
  assert.deepEqual(told.splice(0), [{ S3Key: { DataType: "String", StringValue: "mine" } }]);
  // Of two queues, an ack in one would delete what the other one's message points to.
  await publish(broker, "1234", { exchange: "news", routingKey: "a.b", messageAttributes: { S3Key: "mine" } });
  assert.deepEqual(told.splice(0), [undefined, undefined]);
  // Those of a message that is sent on were chosen by whoever sent it.
  const properties = { message_attributes: { S3Key: { DataType: "String", StringValue: "theirs" } } };
  await publish(broker, "1234", { queue: "orders", properties });
  assert.deepEqual(told, [undefined]);
});

Deno.test("publish() sends no empty attributes, with a store that adds none either", async () => {
  const { store } = memoryStore({ threshold: 10 });
  const told: unknown[] = [];
  const offload: PayloadStore["offload"] = async (body, about, context) => {
    told.push(about.messageAttributes);
    return { ...await store.offload(body, about, context), messageAttributes: {} };
  };
  const { broker, inputs } = setUp({ codec: text(), payloads: { ...store, offload } });
  await publish(broker, "1", { queue: "orders" });
  await publish(broker, "x".repeat(11), { queue: "orders" });
  assert.deepEqual(inputs().map((input) => "MessageAttributes" in input), [false, false]);
  assert.deepEqual(told, [{}]);
});

Deno.test("publish() stores every body with always, also one that SQS would refuse", async () => {
  const { store, objects } = memoryStore({ threshold: 1e6, always: true });
  const { broker } = setUp({ codec: text(), payloads: store });
  await publish(broker, "\0", { queue: "orders" });
  assert.equal(objects.get("k0")!.body, "\0");
});

Deno.test("publish() stores one object for each queue of an exchange", async () => {
  const { store, objects } = memoryStore({ threshold: 0 });
  const { broker } = setUp({ topology, payloads: store });
  const { payload, sent } = await publish(broker, 1, { exchange: "news", routingKey: "a.b" });
  assert.deepEqual([...objects.values()].map(({ queue, shared }) => [queue, shared]), [["orders", false], [
    "audit",
    false,
  ]]);
  assert.deepEqual(sent.map((part) => part.payload?.key), ["k0", "k1"]);
  assert.equal(payload!.key, "k0");
});

Deno.test("publish() deletes what it stored if the send fails", async () => {
  const { store, objects } = memoryStore({ threshold: 0 });
  const { broker, sqs } = setUp({ payloads: store });
  sqs.setFaults(({ action }) =>
    action === "SendMessage" ? { type: "error", code: "InternalError", status: 500 } : undefined
  );
  await assert.rejects(sqs.clock.run(() => publish(broker, 1, { queue: "orders" })), AwsError);
  assert.equal(objects.size, 0);
});

Deno.test("publish() keeps what it stored if the message may be there all the same", async () => {
  const { store, objects } = memoryStore({ threshold: 0 });
  const { broker, sqs } = setUp({ payloads: store });
  sqs.setFaults(({ action }) => action === "SendMessage" ? { type: "lost-answer" } : undefined);
  await assert.rejects(sqs.clock.run(() => publish(broker, 1, { queue: "orders" })), AwsError);
  assert.ok(sqs.messages("orders").length > 0);
  assert.equal(objects.size, 1);
});

Deno.test("publish() keeps what it stored if a try before the last one may have sent the message", async () => {
  for (const [code, tries] of [["RequestThrottled", 3], ["AccessDenied", 2]] as const) {
    const { store, objects } = memoryStore({ threshold: 0 });
    const { broker, sqs } = setUp({ payloads: store });
    sqs.setFaults(({ action, attempt }) =>
      action === "SendMessage" ? attempt === 1 ? { type: "lost-answer" } : { type: "error", code } : undefined
    );
    await assert.rejects(
      sqs.clock.run(() => publish(broker, 1, { queue: "orders" })),
      (error) => error instanceof AwsError && error.awsCode === code && error.cause instanceof AwsError,
    );
    assert.equal(sqs.requests.count("SendMessage"), tries);
    assert.deepEqual(sqs.messages("orders").map(({ body }) => body), ["pointer k0"]);
    assert.deepEqual([...objects.keys()], ["k0"]);
  }
});

for (const publishOne of [publish, publishFirst]) {
  Deno.test(`${publishOne.name}() keeps what it stored if the keys are gone after a try that may have sent the message`, async () => {
    const { store, objects } = memoryStore({ threshold: 0 });
    const { broker, sqs } = setUp({
      payloads: store,
      credentials: () => {
        if (sqs.messages("orders").length) throw new CredentialsError("no keys any more");
        return sqs.connectOptions.credentials();
      },
    });
    sqs.setFaults(({ action }) => /^SendMessage/.test(action) ? { type: "lost-answer" } : undefined);
    await assert.rejects(sqs.clock.run(() => publishOne(broker, 1, { queue: "orders" })), CredentialsError);
    assert.deepEqual(sqs.messages("orders").map(({ body }) => body), ["pointer k0"]);
    assert.deepEqual([...objects.keys()], ["k0"]);
  });
}

Deno.test("publish() stores a stream as it is, for each queue, and wants payloads for it", async () => {
  const stream = () => new Blob(["bytes"]).stream();
  const bare = setUp();
  const unread = stream();
  for (
    const more of [
      { headers: { a: 1 } },
      { expiration: 5 },
      { contentType: "image/png" },
      { contentEncoding: "gzip" },
      { traceparent: "00-1-2-00" },
    ]
  ) {
    const [name] = Object.keys(more);
    await assert.rejects(
      publish(bare.broker, unread, { queue: "orders", ...more }),
      (error) => error instanceof ConfigError && error.message.includes(`'${name}' as it must be left out`),
    );
  }
  const read = stream();
  read.getReader();
  await assert.rejects(publish(bare.broker, read, { queue: "orders" }), ConfigError);
  await assert.rejects(publish(bare.broker, unread, { queue: "orders" }), /stream.*payloads/);
  assert.equal(unread.locked, false);
  const { store, objects } = memoryStore();
  const { broker, inputs } = setUp({ topology, payloads: store });
  const both = { exchange: "news", routingKey: "a.b" };
  const messageAttributes = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`a${i}`, 1]));
  await assert.rejects(publish(broker, unread, { ...both, messageAttributes }), ConfigError);
  assert.equal(unread.locked, false);
  await publish(broker, unread, both);
  assert.deepEqual([...objects.values()].map(({ body, size }) => [body, size]), [["bytes", undefined], [
    "bytes",
    undefined,
  ]]);
  assert.deepEqual(inputs().map(({ MessageBody }) => MessageBody).sort(), ["pointer k0", "pointer k1"]);
});

Deno.test("publish() stores by the topic's limit, once for all receivers", async () => {
  const { fanout } = memoryFanout(100);
  const { store, objects } = memoryStore();
  const { broker } = setUp({ topology, fanout, payloads: store, codec: text() });
  await publish(broker, "x".repeat(100), { exchange: "loud" });
  assert.equal(objects.size, 0);
  await publish(broker, "x".repeat(101), { exchange: "loud" });
  assert.deepEqual([...objects.values()].map(({ queue, shared }) => [queue, shared]), [["loud", true]]);
});

Deno.test("publishAll() stores large bodies, and the largest of a batch that is too large in sum", async () => {
  const { store, objects } = memoryStore({ threshold: 500_000 });
  const { many, batches } = setUpAll({ payloads: store });
  const sizes = [100_000, 400_000, 200_000, 450_000, 300_000, 600_000];
  const results = await many(sizes.map((size) => ({ body: "x".repeat(size) })));
  assert.deepEqual([...objects.values()].map(({ body }) => body.length).sort(), [450_000, 600_000]);
  assert.equal(batches().length, 1);
  assert.deepEqual(results.map(({ payload }) => !!payload), [false, false, false, true, false, true]);
});

Deno.test("publishAll() deletes what it stored for a message that failed for good, and keeps it over retries", async () => {
  const { store, objects } = memoryStore({ threshold: 0, fails: (body) => body === "2" });
  const { many, sqs, held } = setUpAll({ payloads: store });
  sqs.setFaults(failing({ "pointer k0": 1, "pointer k1": 9 }));
  const results = await many(numbered(3));
  assert.deepEqual(results.map(({ error }) => !!error), [false, true, true]);
  assert.match(results[2].error!.message, /no room/);
  assert.deepEqual([...objects.keys()], ["k0"]);
  assert.deepEqual(held("orders"), ["pointer k0"]);
});

Deno.test("publishAll() keeps what it stored where a request that may have been carried out is refused entry by entry", async () => {
  const { store, objects } = memoryStore({ threshold: 0 });
  const { many, sqs, held } = setUpAll({ payloads: store });
  sqs.setFaults(({ action, attempt }) => {
    if (action !== "SendMessageBatch") return undefined;
    return attempt === 1 ? { type: "lost-answer" } : { type: "failed-entries", ids: () => true, senderFault: true };
  });
  const [{ error }] = await many(numbered(1));
  assert.ok(error instanceof AwsError && error.cause instanceof AwsError);
  assert.deepEqual(held("orders"), ["pointer k0"]);
  assert.deepEqual([...objects.keys()], ["k0"]);
});

Deno.test("publishAll() sends no request where nothing of a batch could be stored", async () => {
  const { store } = memoryStore({ threshold: 0, fails: () => true });
  const { many, sqs, events } = setUpAll({ payloads: store });
  const results = await many(numbered(3));
  assert.deepEqual(results.map(({ error }) => /no room/.test(error!.message)), [true, true, true]);
  assert.equal(sqs.requests.count("SendMessageBatch"), 0);
  assert.deepEqual(events.filter(({ type }) => type === "publish"), []);
});

Deno.test("publish() and publishAll() tell of an object that they could not take back, and fail with what the send failed with", async () => {
  for (const batched of [false, true]) {
    const { store } = memoryStore({ threshold: 0 });
    const offload: PayloadStore["offload"] = async (...about) => ({
      ...await store.offload(...about),
      undo: () => Promise.reject(new Error("no way back")),
    });
    const { broker, sqs, events } = setUpAll({ payloads: { ...store, offload } });
    sqs.setFaults(({ action }) =>
      action.startsWith("SendMessage") ? { type: "error", code: "AccessDenied" } : undefined
    );
    const publishOne = batched ? publishFirst : publish;
    await assert.rejects(sqs.clock.run(() => publishOne(broker, "0", { queue: "orders" })), {
      awsCode: "AccessDenied",
    });
    const errors = events.flatMap((event) => event.type === "error" ? [event.error.message] : []);
    assert.deepEqual(errors, ["no way back"]);
  }
});

Deno.test("publishAll() keeps what it stored for a message that a try before the last one may have sent", async () => {
  for (const then of ["refused", "given up"]) {
    const { store, objects } = memoryStore({ threshold: 0 });
    const ending = new AbortController();
    let silent = false;
    const { sqs, broker, held } = setUpAll({
      payloads: store,
      http: {
        // The first answer does not speak of the message, which is there.
        async fetch(request, init) {
          const response = await sqs.fetch(request, init);
          if (silent || !held("orders").length) return response;
          silent = true;
          return Response.json({}, response);
        },
      },
    });
    sqs.setFaults(({ action, queue }) => {
      if (!silent || action !== "SendMessageBatch") return;
      if (queue === "audit") return { type: "slow", seconds: 20 };
      return { type: "failed-entries", ids: () => true, senderFault: true };
    });
    const inputs = async function* () {
      yield { queue: "orders", body: "0" };
      if (then === "refused") return;
      while (!silent) await sqs.clock.sleep(0);
      yield { queue: "audit", body: "1" }; // takes the one place until the end, so that no other try is made
      await sqs.clock.sleep(20);
    };
    await sqs.clock.run(async () => {
      const work = publishMany(broker, inputs(), { concurrency: 1, signal: ending.signal });
      sqs.clock.sleep(10).then(() => ending.abort());
      await work.then(([{ error }]) => assert.ok(error), () => assert.equal(then, "given up"));
    });
    assert.equal(sqs.requests.list.filter(({ action }) => action === "SendMessageBatch").length, 2);
    assert.deepEqual(held("orders"), ["pointer k0"]);
    assert.ok(objects.has("k0"), then);
  }
});

Deno.test("publish() and publishAll() keep what they stored for a message under way as the signal fires, whatever its reason", async () => {
  for (const reason of [undefined, new Error("enough"), "enough", null]) {
    for (const batched of [false, true]) {
      const { store, objects } = memoryStore({ always: true });
      const { sqs, broker, held } = setUpAll({ payloads: store });
      sqs.setFaults(({ action }) => action.startsWith("SendMessage") ? { type: "slow", seconds: 5 } : undefined);
      const controller = new AbortController();
      const options = { queue: "orders", signal: controller.signal };
      await sqs.clock.run(async () => {
        const work = batched ? publishMany(broker, numbered(1), options) : publish(broker, "0", options);
        const ended = assert.rejects(work.catch((error) => {
          const { reason } = controller.signal;
          assert.ok(error === reason || error.cause === reason);
          throw new Error("as it should be");
        }));
        await sqs.clock.sleep(1);
        controller.abort(reason);
        await ended;
      });
      assert.deepEqual(held("orders"), ["pointer k0"]);
      assert.deepEqual([...objects.keys()], ["k0"]);
    }
  }
});

Deno.test("publish() and publishAll() delete what they stored for a message whose send the signal kept from beginning", async () => {
  for (const batched of [false, true]) {
    const { store, objects } = memoryStore({ always: true });
    const controller = new AbortController();
    const offload: PayloadStore["offload"] = async (...about) => {
      const payload = await store.offload(...about);
      if (objects.size === (batched ? 3 : 1)) controller.abort();
      return payload;
    };
    const { sqs, broker, held } = setUpAll({ payloads: { ...store, offload } });
    const options = { queue: "orders", signal: controller.signal };
    const work = batched ? publishMany(broker, numbered(3), options) : publish(broker, "0", options);
    await assert.rejects(sqs.clock.run<unknown>(() => work), { name: "AbortError" });
    assert.deepEqual(held("orders"), []);
    assert.deepEqual([...objects.keys()], []);
  }
});

Deno.test("publishAll() keeps what it stored for one of two messages whose next try has one error", async () => {
  const { store, objects } = memoryStore({ threshold: 0 });
  const { sqs, many, held } = setUpAll({
    payloads: store,
    http: {
      // The first answer does not speak of the second message, which is there.
      async fetch(request, init) {
        const response = await sqs.fetch(request, init);
        if (sqs.requests.count("SendMessageBatch") !== 1) return response;
        return Response.json({ Failed: (await response.json()).Failed }, response);
      },
    },
  });
  sqs.setFaults(({ action, attempt }) => {
    if (action !== "SendMessageBatch") return;
    if (attempt === 1) return { type: "failed-entries", ids: (_, index) => index === 0 };
    return { type: "error", code: "com.amazon.coral.service#AccessDeniedException", status: 403 };
  });
  const results = await many(numbered(2));
  assert.deepEqual(results.map(({ error }) => (error as AwsError).awsCode), Array(2).fill("AccessDeniedException"));
  assert.deepEqual(held("orders"), ["pointer k1"]);
  assert.deepEqual([...objects.keys()], ["k1"]);
});
