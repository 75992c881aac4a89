/**
 * Forty minutes of virtual time under generated schedules: arrivals, handler times, throws, aborts, lost answers, 5xx, slow
 * answers. Whatever happens, the promises hold. `SCHEDULE_SEED=… deno test -A tests/consume/schedule_test.ts` tries other
 * schedules, and plays those again that failed.
 */
import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { connect, consume, type Delivery, forEach, json } from "@dashi/sqs";
import { type Fault, memorySqs } from "@dashi/sqs/testing";

const RUNS = Number(process.env.SCHEDULE_RUNS ?? 150);
/** Seconds of virtual time: all has arrived by then, and the first consumer has ended. */
const CALM = 1200;
/** Seconds of virtual time in all. */
const END = 2400;

const fault: fc.Arbitrary<Fault> = fc.oneof(
  fc.constant<Fault>({ type: "error", code: "InternalError", status: 500 }),
  fc.constant<Fault>({ type: "error", code: "RequestThrottled" }),
  fc.constant<Fault>({ type: "network" }),
  fc.constant<Fault>({ type: "lost-answer" }),
  fc.constant<Fault>({ type: "html" }),
  fc.constant<Fault>({ type: "truncated" }),
  fc.integer({ min: 1, max: 60 }).map((seconds): Fault => ({ type: "slow", seconds })),
  fc.constant<Fault>({ type: "failed-entries", ids: (_, index) => index % 2 === 0 }),
);

const schedule = fc.record({
  seed: fc.integer(),
  fifo: fc.boolean(),
  queues: fc.integer({ min: 1, max: 3 }),
  strategy: fc.constantFrom("fair", "strict", "weighted"),
  prefetch: fc.integer({ min: 1, max: 25 }),
  concurrency: fc.integer({ min: 1, max: 12 }),
  visibility: fc.constantFrom(5, 30, 120),
  wait: fc.constantFrom(0, 1, 20),
  heartbeat: fc.boolean(),
  redrive: fc.boolean(),
  arrivals: fc.array(fc.integer({ min: 0, max: 600 }), { minLength: 1, maxLength: 60 }),
  handling: fc.array(
    fc.record({
      seconds: fc.integer({ min: 0, max: 90 }),
      ends: fc.constantFrom("return", "return", "throw", "release"),
    }),
    { minLength: 1, maxLength: 20 },
  ),
  faults: fc.array(fc.option(fault, { freq: 4 }), { minLength: 1, maxLength: 30 }),
  stopAt: fc.integer({ min: 1, max: 900 }),
  how: fc.constantFrom("signal", "stop", "break"),
});

Deno.test("consume() keeps its promises under generated schedules", async () => {
  const seed = Number(process.env.SCHEDULE_SEED ?? 20260101);
  await fc.assert(fc.asyncProperty(schedule, play), {
    numRuns: RUNS,
    seed,
    endOnFailure: !process.env.SCHEDULE_SHRINK,
  });
});

