import assert from "node:assert/strict";
import { consume, type Deliveries, mapConcurrent, pipe } from "@dashi/sqs";
import type { Fault, FaultCall } from "@dashi/sqs/testing";
import { stateOf } from "../../lib/broker.ts";
import { consumerOf } from "../../lib/consume/deliveries.ts";
import { LinkedList } from "../../lib/linked_list.ts";
import { setUp } from "./setup.ts";

const CHANGE = "ChangeMessageVisibilityBatch";

/** How many items of lists are looked at during a piece of work, one by one. */
async function looksDuring(work: () => Promise<unknown>): Promise<number> {
  const { prototype } = LinkedList;
  const iterate = prototype[Symbol.iterator];
  let looks = 0;
  prototype[Symbol.iterator] = function () {
    looks += this.size;
    return iterate.call(this);
  };
  try {
    await work();
  } finally {
    prototype[Symbol.iterator] = iterate;
  }
  return looks;
}

/** Answers the requests of an action at an instant of its own each. */
function oneByOne(action: string): (call: FaultCall) => Fault | undefined {
  let slow = 0;
  return (call) => call.action === action ? { type: "slow", seconds: slow += 0.001 } : undefined;
}

async function* numbers(count: number): AsyncGenerator<number> {
  for (let n = 0; n < count; n++) yield await Promise.resolve(n);
}

/** Begins, and waits with the first delivery in hand until all that is there is held. */
async function holdAll(deliveries: Deliveries, test: ReturnType<typeof setUp>): Promise<void> {
  await deliveries[Symbol.asyncIterator]().next();
  await test.clock.sleep(5);
}

Deno.test("a consumer of many FIFO groups gives back what it holds without a look at all for each", async () => {
  const count = 500;
  const test = setUp({ queue: "q.fifo", attributes: { VisibilityTimeout: 600 } });
  for (let n = 0; n < count; n++) {
    await test.sqs.sendMessage("q.fifo", "1", { groupId: `g${n}`, deduplicationId: `${n}` });
  }
  const looks = await looksDuring(() =>
    test.run(async () => {
      const deliveries = consume(test.broker, "q.fifo", { prefetch: count, waitTimeSeconds: 1, graceSeconds: 0 });
      await holdAll(deliveries, test);
      assert.equal(test.count("inFlight", "q.fifo"), count);
      await deliveries.stop();
    })
  );
  assert.equal(test.count("visible", "q.fifo"), count);
  assert.ok(looks < 50 * count, `${looks} looks`);
});

Deno.test("what is known of FIFO groups goes with the last message of each", async () => {
  const test = setUp({ queue: "q.fifo" });
  for (let n = 0; n < 30; n++) {
    await test.sqs.sendMessage("q.fifo", "1", { groupId: `g${n % 10}`, deduplicationId: `${n}` });
  }
  const deliveries = consume(test.broker, "q.fifo", { prefetch: 30, untilEmpty: true });
  const { groups } = consumerOf(deliveries)!.lanes[0];
  await test.run(async () => {
    for await (const delivery of deliveries) {
      assert.ok(groups[delivery.groupId!].length <= 3);
      await delivery.ack();
    }
    await deliveries.closed;
  });
  assert.equal(test.sqs.messages("q.fifo").length, 0);
  assert.deepEqual(Object.keys(groups), []);
});

Deno.test("what lapses behind a loop that takes its time does not pile up", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 30 } });
  await test.fill(20);
  const deliveries = consume(test.broker, "q", { heartbeat: false, graceSeconds: 0 });
  const { buffer } = consumerOf(deliveries)!.lanes[0];
  await test.run(async () => {
    for await (const _ of deliveries) {
      await test.clock.sleep(3600);
      break;
    }
    await deliveries.closed;
  });
  assert.ok(test.of("drop").length > 1000);
  assert.ok(buffer.length <= 10, `${buffer.length} are kept`);
});

Deno.test("no more than a hundred batches of changes are under way at once, and all are done", async () => {
  const count = 1500;
  const at: number[] = [];
  const test = setUp({
    attributes: { VisibilityTimeout: 600 },
    onRequest: ({ action }) => {
      if (action !== CHANGE) return;
      at.push(test.seconds());
      return { type: "slow", seconds: 1 };
    },
  });
  await test.fill(count);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { prefetch: count, waitTimeSeconds: 1, graceSeconds: 0 });
    await holdAll(deliveries, test);
    await deliveries.stop();
  });
  assert.equal(test.count("visible"), count);
  assert.deepEqual(at.map((second) => second - at[0]), [...Array(100).fill(0), ...Array(50).fill(1)]);
});

Deno.test("a heartbeat that is answered has nobody look at all that is held", async () => {
  const count = 1000;
  const test = setUp({ attributes: { VisibilityTimeout: 100 }, onRequest: oneByOne(CHANGE) });
  await test.fill(count);
  const looks = await looksDuring(() =>
    test.run(async () => {
      const deliveries = consume(test.broker, "q", { prefetch: count, waitTimeSeconds: 1, graceSeconds: 0 });
      await holdAll(deliveries, test);
      await test.clock.sleep(60);
      assert.equal(test.inputs(CHANGE).length, count / 10);
      await deliveries.stop();
    })
  );
  assert.ok(looks < 50 * count, `${looks} looks`);
});

Deno.test("without a heartbeat the arrival of a message has nobody look at all that is held", async () => {
  const count = 1000;
  const test = setUp({ attributes: { VisibilityTimeout: 100 }, onRequest: oneByOne("ReceiveMessage") });
  await test.fill(count);
  const looks = await looksDuring(() =>
    test.run(async () => {
      const deliveries = consume(test.broker, "q", {
        prefetch: count,
        waitTimeSeconds: 1,
        graceSeconds: 0,
        heartbeat: false,
      });
      await holdAll(deliveries, test);
      await deliveries.stop();
    })
  );
  assert.ok(looks < 50 * count, `${looks} looks`);
});

Deno.test("mapConcurrent() looks at what it holds once for each that it yields", async () => {
  const count = 1000;
  const { has } = Set.prototype;
  let looks = 0;
  Set.prototype.has = function (value) {
    looks++;
    return has.call(this, value);
  };
  try {
    for (const options of [{}, { ordered: true }, { keyOf: (n: number) => `${n % 10}` }]) {
      looks = 0;
      const mapped = pipe(numbers(count), mapConcurrent(count, (n) => n + 1, options))[Symbol.asyncIterator]();
      await mapped.next();
      for (let turn = 0; turn < 20 * count; turn++) await null; // all are read by now
      let left = count - 1;
      while (!(await mapped.next()).done) left--;
      assert.equal(left, 0);
      assert.ok(looks < 10 * count, `${looks} looks`);
    }
  } finally {
    Set.prototype.has = has;
  }
});

Deno.test("a broker remembers the attributes of ten thousand queues: one that asks ever new ones can't fill the memory", async () => {
  const test = setUp();
  const { attributes } = stateOf(test.broker);
  for (let n = 0; n < 10_001; n++) attributes.set(`https://sqs.us-east-1.amazonaws.com/000000000000/${n}`, {});
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { untilEmpty: true });
    await Array.fromAsync(deliveries);
  });
  assert.equal(attributes.size, 1);
});
