import assert from "node:assert/strict";
import {
  connect,
  consume,
  type Delivery,
  forEach,
  get,
  keepInvisible,
  pipe,
  readAhead,
  ReceiptExpiredError,
  receive,
  text,
} from "@dashi/sqs";
import { all, DENIED, DOWN, failing, type Input, keysUnless, numberOf, setUp } from "./setup.ts";

const CHANGE = "ChangeMessageVisibilityBatch";

/** Holds one message for some seconds, in which it stays ours, and acks it. */
async function holdsFor(seconds: number, test: ReturnType<typeof setUp>): Promise<void> {
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1, graceSeconds: 1000 });
    const [delivery] = await Array.fromAsync(deliveries);
    await test.clock.sleep(seconds);
    assert.equal(delivery.signal.aborted, false);
    await delivery.ack();
    await deliveries.closed;
  });
}

Deno.test("the heartbeat begins with the receipt, buffer included, and goes in batches of ten", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 30 } });
  await test.fill(20);
  const seen: number[] = [];
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { prefetch: 20, maxMessages: 20 });
    for await (const delivery of deliveries) {
      assert.equal(delivery.receiveCount, 1);
      seen.push(numberOf(delivery));
      await test.clock.sleep(10);
      await delivery.ack();
    }
    await deliveries.closed;
  });
  assert.equal(new Set(seen).size, 20);
  const sizes = test.inputs(CHANGE).map(({ Entries }) => Entries.length);
  assert.deepEqual(sizes.slice(0, 2), [10, 9]);
  assert.ok(sizes.length < 20, `${sizes.length} requests`);
});

Deno.test("heartbeat: false sends none, also where half of the timeout is over before the answer", async () => {
  const test = setUp({
    attributes: { VisibilityTimeout: 5 },
    onRequest: failing("ReceiveMessage", { type: "slow", seconds: 3 }),
  });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { heartbeat: false, waitTimeSeconds: 0 });
    for await (const delivery of deliveries) {
      await test.clock.sleep(20);
      assert.equal(delivery.signal.aborted, true);
      assert.equal(test.sqs.requests.count(CHANGE), 0);
      break;
    }
    await deliveries.closed;
  });
});

Deno.test("settling stops the heartbeat first", async () => {
  for (const verb of ["ack", "release"] as const) {
    const test = setUp({
      attributes: { VisibilityTimeout: 20 },
      onRequest: (call) =>
        call.action === "DeleteMessageBatch" || JSON.stringify(call.input).includes('"VisibilityTimeout":0')
          ? { type: "slow", seconds: 9 }
          : undefined,
    });
    await test.fill(1);
    await test.run(async () => {
      const deliveries = consume(test.broker, "q", { maxMessages: 1 });
      for await (const delivery of deliveries) {
        await test.clock.sleep(9); // the next heartbeat is due at 10
        await delivery[verb]();
      }
      await deliveries.closed;
    });
    assert.equal(test.sqs.requests.count(CHANGE), verb === "ack" ? 0 : 1);
  }
});

Deno.test("a heartbeat that is refused after its message was acked says nothing of it", async () => {
  const test = setUp({
    attributes: { VisibilityTimeout: 20 },
    connect: {
      http: {
        async fetch(request) {
          const answer = await test.sqs.fetch(request);
          if (!request.headers.get("x-amz-target")!.endsWith(CHANGE)) return answer;
          await test.clock.sleep(3);
          return Response.json({ Failed: [{ Id: "0", Code: "ReceiptHandleIsInvalid", SenderFault: true }] });
        },
      },
    },
  });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1 });
    for await (const delivery of deliveries) {
      await test.clock.sleep(11); // a heartbeat is under way since 10
      await delivery.ack();
    }
    await deliveries.closed;
  });
  assert.equal(test.sqs.requests.count(CHANGE), 1);
  assert.deepEqual([...test.of("heartbeat-ended"), ...test.of("error")], []);
});

Deno.test("the heartbeat stops at the 12 hours that SQS allows", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 5000 } });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1, graceSeconds: 50_000 });
    const [delivery] = await Array.fromAsync(deliveries);
    await test.clock.sleep(43_190);
    assert.equal(delivery.signal.aborted, false);
    assert.equal(test.count("inFlight"), 1);
    await test.clock.sleep(11);
    assert.equal(delivery.signal.aborted, true);
    assert.equal(test.count("visible"), 1);
    await deliveries.closed;
  });
  assert.equal(test.of("heartbeat-ended").length, 1);
  assert.deepEqual(test.of("error"), [], "SQS refused nothing");
  assert.equal(test.sqs.requests.count(CHANGE), 16, "one each half of the timeout, and none that adds nothing");
});