async function play(plan: typeof schedule extends fc.Arbitrary<infer T> ? T : never): Promise<void> {
  let requests = 0;
  const sqs = memorySqs({
    seed: plan.seed,
    onRequest: ({ at }) => {
      // The last stretch is calm, so that all can come to its end.
      if (+at - began > CALM * 1000) return undefined;
      return plan.faults[requests++ % plan.faults.length] ?? undefined;
    },
  });
  const { clock } = sqs;
  const began = +clock.now();
  const suffix = plan.fifo ? ".fifo" : "";
  const names = Array.from({ length: plan.queues }, (_, index) => `q${index}${suffix}`);
  const attributes: Record<string, boolean> = plan.fifo ? { FifoQueue: true } : {};
  sqs.createQueue(`dead${suffix}`, attributes);
  const deadLetterTargetArn = `arn:aws:sqs:us-east-1:000000000000:dead${suffix}`;
  for (const name of names) {
    sqs.createQueue(name, {
      ...attributes,
      VisibilityTimeout: plan.visibility,
      ...(plan.redrive ? { RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 50 }) } : {}),
    });
  }
  const broker = connect({
    ...sqs.connectOptions,
    codec: json(),
    waitTimeSeconds: plan.wait,
    pollingInterval: 20 - plan.wait,
  });
  const sent = new Set<string>();
  const handled = new Set<string>();
  const order = new Map<string, number[]>();
  const inHand = new Set<Delivery<unknown>>();

  const arrive = async () => {
    const sorted = plan.arrivals.toSorted((a, b) => a - b);
    for (const [n, at] of sorted.entries()) {
      await clock.sleep(Math.max(0, at - (+clock.now() - began) / 1000));
      const groupId = plan.fifo ? `g${n % 3}` : undefined;
      const options = { groupId, deduplicationId: groupId && `${n}` };
      const { messageId } = await sqs.sendMessage(names[n % names.length], JSON.stringify({ n }), options);
      sent.add(messageId);
    }
  };

  let turn = 0;
  const handle = async (delivery: Delivery<unknown>) => {
    inHand.add(delivery);
    try {
      check(delivery);
    } catch (error) {
      violation ??= error; // a handler's throw is the consumer's to bear
    }
    try {
      const { seconds, ends } = plan.handling[turn++ % plan.handling.length];
      await clock.sleep(seconds);
      if (ends === "throw") throw new Error("the handler failed");
      if (ends === "release") {
        await delivery.release({ visibleAfter: 3 }).catch(() => {});
        return false;
      }
      handled.add(delivery.messageId);
      const key = `${delivery.queue} ${delivery.groupId}`;
      if (!order.has(key)) order.set(key, []);
      order.get(key)!.push((delivery.body as { n: number }).n);
      return true;
    } finally {
      inHand.delete(delivery);
    }
  };
  let violation: unknown;
  const check = (delivery: Delivery<unknown>) => {
    const view = sqs.messages(delivery.queue).find(({ messageId }) => messageId === delivery.messageId);
    assert.ok(view, "a message is handed over that was deleted before");
    // Without a heartbeat nothing tells a slow answer to a long poll from a message that came late.
    if (!plan.heartbeat && plan.wait > 0) return;
    assert.equal(view.state, "inFlight", "a message is handed over after its lapse");
    assert.equal(view.receiveCount, delivery.receiveCount, "a message is handed over that somebody else has");
    // What lapsed in a handler's hands is not held any more.
    assert.ok(
      [...inHand].filter(({ signal }) => !signal.aborted).length <= plan.prefetch,
      "more is held than prefetch",
    );
  };

  const queues = names.map((queue, index) => ({ queue, priority: index, weight: index + 1 }));
  const options = { prefetch: plan.prefetch, strategy: plan.strategy, heartbeat: plan.heartbeat } as const;
  const first = async () => {
    const stop = new AbortController();
    const deliveries = consume(broker, queues, { ...options, signal: stop.signal });
    const enough = clock.sleep(plan.stopAt).then(() => plan.how === "signal" ? stop.abort() : void deliveries.stop());
    if (plan.how === "break") {
      for await (const delivery of deliveries) {
        await handle(delivery)
          .then((done) => done ? delivery.ack() : undefined, () => delivery.release())
          .catch(() => {});
        if ((+clock.now() - began) / 1000 > plan.stopAt) break;
      }
    } else {
      await forEach(deliveries, handle, { concurrency: plan.concurrency });
    }
    await deliveries.closed;
    await enough;
  };
  const rest = async () => {
    const deliveries = consume(broker, queues, { ...options, maxSeconds: END - (+clock.now() - began) / 1000 });
    await forEach(deliveries, handle, { concurrency: plan.concurrency });
    await deliveries.closed;
  };
  await clock.run(async () => {
    await Promise.all([arrive(), first().then(rest)]);
  }, { limit: 4 * END });

  if (violation) throw violation;
  assert.deepEqual(clock.waits, [], "something still waits");
  const there = new Set(
    [...names, `dead${suffix}`].flatMap((name) => sqs.messages(name).map(({ messageId }) => messageId)),
  );
  for (const id of sent) assert.ok(there.has(id) || handled.has(id), "a message is gone that was never handled");
  if (plan.fifo) {
    for (const [group, list] of order) {
      const firsts = list.filter((n, index) => list.indexOf(n) === index);
      assert.deepEqual(firsts, firsts.toSorted((a, b) => a - b), `the order of ${group}`);
    }
  }
}
