import assert from "node:assert/strict";
import { consume, forEach, type Queues } from "@dashi/sqs";
import { memoryStore } from "./payload_store.ts";
import { DOWN, failing, setUp } from "./setup.ts";

/** The queues in the order in which their messages came. */
async function order(
  test: ReturnType<typeof setUp>,
  queues: Queues,
  options: Parameters<typeof consume>[2],
): Promise<string[]> {
  const seen: string[] = [];
  await test.run(async () => {
    const deliveries = consume(test.broker, queues, options);
    for await (const delivery of deliveries) {
      seen.push(delivery.queue);
      await delivery.ack();
    }
    await deliveries.closed;
  });
  return seen;
}

/** Three queues with messages in each. */
async function three(count: number) {
  const test = setUp({ queue: "a" });
  for (const queue of ["b", "c"]) test.sqs.createQueue(queue);
  for (const queue of ["a", "b", "c"]) await test.fill(count, queue);
  return test;
}

const share = (list: string[], queue: string) => list.filter((name) => name === queue).length / list.length;

Deno.test("one queue may come with its rank, and no list around it", async () => {
  const seen = await order(await three(3), { queue: "b", priority: 1 }, { untilEmpty: true });
  assert.deepEqual(seen, ["b", "b", "b"]);
});

Deno.test("fair: queues that have messages take turns", async () => {
  const seen = await order(await three(100), ["a", "b", "c"], { maxMessages: 90, prefetch: 30 });
  for (const queue of ["a", "b", "c"]) assert.ok(Math.abs(share(seen, queue) - 1 / 3) < 0.15, `${seen}`);
});

Deno.test("fair: a priority and a weight count for nothing", async () => {
  const queues = [{ queue: "a", priority: -5 }, { queue: "b", priority: 5 }, { queue: "c", weight: 9 }];
  const seen = await order(await three(100), queues, { maxMessages: 90, prefetch: 30 });
  for (const queue of ["a", "b", "c"]) assert.ok(Math.abs(share(seen, queue) - 1 / 3) < 0.15, `${seen}`);
});

Deno.test("each queue has a receive under way, also where there are more of them than polls", async () => {
  const test = await three(0);
  await test.run(async () => {
    const deliveries = consume(test.broker, ["a", "b", "c"], { polls: 1 });
    const first = deliveries[Symbol.asyncIterator]().next();
    for (const queue of ["a", "b", "c"]) {
      await test.clock.sleep(5);
      if (queue !== "c") assert.equal(test.sqs.requests.count("ReceiveMessage"), 6, "a short one and a long one each");
    }
    await test.fill(1, "c");
    const { value } = await first;
    assert.equal(test.seconds(), 15);
    await value!.ack();
    await deliveries.stop();
  });
});

Deno.test("untilEmpty asks no queue again that was seen empty", async () => {
  const test = await three(0);
  await test.fill(30, "a");
  await test.run(async () => {
    const deliveries = consume(test.broker, ["a", "b", "c"], { untilEmpty: true, waitTimeSeconds: 1 });
    await forEach(deliveries, () => test.clock.sleep(20));
    await deliveries.closed;
  });
  const asked = test.inputs("ReceiveMessage").map(({ QueueUrl }) => QueueUrl.at(-1));
  // A short poll says that it is idle, and the long one after it that it is empty.
  assert.deepEqual(["b", "c"].map((queue) => asked.filter((name) => name === queue).length), [2, 2]);
});

Deno.test("fair: a flood in one queue does not keep another waiting", async () => {
  const test = setUp({ queue: "a" });
  test.sqs.createQueue("b");
  await test.fill(300, "a");
  await test.fill(5, "b");
  const seen = await order(test, ["a", "b"], { maxMessages: 60, prefetch: 20 });
  assert.equal(seen.filter((queue) => queue === "b").length, 5);
});