Deno.test("a failed heartbeat is tried again before the message lapses", async () => {
  const test = setUp({
    attributes: { VisibilityTimeout: 120 },
    onRequest: failing(CHANGE, DOWN, ({ attempt }) => attempt <= 4),
  });
  await holdsFor(500, test);
  assert.equal(test.sqs.messages("q").length, 0);
});

Deno.test("a heartbeat on a dead socket is sent once more before the message lapses, at SQS's own timeout of 30 s", async () => {
  let sent = 0;
  const test = setUp({
    attributes: { VisibilityTimeout: 30 },
    connect: {
      http: {
        fetch(request) {
          const dead = request.headers.get("x-amz-target")!.endsWith(CHANGE) && sent++ % 2 === 0;
          return dead ? new Promise<never>(() => {}) : test.sqs.fetch(request);
        },
      },
    },
  });
  await holdsFor(60, test);
  assert.equal(test.of("heartbeat-ended").length, 0);
});

Deno.test("delivery.signal aborts when the message is no longer ours, and its slot is free", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 20 } });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { prefetch: 1, heartbeat: false, maxMessages: 2 });
    let first: Delivery<unknown> | undefined;
    for await (const delivery of deliveries) {
      if (!first) {
        first = delivery;
        let at = 0;
        delivery.signal.addEventListener("abort", () => at = test.seconds());
        await test.clock.sleep(25);
        assert.equal(at, 20);
      } else {
        assert.equal(delivery.messageId, first.messageId);
        await delivery.ack();
      }
    }
    await deliveries.closed;
  });
});

Deno.test("what lapsed is neither released nor extended: SQS would change what another consumer has by now", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 20 } });
  await test.fill(1);
  await test.run(async () => {
    const options = { heartbeat: false, maxMessages: 1, waitTimeSeconds: 1, graceSeconds: 100 };
    const ours = consume(test.broker, "q", options);
    const [delivery] = await Array.fromAsync(ours);
    await test.clock.sleep(21);
    const theirs = consume(test.broker, "q", options);
    const [again] = await Array.fromAsync(theirs);
    assert.equal(again.messageId, delivery.messageId);
    const expired = { name: "ReceiptExpiredError", retryable: false };
    await assert.rejects(delivery.release(), expired);
    await assert.rejects(delivery.extend(5), expired);
    assert.equal(test.count("inFlight"), 1);
    await again.ack();
    await Promise.all([ours.closed, theirs.closed]);
  });
  assert.equal(test.inputs(CHANGE).length, 0);
});

Deno.test("a heartbeat that SQS refuses as expired ends the message for us at once", async () => {
  const test = setUp({
    attributes: { VisibilityTimeout: 100 },
    onRequest: failing(CHANGE, {
      type: "failed-entries",
      ids: () => true,
      code: "MessageNotInflight",
      senderFault: true,
    }),
  });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1, graceSeconds: 500 });
    const [delivery] = await Array.fromAsync(deliveries);
    await test.clock.sleep(76);
    assert.equal(delivery.signal.reason.name, "ReceiptExpiredError");
    await deliveries.closed;
  });
  assert.equal(test.of("heartbeat-ended")[0].error?.name, "ReceiptExpiredError");
});

Deno.test("one who may not change visibility keeps the message until its own timeout", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 100 }, onRequest: failing(CHANGE, DENIED) });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1, graceSeconds: 500 });
    const [delivery] = await Array.fromAsync(deliveries);
    await test.clock.sleep(99);
    assert.equal(delivery.signal.aborted, false);
    await delivery.ack();
    await deliveries.closed;
  });
  assert.equal(test.of("error")[0].error.name, "AccessDeniedQueueError");
  assert.equal(test.sqs.requests.count(CHANGE), 1);
});

Deno.test("a heartbeat that a credential provider threw at is sent again, and an event names its message", async () => {
  let throws = 0;
  const credentials = keysUnless(() => throws-- > 0);
  const test = setUp({ attributes: { VisibilityTimeout: 30 }, connect: { credentials } });
  await test.fill(2);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 2, graceSeconds: 1000 });
    const held = await Array.fromAsync(deliveries);
    throws = 1;
    await test.clock.sleep(100);
    for (const { signal } of held) assert.equal(signal.aborted, false);
    assert.deepEqual(
      test.of("error").map(({ messageId, queue }) => [messageId, queue]),
      held.map(({ messageId, queue }) => [messageId, queue]),
    );
    await Promise.all(held.map((delivery) => delivery.ack()));
    await deliveries.closed;
  });
});

