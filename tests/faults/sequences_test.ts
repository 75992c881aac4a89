/**
 * Generated sequences of verbs and faults over one broker: what was published is handled at least once, nothing is
 * deleted unhandled, FIFO groups keep their order, and what fails fails typed. FAULT_RUNS sets how many are tried.
 */
import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { connect, consume, DashiError, type Delivery, forEach, get, publish, publishAll, queueSize } from "@dashi/sqs";
import { memorySqs } from "@dashi/sqs/testing";
import { faulty, PASSING } from "./faults.ts";

const numRuns = Number(Deno.env.get("FAULT_RUNS") ?? 150);
const seed = Number(Deno.env.get("FAULT_SEED") ?? 20300101);

const faults = fc.array(fc.option(fc.nat(PASSING.length - 1), { freq: 3 }), {
  minLength: 10,
  maxLength: 80,
  size: "max",
});
type Script = {
  seed: number;
  faults: (number | null)[];
  verbs: (keyof typeof VERBS)[];
  prefetch: number;
  fifo: boolean;
};
type Scene = ReturnType<typeof setUp>;

/** A broker at a queue behind faults, with what was published for certain and what was handled. */
function setUp({ seed, faults, prefetch, fifo }: Script) {
  const sqs = memorySqs({ seed });
  const queue = fifo ? "jobs.fifo" : "jobs";
  sqs.createQueue(queue, { VisibilityTimeout: 45 });
  const fetch = faulty((request) => sqs.fetch(request), sqs.clock, (_call, index) => PASSING[faults[index] ?? -1]);
  const handled: number[] = [];
  const confirmed: number[] = [];
  return {
    sqs,
    queue,
    prefetch,
    fifo,
    fetch,
    broker: connect({ ...sqs.connectOptions, http: { fetch } }),
    next: 0,
    confirmed,
    handled,
    note: ({ body }: Delivery<unknown>) => void handled.push(body as number),
    to: (id: number) => ({ queue, ...(fifo && { groupId: `${id % 3}` }) }),
    /** What SQS has no more was handled before: looked at after every step. */
    check() {
      const left = new Set(
        sqs.messages(queue).map(({ body }) => JSON.parse(atob(JSON.parse(atob(body)).body)) as number),
      );
      for (const id of confirmed) assert.ok(left.has(id) || handled.includes(id), `${id} was lost`);
    },
  };
}

function typed(error: unknown): void {
  assert.ok(error instanceof DashiError, String(error));
}

/** Consumes for a while and does something with each message; breaks at the one after so many. */
const consuming = (work: (delivery: Delivery<unknown>) => Promise<unknown>, most = Infinity) => async (t: Scene) => {
  const options = { prefetch: t.prefetch, waitTimeSeconds: 2, maxMessages: 9, maxSeconds: 90 };
  let count = 0;
  for await (const delivery of consume(t.broker, t.queue, options)) {
    if (++count > most) break;
    t.note(delivery);
    await work(delivery);
  }
};

const VERBS = {
  async publish(t: Scene) {
    const id = t.next++;
    await publish(t.broker, id, t.to(id));
    t.confirmed.push(id);
  },
  async publishAll(t: Scene) {
    const ids = Array.from({ length: 13 }, () => t.next++);
    const messages = ids.map((id) => ({ body: id, ...t.to(id) }));
    for await (const { error } of publishAll(t.broker, messages)) {
      const id = ids.shift()!;
      if (error) typed(error);
      else t.confirmed.push(id);
    }
  },
  async size(t: Scene) {
    await queueSize(t.broker, t.queue);
  },
  async get(t: Scene) {
    const delivery = await get(t.broker, t.queue, { waitTimeSeconds: 1 });
    if (delivery) t.note(delivery);
    await delivery?.ack();
  },
  ack: consuming((delivery) => delivery.ack()),
  release: consuming((delivery) => delivery.release({ visibleAfter: 1 })),
  retry: consuming((delivery) => delivery.retry()),
  extend: consuming((delivery) => delivery.extend(60).then(() => delivery.ack())),
  break: consuming((delivery) => delivery.ack(), 3),
};

/** The outage ends: what is left is handled, in order within its group. */
async function finish(t: Scene): Promise<void> {
  const { sqs: { clock }, handled } = t;
  const stop = new AbortController();
  const from = handled.length;
  const rest = consume(t.broker, t.queue, { prefetch: t.prefetch, waitTimeSeconds: 2, signal: stop.signal });
  const work = forEach(rest, t.note);
  while (t.sqs.messages(t.queue).length) {
    await clock.sleep(10);
    t.check();
  }
  stop.abort();
  await work;
  await rest.closed;
  await clock.sleep(60); // the graces of those before it
  for (const group of t.fifo ? [0, 1, 2] : []) {
    const firsts = [...new Set(handled.slice(from).filter((id) => id % 3 === group))];
    assert.deepEqual(firsts, firsts.toSorted((a, b) => a - b), `group ${group} lost its order`);
  }
}

const script: fc.Arbitrary<Script> = fc.record({
  seed: fc.nat(1_000_000),
  faults,
  verbs: fc.array(fc.constantFrom(...Object.keys(VERBS) as (keyof typeof VERBS)[]), { minLength: 3, maxLength: 12 }),
  prefetch: fc.integer({ min: 1, max: 25 }),
  fifo: fc.boolean(),
});

Deno.test("whatever goes wrong, in whatever order, no message is lost and none is deleted unhandled", async () => {
  let struck = 0;
  let duplicates = 0;
  await fc.assert(
    fc.asyncProperty(script, async (script) => {
      const t = setUp(script);
      await t.sqs.clock.run(async () => {
        for (const verb of script.verbs) {
          await VERBS[verb](t).catch(typed);
          t.check();
        }
        await finish(t);
      }, { limit: 100_000 });
      t.check();
      assert.deepEqual(t.confirmed.filter((id) => !t.handled.includes(id)), [], "published and never handled");
      assert.deepEqual(t.sqs.clock.waits, [], "something still waits");
      duplicates += t.handled.length - new Set(t.handled).size;
      struck += t.fetch.tried();
    }),
    { numRuns, seed },
  );
  if (numRuns > 1000) console.log({ numRuns, struck, duplicates, lost: 0 });
  assert.ok(struck > numRuns);
});