for (const strategy of ["fair", "weighted"] as const) {
  Deno.test(`${strategy}: a priority counts for nothing`, async () => {
    const queues = [{ queue: "a" }, { queue: "b", priority: 5 }, { queue: "c", priority: -1 }];
    const seen = await order(await three(100), queues, { strategy, maxMessages: 90, prefetch: 30 });
    for (const queue of ["a", "b", "c"]) assert.ok(Math.abs(share(seen, queue) - 1 / 3) < 0.15, `${seen}`);
  });
}

Deno.test("strict: the higher priority goes first, the lower when there is nothing of it", async () => {
  const queues = [{ queue: "a" }, { queue: "b", priority: 0.5 }, { queue: "c", priority: -1 }];
  const seen = await order(await three(30), queues, { strategy: "strict", untilEmpty: true, prefetch: 10 });
  assert.equal(seen.length, 90);
  const first = (queue: string) => seen.indexOf(queue);
  const last = (queue: string) => seen.lastIndexOf(queue);
  assert.ok(last("b") < first("a") && last("a") < first("c"), seen.join(""));
});

Deno.test("strict: what comes into a higher queue goes next", async () => {
  const test = setUp({ queue: "low" });
  test.sqs.createQueue("high");
  await test.fill(200, "low");
  const seen: string[] = [];
  await test.run(async () => {
    const queues = [{ queue: "low" }, { queue: "high", priority: 1 }];
    const deliveries = consume(test.broker, queues, { strategy: "strict", prefetch: 10, maxMessages: 120 });
    for await (const delivery of deliveries) {
      seen.push(delivery.queue);
      if (seen.length === 50) await test.fill(5, "high");
      await test.clock.sleep(1);
      await delivery.ack();
    }
    await deliveries.closed;
  });
  assert.deepEqual(seen.slice(50, 52), ["high", "high"], "past what is buffered");
  assert.ok(seen.slice(50, 75).filter((queue) => queue === "high").length === 5);
});

Deno.test("strict: what comes into a higher queue goes next where a store of payloads is read ahead, too", async () => {
  const { store } = memoryStore({});
  const test = setUp({ queue: "low", connect: { payloads: store } });
  test.sqs.createQueue("high");
  await test.fill(40, "low");
  const seen: string[] = [];
  await test.run(async () => {
    const queues = [{ queue: "low" }, { queue: "high", priority: 1 }];
    const deliveries = consume(test.broker, queues, { strategy: "strict", prefetch: 100, maxMessages: 45 });
    for await (const delivery of deliveries) {
      seen.push(delivery.queue);
      if (seen.length === 5) await test.fill(5, "high");
      await test.clock.sleep(1);
      await delivery.ack();
    }
    await deliveries.closed;
  });
  assert.deepEqual(seen.slice(5, 11), ["low", "high", "high", "high", "high", "high"], "past one that was read ahead");
});

Deno.test("weighted: queues get their share", async () => {
  const queues = [{ queue: "a", weight: 6 }, { queue: "b", weight: 3 }, { queue: "c", weight: 1 }];
  const test = await three(400);
  const seen = await order(test, queues, { strategy: "weighted", maxMessages: 300, prefetch: 30 });
  assert.ok(Math.abs(share(seen, "a") - 0.6) < 0.1, `a: ${share(seen, "a")}`);
  assert.ok(Math.abs(share(seen, "b") - 0.3) < 0.1, `b: ${share(seen, "b")}`);
  assert.ok(share(seen, "c") > 0.05, `c: ${share(seen, "c")}`);
});

Deno.test("one prefetch is over all the queues", async () => {
  const test = await three(20);
  await test.run(async () => {
    const deliveries = consume(test.broker, ["a", "b", "c"], { prefetch: 7 });
    let held = 0;
    for await (const _ of deliveries) {
      await test.clock.sleep(1);
      const inFlight = ["a", "b", "c"].reduce((sum, queue) => sum + test.count("inFlight", queue), 0);
      assert.ok(inFlight <= 7, `${inFlight}`);
      if (++held === 7) break;
    }
    await deliveries.closed;
  });
});