Deno.test("a clock that is set back by hours ends no heartbeat: nothing is handled twice", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 30 } });
  const { clock } = test;
  let set = 0;
  const broker = connect({
    ...test.sqs.connectOptions,
    clock: { now: () => new Date(+clock.now() + set), sleep: (seconds, signal) => clock.sleep(seconds, signal) },
  });
  await test.fill(15);
  const handled: string[] = [];
  await test.run(async () => {
    const deliveries = consume(broker, "q", { prefetch: 40, maxSeconds: 400, codec: text() });
    clock.sleep(10).then(() => set = -7_200_000);
    await forEach(deliveries, async ({ messageId, signal }) => {
      handled.push(messageId);
      await clock.sleep(100);
      assert.equal(signal.aborted, false);
    }, { concurrency: 5 });
    await deliveries.closed;
  });
  assert.deepEqual([handled.length, new Set(handled).size], [15, 15]);
});

Deno.test("a clock that is set back by less than a message is held for ends no heartbeat either", async () => {
  for (const [heldFor, back] of [[44, 20], [141, 16], [4000, 3600]]) {
    const test = setUp({ attributes: { VisibilityTimeout: 30 } });
    const { clock } = test;
    let set = 0;
    const broker = connect({
      ...test.sqs.connectOptions,
      clock: { now: () => new Date(+clock.now() + set), sleep: (seconds, signal) => clock.sleep(seconds, signal) },
    });
    await test.fill(1);
    await test.run(async () => {
      const deliveries = consume(broker, "q", { maxMessages: 1, graceSeconds: 9000, codec: text() });
      const [delivery] = await Array.fromAsync(deliveries);
      await clock.sleep(heldFor);
      set = -back * 1000;
      for (let seconds = 0; seconds < 100; seconds++) {
        await clock.sleep(1);
        assert.equal(test.count("inFlight"), 1, `${seconds} s after it was set back by ${back}`);
      }
      await delivery.ack();
      await deliveries.closed;
    });
  }
});

Deno.test("a message that lapsed while the machine slept is told within a minute of its waking", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 10_000 } });
  const { clock } = test;
  let slept = 0;
  const broker = connect({
    ...test.sqs.connectOptions,
    clock: { now: () => new Date(+clock.now() + slept), sleep: (seconds, signal) => clock.sleep(seconds, signal) },
  });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(broker, "q", { maxMessages: 1, codec: text() });
    for await (const { signal } of deliveries) {
      await clock.sleep(100);
      slept = 20_000_000; // timers stand still meanwhile
      await clock.sleep(60);
      assert.equal(signal.aborted, true);
    }
    await deliveries.closed;
  });
});

Deno.test("extend() hides for longer, the heartbeat neither shortens it nor stops behind it", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 20 } });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1, graceSeconds: 1000 });
    const [delivery] = await Array.fromAsync(deliveries);
    await delivery.extend(300);
    await test.clock.sleep(280);
    assert.equal(test.sqs.requests.count(CHANGE), 1, "no heartbeat is needed so far");
    await test.clock.sleep(220);
    assert.equal(delivery.signal.aborted, false);
    assert.equal(test.count("inFlight"), 1, "the heartbeat took over");
    await delivery.ack();
    await deliveries.closed;
  });
  const { visibleAfter, error } = test.of("extend")[0];
  assert.deepEqual([visibleAfter, error], [300, undefined]);
});

Deno.test("where extend() hides for less than the timeout, the heartbeat comes halfway through that", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 100 } });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1, graceSeconds: 1000 });
    const [delivery] = await Array.fromAsync(deliveries);
    await delivery.extend(10);
    const at: number[] = [];
    for (const wait of [4.9, 0.2, 49.8, 0.2]) {
      await test.clock.sleep(wait);
      at.push(test.sqs.requests.count(CHANGE));
    }
    assert.deepEqual(at, [1, 2, 2, 3]);
    await delivery.ack();
    await deliveries.closed;
  });
});

