/** What becomes of messages whose visibility timeout is over while they are held. */
import assert from "node:assert/strict";
import { connect, consume, type Delivery, forEach, get, pipe, readAhead, ReceiptExpiredError, text } from "@dashi/sqs";
import { wrongClock } from "../support/wrong_clock.ts";
import { all, failing, setUp } from "./setup.ts";

const CHANGE = "ChangeMessageVisibilityBatch";

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

Deno.test("a message that lapsed while the machine slept is told within a minute of its waking", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 10_000 } });
  const { clock } = test;
  let slept = 0;
  const broker = connect({
    ...test.sqs.connectOptions,
    clock: wrongClock(clock, () => slept),
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

/** A test whose clock runs ahead of its timers, as the runtime's does while a handler blocks the event loop. */
function blocking() {
  const test = setUp({ attributes: { VisibilityTimeout: 30 } });
  let ahead = 0;
  const broker = connect({
    ...test.sqs.connectOptions,
    codec: { encode: () => ({ body: "" }), decode: ({ body }) => Promise.resolve({ body }) },
    clock: wrongClock(test.clock, () => ahead * 1000),
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
