/** When a payload is removed, and when it stays. */
import assert from "node:assert/strict";
import {
  connect,
  consume,
  type DashiEvent,
  get,
  json,
  kombu,
  type PayloadStore,
  pipe,
  receive,
  resolvePayloads,
} from "@dashi/sqs";
import { memoryStore, withPointer } from "./payload_store.ts";
import { DENIED, failing, REFUSED, setUp } from "./setup.ts";

Deno.test("a pipeline of one's own removes payloads from the store that it was given, whatever the broker has", async () => {
  const brokers = memoryStore({});
  for (const payloads of [undefined, brokers.store]) {
    const test = setUp({ connect: { payloads } });
    const { store, removed } = memoryStore({ k: "text" });
    await test.sqs.sendMessage("q", "at:k");
    await test.run(async () => {
      const source = receive(test.broker, "q", { maxMessages: 1 });
      for await (const delivery of pipe(source, resolvePayloads(store))) {
        assert.equal(delivery.body, "text");
        await delivery.ack();
      }
      await source.closed;
    });
    assert.deepEqual(removed, ["k"]);
    assert.deepEqual(brokers.removed, []);
  }
});

Deno.test("payloads of two stores whose messages are deleted together are removed each from its own", async () => {
  const test = setUp({ order: "fifo" });
  const [near, far] = [memoryStore({ k: "near" }), memoryStore({ k: "far" })];
  const elsewhere: PayloadStore = {
    ...far.store,
    isPointer: (body) => body.startsWith("far:"),
    resolve: (body, options, context) => far.store.resolve(body.replace("far:", "at:"), options, context),
  };
  for (const body of ["at:k", "far:k"]) await test.sqs.sendMessage("q", body);
  await test.run(async () => {
    const source = receive(test.broker, "q", { untilEmpty: true });
    const acks: Promise<void>[] = [];
    for await (const delivery of pipe(source, resolvePayloads(near.store), resolvePayloads(elsewhere))) {
      acks.push(delivery.ack());
    }
    await Promise.all(acks);
    await source.closed;
  });
  assert.equal(test.sqs.requests.count("DeleteMessageBatch"), 1);
  assert.deepEqual([near.removed, far.removed], [["k"], ["k"]]);
});

Deno.test("a store that fails to remove a payload, however it fails, fails no ack: an event has the error", async () => {
  const why = new Error("no bucket");
  const failures: [() => Promise<void>, Error | string][] = [
    [() => Promise.reject(why), why],
    [() => Promise.reject("no bucket"), "no bucket"],
    [() => {
      throw why;
    }, why],
  ];
  for (const [cleanUp, thrown] of failures) {
    const test = setUp();
    const payloads = { ...memoryStore({ k: "7" }).store, cleanUp };
    const broker = connect({
      ...test.sqs.connectOptions,
      codec: json(),
      payloads,
      onEvent: (e) => test.events.push(e),
    });
    await test.sqs.sendMessage("q", "at:k");
    await test.run(async () => {
      const deliveries = consume(broker, "q", { maxMessages: 1 });
      for await (const delivery of deliveries) await delivery.ack();
      await deliveries.closed;
    });
    assert.deepEqual(test.sqs.messages("q"), []);
    const [{ error }, ...others] = test.of("error");
    assert.deepEqual(others, []);
    assert.ok(error === why || error instanceof Error && error.cause === thrown);
  }
});

Deno.test("ack: none leaves a payload where it is that only stream() reads", async () => {
  for (const payloads of ["lazy", "eager"] as const) {
    const test = await withPointer("at:k", { k: '{"n":7}' });
    await test.run(async () => {
      const deliveries = consume(test.broker, "q", { maxMessages: 1, ack: "none", payloads });
      for await (const delivery of deliveries) {
        assert.deepEqual(delivery.body, payloads === "lazy" ? undefined : { n: 7 });
        assert.deepEqual(test.sqs.messages("q"), []);
        assert.equal(await new Response(delivery.stream()).text(), '{"n":7}');
      }
      await deliveries.closed;
    });
    assert.deepEqual(test.removed, payloads === "lazy" ? [] : ["k"]);
  }
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

Deno.test("a payload stays where its message is another's by the time of the ack", async () => {
  const test = await withPointer("at:k", { k: "1" }, { attributes: { VisibilityTimeout: 30 } });
  await test.run(async () => {
    const late = await get(test.broker, "q");
    await test.clock.sleep(31);
    const other = await get(test.broker, "q");
    await late!.ack(); // SQS takes the old handle, and deletes nothing
    assert.deepEqual(test.removed, []);
    assert.equal(test.count("inFlight"), 1);
    await other!.ack();
    assert.deepEqual(test.removed, ["k"]);
  });
});

Deno.test("what SQS said is not ours any more is left alone before its time is over, and so is its payload", async () => {
  const test = await withPointer("at:k", { k: "1" }, {
    attributes: { VisibilityTimeout: 30 },
    onRequest: failing("ChangeMessageVisibilityBatch", REFUSED),
  });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 2, graceSeconds: 100 });
    const held = await Array.fromAsync(deliveries);
    await test.clock.sleep(16); // a heartbeat at 15
    await assert.rejects(held[1].release(), { name: "ReceiptExpiredError" });
    await held[0].ack();
    await deliveries.closed;
  });
  assert.equal(test.sqs.requests.count("ChangeMessageVisibilityBatch"), 1);
  assert.deepEqual(test.removed, []);
});