Deno.test("more queues than slots: each still gets its turn", async () => {
  const test = setUp({ queue: "q0" });
  const names = Array.from({ length: 6 }, (_, index) => `q${index}`);
  for (const name of names.slice(1)) test.sqs.createQueue(name);
  const seen = new Set<string>();
  await test.run(async () => {
    const deliveries = consume(test.broker, names, { prefetch: 2, maxMessages: 6 });
    const sending = (async () => {
      for (const name of names.toReversed()) {
        await test.clock.sleep(30);
        await test.fill(1, name);
      }
    })();
    for await (const delivery of deliveries) {
      seen.add(delivery.queue);
      await delivery.ack();
    }
    await Promise.all([deliveries.closed, sending]);
  });
  assert.equal(seen.size, 6);
  // Who waits for long keeps a slot from those who wait for their turn.
  assert.ok(test.inputs("ReceiveMessage").every(({ WaitTimeSeconds }) => WaitTimeSeconds <= 1));
});

Deno.test("a queue that fails is passed by the others", async () => {
  const test = setUp({
    queue: "a",
    onRequest: failing(
      "ReceiveMessage",
      { type: "network" },
      ({ queue, at }) => queue === "a" && +at < Date.UTC(2030, 0, 1, 1),
    ),
  });
  test.sqs.createQueue("b");
  await test.fill(1, "a");
  await test.fill(20, "b");
  const at: Record<string, number> = {};
  await test.run(async () => {
    const queues = [{ queue: "a", priority: 9 }, { queue: "b" }];
    const deliveries = consume(test.broker, queues, { strategy: "strict", maxMessages: 21 });
    for await (const delivery of deliveries) {
      at[delivery.queue] = test.seconds();
      await delivery.ack();
    }
    await deliveries.closed;
  });
  assert.ok(at.b < 120, `b ended at ${at.b}`);
  assert.ok(at.a >= 3600 && at.a < 3640, `a came at ${at.a}`);
});

Deno.test("queues that can't be looked up are passed by the others in Workers, too, where few are looked up at once", async () => {
  Object.defineProperty(navigator, "userAgent", { value: "Cloudflare-Workers", configurable: true });
  try {
    const names = Array.from({ length: 6 }, (_, index) => `q${index}`);
    const test = setUp({ queue: "q0", onRequest: failing("GetQueueUrl", DOWN, ({ queue }) => queue! < "q4") });
    for (const name of names.slice(1)) test.sqs.createQueue(name);
    for (const name of names) await test.fill(1, name);
    const seen = await order(test, names, { maxSeconds: 60 });
    assert.deepEqual(seen, ["q4", "q5"]);
  } finally {
    delete (navigator as { userAgent?: string }).userAgent;
  }
});

Deno.test("an idle queue costs one request a wait, beside busy ones too", async () => {
  const test = setUp({ queue: "idle" });
  test.sqs.createQueue("busy");
  await test.run(async () => {
    const deliveries = consume(test.broker, ["idle", "busy"], { maxSeconds: 600 });
    const sending = (async () => {
      for (let n = 0; n < 60; n++) {
        await test.clock.sleep(10);
        await test.fill(1, "busy");
      }
    })();
    for await (const delivery of deliveries) await delivery.ack();
    await Promise.all([deliveries.closed, sending]);
  });
  const idle = test.inputs("ReceiveMessage").filter(({ QueueUrl }) => QueueUrl.endsWith("/idle")).length;
  assert.ok(idle <= 32, `${idle} receives`);
});

Deno.test("a queue URL is consumed as it is, and a name by its translation", async () => {
  const test = setUp({ queue: "a-b" });
  await test.fill(2, "a-b");
  const url = test.sqs.createQueue("a-b");
  await test.run(async () => {
    const [first] = await Array.fromAsync(consume(test.broker, url, { maxMessages: 1 }));
    await first.ack();
    assert.equal(test.sqs.requests.count("GetQueueUrl"), 0);
    const [second] = await Array.fromAsync(consume(test.broker, "a.b", { maxMessages: 1 }));
    assert.equal(second.queue, "a.b");
    await second.ack();
  });
});
