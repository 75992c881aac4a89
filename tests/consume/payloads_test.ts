import assert from "node:assert/strict";
import { connect, consume, json, type PayloadStore } from "@dashi/sqs";
import { DENIED, failing, setUp } from "./setup.ts";

/** A store of payloads in memory. */
function memoryStore(objects: Record<string, string>) {
  const removed: string[] = [];
  const store: PayloadStore = {
    needs: ["ExtendedPayloadSize"],
    threshold: 100,
    always: false,
    isPointer: (body) => body.startsWith("at:"),
    offload: () => Promise.reject(new Error("not here")),
    resolve(body, { lazy }) {
      const key = body.slice(3);
      const text = objects[key];
      const location = { bucket: "b", key };
      const stream = () => new Blob([text]).stream();
      if (key === "missing") return Promise.resolve({ location, stream, missing: true });
      if (text === undefined) return Promise.reject(new Error("there is no such object"));
      return Promise.resolve({ body: lazy ? undefined : text, location, stream });
    },
    cleanUp(locations) {
      removed.push(...locations.map(({ key }) => key));
      return Promise.resolve();
    },
  };
  return { store, removed };
}

/** A queue with a pointer in it, and a broker with the store. */
async function withPointer(body: string, objects: Record<string, string>, options: Parameters<typeof setUp>[0] = {}) {
  const test = setUp(options);
  const { store, removed } = memoryStore(objects);
  const broker = connect({
    ...test.sqs.connectOptions,
    codec: json(),
    payloads: store,
    onEvent: (event) => test.events.push(event),
  });
  await test.sqs.sendMessage("q", body);
  return { ...test, broker, removed };
}

Deno.test("a pointer is swapped for its payload, which is removed after the ack", async () => {
  const test = await withPointer("at:k", { k: '{"n":7}' });
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1 });
    for await (const delivery of deliveries) {
      assert.deepEqual(delivery.body, { n: 7 });
      assert.deepEqual(test.removed, []);
      await delivery.ack();
    }
    await deliveries.closed;
  });
  assert.deepEqual(test.removed, ["k"]);
  assert.deepEqual(test.inputs("ReceiveMessage")[0].MessageAttributeNames, ["ExtendedPayloadSize"]);
});

Deno.test("a payload stays where its message was not deleted", async () => {
  const test = await withPointer("at:k", { k: "1" }, { onRequest: failing("DeleteMessageBatch", DENIED) });
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1 });
    for await (const delivery of deliveries) await assert.rejects(delivery.ack());
    await deliveries.closed;
  });
  assert.deepEqual(test.removed, []);
});

Deno.test("payloads: lazy leaves the body undefined, and stream() reads it", async () => {
  const test = await withPointer("at:k", { k: "a long text" });
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1, payloads: "lazy" });
    for await (const delivery of deliveries) {
      assert.equal(delivery.body, undefined);
      assert.equal(await new Response(delivery.stream()).text(), "a long text");
      await delivery.ack();
    }
    await deliveries.closed;
  });
});

Deno.test("a payload that is not there makes its message undecodable", async () => {
  const test = await withPointer("at:gone", {});
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1, onUndecodable: "deliver" });
    for await (const delivery of deliveries) {
      assert.match(delivery.error!.message, /no such object/);
      assert.equal(delivery.body, "at:gone");
      await delivery.ack();
    }
    await deliveries.closed;
  });
  assert.deepEqual(test.removed, []);
});

Deno.test("a missing payload that the store ignores is acked unseen, with an event", async () => {
  const test = await withPointer("at:missing", {});
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxSeconds: 1 });
    assert.deepEqual(await Array.fromAsync(deliveries), []);
    await deliveries.closed;
  });
  assert.equal(test.of("drop")[0].reason, "payload-missing");
  assert.equal(test.sqs.messages("q").length, 0);
});