Deno.test("the heartbeat goes on after an extend() that was under way when it was due, and failed", async () => {
  let changes = 0;
  const test = setUp({
    attributes: { VisibilityTimeout: 100 },
    onRequest: failing(CHANGE, { type: "slow", seconds: 11 }, () => changes++ < 3),
  });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1, graceSeconds: 1000 });
    const [delivery] = await Array.fromAsync(deliveries);
    await test.clock.sleep(45);
    await assert.rejects(delivery.extend(10), { awsCode: "Timeout" });
    assert.ok(test.seconds() > 51, "it was due meanwhile");
    await test.clock.sleep(200);
    assert.deepEqual([test.count("inFlight"), delivery.signal.aborted], [1, false]);
    await delivery.ack();
    await deliveries.closed;
  });
});

Deno.test("extend() is not a settlement; past the 12 hours it rejects, and so it does after one", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 600 } });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1, graceSeconds: 9000 });
    const [delivery] = await Array.fromAsync(deliveries);
    await test.clock.sleep(3600);
    await assert.rejects(delivery.extend(43_200 - 3599), {
      name: "ConfigError",
      message: /'seconds' as it must be 39600 at the most/,
    });
    for (const seconds of [1.5, -1, 43_201]) {
      await assert.rejects(() => delivery.extend(seconds), { name: "ConfigError", message: /'seconds'/ });
    }
    await delivery.extend(43_200 - 3600);
    await delivery.ack();
    await assert.rejects(delivery.extend(10), { name: "ReceiptExpiredError" });
    await deliveries.closed;
  });
});

Deno.test("extend() that waits for a heartbeat does not undo a release", async () => {
  const test = setUp({
    attributes: { VisibilityTimeout: 20 },
    onRequest: failing(CHANGE, { type: "slow", seconds: 3 }, ({ attempt }) => attempt === 1),
  });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1 });
    const [delivery] = await Array.fromAsync(deliveries);
    await test.clock.sleep(11); // a heartbeat is under way
    const extended = delivery.extend(100);
    await delivery.release();
    await assert.rejects(extended, { name: "ReceiptExpiredError" });
    assert.equal(test.count("visible"), 1);
    await deliveries.closed;
  });
});

Deno.test("extend() calls go one after the other, behind one that is under way", async () => {
  const test = setUp();
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1 });
    for await (const delivery of deliveries) {
      await Promise.all([100, 200, 300].map((seconds) => delivery.extend(seconds)));
      await delivery.ack();
    }
    await deliveries.closed;
  });
  const sent = test.inputs(CHANGE).map(({ Entries }) => Entries.map((entry: Input) => entry.VisibilityTimeout));
  assert.deepEqual(sent, [[100], [200], [300]]);
});

Deno.test("what is hidden anew counts from the request, and stays ours though its time was over before the answer", async () => {
  const test = setUp({
    attributes: { VisibilityTimeout: 10 },
    onRequest: failing(CHANGE, { type: "slow", seconds: 6 }, ({ attempt }) => attempt === 1),
  });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { heartbeat: false, maxMessages: 1 });
    for await (const delivery of deliveries) {
      await test.clock.sleep(5);
      await delivery.extend(10);
      assert.equal(test.seconds(), 11);
      await test.clock.sleep(3.9);
      assert.equal(delivery.signal.aborted, false);
      await test.clock.sleep(0.2);
      assert.equal(delivery.signal.aborted, true);
    }
    await deliveries.closed;
  });
});

Deno.test("a message whose lapse passed in the hands of a transform is not handed over", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 10 } });
  await test.fill(1);
  await test.run(async () => {
    let seconds = 11;
    const codec = {
      encode: () => ({ body: "" }),
      decode: async ({ body }: { body: string }) => {
        await test.clock.sleep(seconds);
        seconds = 0;
        return { body };
      },
    };
    const [delivery, ...others] = await all(consume(test.broker, "q", { heartbeat: false, codec, maxMessages: 1 }));
    assert.deepEqual([delivery.receiveCount, others.length], [2, 0]);
  });
});

Deno.test("a visibility timeout of 0 never lapses and needs no heartbeat", async () => {
  const test = setUp();
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { visibilityTimeout: 0, maxMessages: 1 });
    for await (const delivery of deliveries) {
      await test.clock.sleep(60);
      await delivery.ack();
    }
    await deliveries.closed;
  });
  assert.equal(test.sqs.messages("q").length, 0);
  assert.equal(test.sqs.requests.count(CHANGE), 0);
});

