/** How many payloads are read at once, and what they keep of memory. */
import assert from "node:assert/strict";
import { connect, consume, kombu, type PayloadStore, pipe, receive, resolvePayloads } from "@dashi/sqs";
import { byteGate } from "@dashi/sqs/payloads";
import { memoryStore, withDownloads, withPointer } from "./payload_store.ts";
import { setUp } from "./setup.ts";

Deno.test("payloads that can't be read or are not there keep no place from those behind them", async () => {
  const test = await withPointer("at:k", { k: "1", l: "2" });
  for (let n = 0; n < 20; n++) await test.sqs.sendMessage("q", n % 2 ? "at:missing" : "at:nothing");
  await test.sqs.sendMessage("q", "at:l");
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { prefetch: 50, maxMessages: 2, maxSeconds: 60 });
    const held = await Array.fromAsync(deliveries);
    assert.deepEqual(held.map(({ body }) => body), [1, 2]);
    await Promise.all(held.map((delivery) => delivery.ack()));
    await deliveries.closed;
  });
});

Deno.test("resolvePayloads() never reads more payloads side by side than concurrency says", async () => {
  const test = setUp();
  const { store } = memoryStore({ k: "1" });
  let reading = 0;
  let most = 0;
  const slow: PayloadStore = {
    ...store,
    async resolve(body, about, context) {
      most = Math.max(most, ++reading);
      await test.clock.sleep(1);
      reading--;
      return await store.resolve(body, about, context);
    },
  };
  for (let n = 0; n < 12; n++) await test.sqs.sendMessage("q", "at:k");
  await test.run(async () => {
    const source = receive(test.broker, "q", { prefetch: 50, maxMessages: 12 });
    for await (const delivery of pipe(source, resolvePayloads(slow, { concurrency: 2 }))) await delivery.ack();
    await source.closed;
  });
  assert.equal(most, 2);
});

Deno.test("a store that never answers does not keep the loop waiting when all else is over", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 30 } });
  const store: PayloadStore = { ...memoryStore({}).store, resolve: () => new Promise(() => {}) };
  await test.sqs.sendMessage("q", "at:k");
  await test.run(async () => {
    const broker = connect({ ...test.sqs.connectOptions, payloads: store });
    const deliveries = consume(broker, "q", { untilEmpty: true, heartbeat: false });
    assert.deepEqual(await Array.fromAsync(deliveries), []);
    await deliveries.closed;
  });
  assert.equal(test.count("visible"), 1);
});

Deno.test("sixteen payloads are downloaded at once, four in a FIFO queue, and a small message passes them", async () => {
  for (const [queue, most] of [["q", 16], ["q.fifo", 4]] as const) {
    const waiting: (() => void)[] = [];
    let open = false;
    const test = await withDownloads(
      20,
      () => new Promise((resolve) => open ? resolve() : waiting.push(resolve)),
      { queue },
    );
    const seen: unknown[] = [];
    await test.run(async () => {
      const deliveries = test.deliveries();
      for await (const delivery of deliveries) {
        seen.push(delivery.body);
        if (seen.length === 1) {
          await test.clock.sleep(1);
          assert.equal(waiting.length, most);
          open = true;
          for (const resolve of waiting) resolve();
        }
        await delivery.ack();
      }
      await deliveries.closed;
    });
    assert.deepEqual(seen, ["small", ...Array(20).fill("large")]);
  }
});

Deno.test("a payload keeps its bytes until the loop takes it, and may ask for more of them", async () => {
  let inside = 0;
  const test = await withDownloads(4, async ({ gate }) => {
    const leave = await gate!.enter(4);
    leave();
    await gate!.enter(9).then((leave) => leave());
    inside++;
  }, { gate: () => byteGate(10) });
  await test.run(async () => {
    const deliveries = test.deliveries();
    let large = 0;
    for await (const delivery of deliveries) {
      if (delivery.body === "large") large++;
      await test.clock.sleep(1);
      assert.equal(inside, Math.min(4, large + 1), "one is with the loop, one waits for it");
      await delivery.ack();
    }
    assert.equal(large, 4);
    await deliveries.closed;
  });
});

Deno.test("one resolvePayloads() serves several loops, also after one that was left early", async () => {
  const { store } = memoryStore({ k: "1" });
  const transform = resolvePayloads(store, { concurrency: 1 });
  for (let loop = 0; loop < 3; loop++) {
    const test = setUp();
    for (let n = 0; n < 3; n++) await test.sqs.sendMessage("q", "at:k");
    await test.run(async () => {
      const source = receive(test.broker, "q");
      let seen = 0;
      for await (const delivery of pipe(source, transform)) {
        assert.equal(delivery.body, "1");
        await delivery.ack();
        if (++seen === 2) break;
      }
      await source.closed;
      assert.equal(seen, 2);
    });
  }
});

Deno.test("maxBytes bounds what a body is decompressed to, that of a payload and that of a small message", async () => {
  const long = "x".repeat(100_000);
  const parts = { headers: {}, properties: {}, exchange: "", routingKey: "q", messageId: "1" };
  const { body } = await kombu().encode({ body: long, contentEncoding: "gzip", ...parts });
  const { store } = memoryStore({ k: body });
  for (const [maxBytes, fits] of [[100_000, true], [99_999, false]] as const) {
    const test = setUp();
    const broker = connect({ ...test.sqs.connectOptions, codec: kombu(), payloads: { ...store, maxBytes } });
    for (const sent of [body, "at:k"]) await test.sqs.sendMessage("q", sent);
    await test.run(async () => {
      const deliveries = consume(broker, "q", { maxMessages: 2, onUndecodable: "deliver" });
      for await (const delivery of deliveries) {
        if (fits) assert.equal(delivery.body, long);
        else assert.match(delivery.error!.message, /more than 99999 bytes/);
        await delivery.ack();
      }
      await deliveries.closed;
    });
  }
});