Deno.test("get() waits until what it drops is removed, payload and all", async () => {
  const test = setUp();
  const late = { body: "1", headers: {}, "content-type": "text/plain", properties: { expiration: "1" } };
  const { store } = memoryStore({ k: JSON.stringify(late) });
  const payloads = { ...store, cleanUp: () => test.clock.sleep(3) };
  const broker = connect({ ...test.sqs.connectOptions, codec: kombu(), payloads });
  await test.sqs.sendMessage("q", "at:k");
  await test.run(async () => {
    await test.clock.sleep(1);
    assert.equal(await get(broker, "q"), undefined);
    assert.ok(test.seconds() >= 4, `after ${test.seconds()} s`);
  });
});

Deno.test("what get() gave with a payload stays, and its ack waits until the payload is removed", async () => {
  const test = setUp();
  const { store, removed } = memoryStore({ k: "7" });
  const payloads: PayloadStore = {
    ...store,
    cleanUp: async (locations, context) => {
      await test.clock.sleep(1);
      await store.cleanUp(locations, context);
    },
  };
  const broker = connect({ ...test.sqs.connectOptions, codec: json(), payloads });
  await test.sqs.sendMessage("q", "at:k");
  await test.run(async () => {
    const delivery = await get(broker, "q");
    assert.equal(delivery?.body, 7);
    await test.clock.sleep(10); // no grace takes it back
    assert.equal(test.count("inFlight"), 1);
    await delivery.ack();
    assert.deepEqual(removed, ["k"]);
  });
});

Deno.test("who awaits an ack waits until its payload is removed, or could not be; neither its slot nor the loop does", async () => {
  for (const [fails, awaited] of [[false, true], [false, false], [true, true]]) {
    const test = setUp({ order: "fifo" });
    const { store } = memoryStore({ k: "7" });
    const cleanUp = () => {
      if (fails) throw new Error("no");
      return test.clock.sleep(3);
    };
    const onEvent = (event: DashiEvent) => test.events.push(event);
    const broker = connect({ ...test.sqs.connectOptions, codec: json(), payloads: { ...store, cleanUp }, onEvent });
    for (const body of ["at:k", "8"]) await test.sqs.sendMessage("q", body);
    await test.run(async () => {
      const deliveries = consume(broker, "q", { prefetch: 1, maxMessages: 2 });
      const acks: Promise<void>[] = [];
      for await (const delivery of deliveries) {
        acks.push(delivery.ack());
        if (awaited) await acks[0];
      }
      const whole = fails ? 0 : 3;
      assert.equal(test.seconds(), awaited ? whole : 0);
      await Promise.all(acks);
      assert.equal(test.seconds(), whole);
      await deliveries.closed;
      assert.equal(test.seconds(), whole);
    });
    assert.equal(test.of("error").length, fails ? 1 : 0);
  }
});

Deno.test("ack: none hands over what is deleted before its payload is removed", async () => {
  const test = setUp();
  const { store } = memoryStore({ k: "7" });
  const payloads = { ...store, cleanUp: () => test.clock.sleep(3) };
  const broker = connect({ ...test.sqs.connectOptions, codec: json(), payloads });
  await test.sqs.sendMessage("q", "at:k");
  await test.run(async () => {
    const deliveries = consume(broker, "q", { ack: "none", maxMessages: 1 });
    for await (const { body } of deliveries) assert.deepEqual([body, test.seconds()], [7, 0]);
    await deliveries.closed;
    assert.equal(test.seconds(), 3);
  });
});

Deno.test("ack: none does not hand over what goes back with its group on its way", async () => {
  for (const ack of ["none", "manual"] as const) {
    const test = setUp({ queue: "q.fifo", attributes: { VisibilityTimeout: 30 } });
    const { store } = memoryStore({ b: '{"n":1}' });
    const payloads: PayloadStore = {
      ...store,
      async resolve(...asked) {
        if (asked[0] === "at:a") await test.clock.sleep(1); // and then there is no such object
        return await store.resolve(...asked);
      },
    };
    const broker = connect({ ...test.sqs.connectOptions, codec: json(), payloads });
    for (const key of ["a", "b"]) {
      await test.sqs.sendMessage("q.fifo", `at:${key}`, { groupId: "g", deduplicationId: key });
    }
    await test.run(async () => {
      const deliveries = consume(broker, "q.fifo", { ack, maxSeconds: 10 });
      for await (const { body } of deliveries) {
        assert.fail(`${JSON.stringify(body)} came before the first of its group`);
      }
      await deliveries.closed;
    });
    assert.equal(test.sqs.messages("q.fifo").length, 2);
  }
});