Deno.test("where the queue's timeout may not be read, each receive carries 60, with an event", async () => {
  const test = setUp({ onRequest: failing("GetQueueAttributes", DENIED), attributes: { VisibilityTimeout: 5 } });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1, graceSeconds: 200 });
    const [delivery] = await Array.fromAsync(deliveries);
    await test.clock.sleep(100);
    assert.equal(test.count("inFlight"), 1);
    await delivery.ack();
    await deliveries.closed;
  });
  assert.equal(test.inputs("ReceiveMessage")[0].VisibilityTimeout, 60);
  assert.equal(test.of("visibility-unknown")[0].visibilityTimeout, 60);
  assert.equal(test.of("visibility-unknown")[0].error.name, "AccessDeniedQueueError");
  assert.deepEqual(test.inputs(CHANGE).map(({ Entries }) => Entries[0].VisibilityTimeout), [60, 60, 60]);
});

Deno.test("keepInvisible() works in a pipeline of one's own, wherever it stands", async () => {
  for (const late of [false, true]) {
    const test = setUp({ attributes: { VisibilityTimeout: 10 } });
    await test.fill(1);
    await test.run(async () => {
      const source = receive(test.broker, "q", { maxMessages: 1, graceSeconds: 100 });
      const beating = late
        ? pipe(source, (items) => pipe(items), (items) => map(items), keepInvisible(test.broker))
        : pipe(source, keepInvisible(test.broker));
      for await (const delivery of beating) {
        await test.clock.sleep(60);
        assert.equal(test.count("inFlight"), 1);
        await delivery.ack();
      }
      await source.closed;
    });
  }
  async function* map<T>(items: AsyncIterable<T>) {
    yield* items;
  }
});

/** A test whose clock runs ahead of its timers, as the runtime's does while a handler blocks the event loop. */
function blocking() {
  const test = setUp({ attributes: { VisibilityTimeout: 30 } });
  let ahead = 0;
  const { now, sleep } = test.clock;
  const broker = connect({
    ...test.sqs.connectOptions,
    codec: { encode: () => ({ body: "" }), decode: ({ body }) => Promise.resolve({ body }) },
    clock: { now: () => new Date(+now() + ahead * 1000), sleep },
    onEvent: (event) => test.events.push(event),
  });
  return { ...test, broker, block: (seconds: number) => void (ahead += seconds) };
}

Deno.test("what lapsed while a handler blocked the event loop is neither handed over nor deleted", async () => {
  const test = blocking();
  await test.fill(2);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { heartbeat: false, ack: "none", maxMessages: 2 });
    const counts: number[] = [];
    for await (const { receiveCount } of deliveries) {
      counts.push(receiveCount);
      if (counts.length === 1) test.block(40);
    }
    assert.deepEqual(counts, [1, 2]);
    await deliveries.closed;
  });
  assert.equal(test.of("drop")[0].reason, "lapsed");
});

Deno.test("what lapsed while a handler blocked the event loop is not extended, though no timer has rung", async () => {
  const test = blocking();
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1 });
    for await (const delivery of deliveries) {
      test.block(40);
      await assert.rejects(delivery.extend(60), ReceiptExpiredError);
      await assert.rejects(delivery.release(), ReceiptExpiredError);
    }
    await deliveries.closed;
  });
  assert.equal(test.inputs(CHANGE).length, 0);
});

Deno.test("what lapsed behind a handler that blocked the event loop is not worked on, though no timer has rung", async () => {
  const test = blocking();
  await test.fill(2);
  await test.run(async () => {
    const source = consume(test.broker, "q", { heartbeat: false, maxMessages: 2, graceSeconds: 0 });
    let worked = 0;
    await forEach(pipe(source, readAhead(2)), async () => {
      await test.clock.sleep(1); // the other one is read ahead
      if (!worked++) test.block(40);
    }, { concurrency: 1 });
    assert.equal(worked, 1);
    await source.closed;
  });
  assert.equal(test.of("heartbeat-ended").length, 1);
});

Deno.test("what lapsed while it was decoded is not handed over, though no timer has rung", async () => {
  const test = blocking();
  await test.fill(1);
  let decoded = 0;
  const codec = {
    encode: () => ({ body: "" }),
    decode({ body }: { body: string }) {
      if (!decoded++) test.block(40);
      return Promise.resolve({ body });
    },
  };
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { heartbeat: false, codec, maxMessages: 1 });
    for await (const delivery of deliveries) {
      assert.equal(delivery.receiveCount, 2);
      await delivery.ack();
    }
    await deliveries.closed;
  });
  assert.equal(test.of("drop")[0].reason, "lapsed");
});

