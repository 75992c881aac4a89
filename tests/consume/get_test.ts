/** One message at a time: get(). */
import assert from "node:assert/strict";
import { connect, type DashiEvent, get, json, type PayloadStore } from "@dashi/sqs";
import { memoryStore } from "./payload_store.ts";
import { DOWN, failing, setUp } from "./setup.ts";

Deno.test("get() gives one delivery or undefined, and leaves nothing running", async () => {
  const { broker, run, fill, sqs, clock, count } = setUp();
  await run(async () => {
    assert.equal(await get(broker, "q"), undefined);
    await fill(3);
    const delivery = await get(broker, "q");
    assert.ok(delivery);
    await clock.sleep(0.001);
    assert.deepEqual(clock.waits, [], "with the delivery still in hand");
    assert.equal(count("inFlight"), 1);
    await delivery.ack();
    assert.equal(sqs.messages("q").length, 2);
    await (await get(broker, "q"))!.release();
    assert.equal(count("visible"), 2);
    await clock.sleep(1);
    assert.equal(sqs.requests.count("ChangeMessageVisibilityBatch"), 1);
  });
});

Deno.test("get() refuses options that it does not know", async () => {
  const { broker } = setUp();
  await assert.rejects(get(broker, "q", { ack: "auto" } as never), { name: "ConfigError", message: /'ack'/ });
  for (const options of [5, null, []]) {
    await assert.rejects(get(broker, "q", options as never), { name: "ConfigError", message: /'options'/ });
  }
});

Deno.test("get() waits for as long as it is told, and hears its signal", async () => {
  const { broker, run, seconds, clock } = setUp();
  await run(async () => {
    await get(broker, "q", { waitTimeSeconds: 8 });
    assert.equal(seconds(), 8);
    const abort = new AbortController();
    const got = get(broker, "q", { waitTimeSeconds: 20, signal: abort.signal });
    const rejected = assert.rejects(got, { name: "AbortError" });
    await clock.sleep(2);
    abort.abort();
    await rejected;
    assert.equal(seconds(), 10);
    await clock.sleep(30);
  });
});

Deno.test("get() gives up after as many receives that failed as a request has tries", async () => {
  const { broker, run, fill, sqs } = setUp({
    onRequest: failing("ReceiveMessage", DOWN, ({ attempt }) => attempt <= 5),
  });
  await fill(1);
  await run(() => assert.rejects(get(broker, "q"), { awsCode: "InternalError" }));
  assert.equal(sqs.requests.count("ReceiveMessage"), 3);
});

Deno.test("get() ends where all that is there can't be read, though it comes again while a long poll waits", async () => {
  const { broker, run, sqs, seconds, fill, of } = setUp({ attributes: { VisibilityTimeout: 2 } });
  await sqs.sendMessage("q", "{");
  await sqs.sendMessage("q", "}");
  await run(async () => {
    assert.equal(await get(broker, "q", { waitTimeSeconds: 20 }), undefined);
    assert.equal(seconds(), 2);
    await fill(1);
    assert.deepEqual((await get(broker, "q", { waitTimeSeconds: 20 }))?.body, { n: 0 });
  });
  assert.deepEqual(new Set(of("drop").map(({ reason }) => reason)), new Set(["undecodable"]));
  assert.equal(of("handover").length, 1);
});

Deno.test("get() ends where its message lapses each time that its payload is read", async () => {
  const { run, sqs, clock, of, events } = setUp({ attributes: { VisibilityTimeout: 30 } });
  const { store } = memoryStore({ k: "1" });
  let reads = 0;
  const payloads: PayloadStore = {
    ...store,
    async resolve(body, about, context) {
      reads++;
      await clock.sleep(40, context.signal);
      return await store.resolve(body, about, context);
    },
  };
  const onEvent = (event: DashiEvent) => void events.push(event);
  const broker = connect({ ...sqs.connectOptions, codec: json(), payloads, onEvent });
  await sqs.sendMessage("q", "at:k");
  await run(async () => assert.equal(await get(broker, "q"), undefined));
  assert.equal(reads, 2);
  assert.deepEqual(of("drop").map(({ reason }) => reason), ["lapsed", "lapsed"]);
  assert.equal(sqs.messages("q").length, 1);
});

Deno.test("get() throws what no retry mends, and takes no message that can't be read", async () => {
  const { broker, run, sqs, of } = setUp();
  await run(async () => {
    await assert.rejects(get(broker, "missing"), { name: "DoesNotExistQueueError" });
    await sqs.sendMessage("q", "{");
    assert.equal(await get(broker, "q"), undefined);
  });
  assert.equal(of("drop")[0].reason, "undecodable");
});
