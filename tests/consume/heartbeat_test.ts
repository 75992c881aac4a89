import assert from "node:assert/strict";
import {
  connect,
  consume,
  type Delivery,
  forEach,
  keepInvisible,
  mapConcurrent,
  pipe,
  receive,
  text,
} from "@dashi/sqs";
import { wrongClock } from "../support/wrong_clock.ts";
import { DENIED, DOWN, failing, keysUnless, numberOf, REFUSED, setUp } from "./setup.ts";

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
  const at = test.sqs.requests.list.filter(({ action }) => action === CHANGE).map(({ at }) => +at);
  assert.equal(at[3] - at[2], 12_000, "a tenth of the timeout after the last of three tries");
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

Deno.test("a heartbeat that SQS refuses as expired ends the message for us at once", async () => {
  const test = setUp({
    attributes: { VisibilityTimeout: 100 },
    onRequest: failing(CHANGE, REFUSED),
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
    clock: wrongClock(clock, () => set),
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
      clock: wrongClock(clock, () => set),
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

Deno.test("a step that gives messages at a rate holds them as long as that takes, and the heartbeat with it", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 5 } });
  await test.fill(30);
  const given: number[] = [];
  let next = 0;
  const paced = mapConcurrent(1, async (delivery: Delivery<unknown>) => {
    const now = +test.clock.now();
    next = Math.max(next + 500, now);
    await test.clock.sleep((next - now) / 1000);
    given.push(test.seconds());
    return delivery;
  });
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { prefetch: 30, maxMessages: 30 });
    await forEach(pipe(deliveries, paced), () => {});
    await deliveries.closed;
  });
  assert.deepEqual(given, Array.from({ length: 30 }, (_, index) => index / 2));
  assert.deepEqual(test.of("drop"), []);
  assert.equal(test.sqs.messages("q").length, 0);
});