Deno.test("receives side by side reserve their slots: together they never take more than prefetch", async () => {
  const test = setUp({ onRequest: failing("ReceiveMessage", { type: "slow", seconds: 1 }) });
  await test.fill(200);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { prefetch: 25, maxMessages: 100 });
    for await (const delivery of deliveries) {
      assert.ok(test.count("inFlight") <= 25, `${test.count("inFlight")} in flight`);
      delivery.ack();
    }
    await deliveries.closed;
  });
});

Deno.test("heartbeats that are nearly due go along with one that is", async () => {
  const { run, broker, clock, fill, inputs } = setUp({ attributes: { VisibilityTimeout: 30 } });
  await run(async () => {
    const deliveries = consume(broker, "q", { maxMessages: 2, waitTimeSeconds: 1, graceSeconds: 60 });
    const held = Array.fromAsync(deliveries);
    await fill(1);
    await clock.sleep(2.5);
    await fill(1); // a receive of its own, two seconds after the first
    const list = await held;
    await clock.sleep(24); // within the grace
    await Promise.all(list.map((delivery) => delivery.ack()));
    await deliveries.closed;
  });
  const beats = inputs("ChangeMessageVisibilityBatch");
  assert.deepEqual(beats.map(({ Entries }) => Entries!.length), [2]);
});

Deno.test("what lapsed before a slow answer came is dropped without a request that could touch another's message", async () => {
  const { run, broker, fill, inputs, of } = setUp({
    attributes: { VisibilityTimeout: 5 },
    onRequest: failing("ReceiveMessage", { type: "slow", seconds: 8 }, ({ attempt }) => attempt === 1),
  });
  await fill(1);
  await run(async () => {
    const deliveries = consume(broker, "q", { maxMessages: 1, waitTimeSeconds: 0 });
    for await (const delivery of deliveries) {
      assert.equal(delivery.receiveCount, 2);
      await delivery.ack();
    }
    await deliveries.closed;
  });
  assert.deepEqual(of("drop").map(({ reason }) => reason), ["lapsed"]);
  assert.equal(inputs("ChangeMessageVisibilityBatch").length, 0);
});

Deno.test("what is in hand stays ours where the answer to its heartbeat is slow: SQS counts from the request", async () => {
  const { broker, sqs, run, clock, fill, count, of } = setUp({ attributes: { VisibilityTimeout: 10 } });
  sqs.setFaults(failing(CHANGE, { type: "slow", seconds: 9 }, ({ attempt }) => attempt === 1));
  await fill(1);
  await run(async () => {
    const deliveries = consume(broker, "q", { maxMessages: 1 });
    for await (const delivery of deliveries) {
      await clock.sleep(12); // the heartbeat of 5 keeps it hidden till 15, which we are told at 14
      assert.equal(delivery.signal.aborted, false);
      await clock.sleep(12);
      await delivery.ack();
    }
    await deliveries.closed;
  });
  assert.equal(count("visible"), 0);
  assert.deepEqual(of("heartbeat-ended"), []);
});

Deno.test("what lapsed behind a slow heartbeat is not handed over, though SQS took its own for an old handle", async () => {
  const { broker, sqs, run, clock, of } = setUp({ attributes: { VisibilityTimeout: 5 } });
  sqs.setFaults(({ action, attempt }) => action === CHANGE && attempt === 1 ? { type: "slow", seconds: 4 } : undefined);
  await run(async () => {
    await sqs.sendMessage("q", "1");
    const deliveries = consume(broker, "q", { prefetch: 2, waitTimeSeconds: 1, maxSeconds: 60 });
    const loop = (async () => {
      for await (const delivery of deliveries) {
        const view = sqs.messages("q").find(({ messageId }) => messageId === delivery.messageId);
        assert.equal(view?.receiveCount, delivery.receiveCount, "somebody else has it");
        await clock.sleep(delivery.body === 1 ? 20 : 0);
        await delivery.ack();
      }
    })();
    await clock.sleep(1.1);
    await sqs.sendMessage("q", "2");
    await clock.sleep(5.2); // it lapsed at 6.1, as its heartbeat of 3.5 waits for the one of 2.5, till 6.5
    assert.equal((await get(connect(sqs.connectOptions), "q"))?.receiveCount, 2);
    await loop;
    await deliveries.closed;
  });
  assert.ok(of("drop").some(({ reason }) => reason === "lapsed"));
  assert.equal(sqs.messages("q").length, 0);
});
