import assert from "node:assert/strict";
import {
  connect,
  type ConnectOptions,
  consume,
  type DashiEvent,
  type Delivery,
  forEach,
  json,
  publishMany,
} from "@dashi/sqs";
import { memorySqs, type MemorySqsOptions } from "@dashi/sqs/testing";

/** A model of SQS with a queue `q`, and a broker at it. */
function setUp(options: MemorySqsOptions & { attributes?: Record<string, number | string> } = {}) {
  const { attributes, ...model } = options;
  const sqs = memorySqs(model);
  sqs.createQueue("q", attributes);
  const events: DashiEvent[] = [];
  const broker = connect({ ...sqs.connectOptions, codec: json(), onEvent: (event) => events.push(event) });
  const of = <T extends DashiEvent["type"]>(type: T) =>
    events.filter((event): event is Extract<DashiEvent, { type: T }> => event.type === type);
  const fill = async (count: number, queue = "q", more: Parameters<typeof sqs.sendMessage>[2] = {}) => {
    for (let n = 0; n < count; n++) await sqs.sendMessage(queue, JSON.stringify({ n }), more);
  };
  return { sqs, clock: sqs.clock, broker, events, of, fill };
}

const numberOf = (delivery: Delivery<unknown>) => (delivery.body as { n: number }).n;

Deno.test("consume() delivers every message once and asks for ten at a time", async () => {
  const { sqs, clock, broker, fill } = setUp();
  await fill(95);
  const seen: number[] = [];
  await clock.run(async () => {
    const deliveries = consume(broker, "q", { untilEmpty: true, prefetch: 20 });
    for await (const delivery of deliveries) {
      seen.push(numberOf(delivery));
      delivery.ack();
    }
    await deliveries.closed;
  });
  assert.deepEqual(seen.toSorted((a, b) => a - b), Array.from({ length: 95 }, (_, n) => n));
  assert.equal(sqs.messages("q").length, 0);
  assert.deepEqual(clock.waits, []);
});

Deno.test("consume() on an idle queue sends one request a wait", async () => {
  const { sqs, clock, broker } = setUp();
  const stop = new AbortController();
  await clock.run(async () => {
    const deliveries = consume(broker, "q", { signal: stop.signal });
    const over = (async () => {
      for await (const _ of deliveries) assert.fail("there is nothing");
    })();
    await clock.sleep(600);
    stop.abort();
    await over;
    await deliveries.closed;
  });
  assert.ok(sqs.requests.count("ReceiveMessage") <= 31, `${sqs.requests.count("ReceiveMessage")} receives`);
  assert.deepEqual(clock.waits, []);
});

Deno.test("consume() never holds more than prefetch", async () => {
  const { clock, broker, fill, sqs } = setUp();
  await fill(50);
  await clock.run(async () => {
    const held: Delivery<unknown>[] = [];
    const deliveries = consume(broker, "q", { prefetch: 7 });
    for await (const delivery of deliveries) {
      held.push(delivery);
      assert.ok(sqs.messages("q").filter(({ state }) => state === "inFlight").length <= 7);
      if (held.length === 7) break;
    }
    assert.equal(sqs.messages("q").filter(({ state }) => state === "inFlight").length, 7);
    await Promise.all(held.map((delivery) => delivery.ack()));
    await deliveries.closed;
  });
  assert.equal(sqs.messages("q").length, 43);
});

Deno.test("break makes what was buffered visible again before it returns", async () => {
  const { clock, broker, fill, sqs } = setUp();
  await fill(30);
  await clock.run(async () => {
    const deliveries = consume(broker, "q", { prefetch: 30 });
    for await (const delivery of deliveries) {
      await delivery.ack();
      break;
    }
    assert.equal(sqs.messages("q").filter(({ state }) => state === "inFlight").length, 0);
    await deliveries.closed;
  });
  assert.equal(sqs.messages("q").filter(({ state }) => state === "visible").length, 29);
});

Deno.test("break does not wait for a long poll, and what the poll brings is released", async () => {
  const { clock, broker, fill, sqs } = setUp();
  await fill(1);
  await clock.run(async () => {
    const deliveries = consume(broker, "q", { prefetch: 30 });
    for await (const delivery of deliveries) {
      await delivery.ack();
      await clock.sleep(1); // the next long poll is under way
      break;
    }
    const broke = +clock.now();
    await clock.sleep(5);
    await sqs.sendMessage("q", JSON.stringify({ n: 2 }));
    await deliveries.closed;
    assert.ok(+clock.now() - broke <= 20_000);
  });
  const [message] = sqs.messages("q");
  assert.equal(message.state, "visible");
});

Deno.test("the heartbeat keeps what is held invisible for as long as it takes", async () => {
  const { clock, broker, fill, sqs, of } = setUp({ attributes: { VisibilityTimeout: 30 } });
  await fill(3);
  await clock.run(async () => {
    const deliveries = consume(broker, "q", { maxMessages: 3 });
    for await (const delivery of deliveries) {
      await clock.sleep(300);
      assert.equal(delivery.receiveCount, 1);
      await delivery.ack();
    }
    await deliveries.closed;
  });
  assert.equal(sqs.messages("q").length, 0);
  assert.equal(of("drop").length, 0);
  assert.ok(sqs.requests.count("ChangeMessageVisibilityBatch") > 20);
  assert.ok(sqs.requests.count("ChangeMessageVisibilityBatch") < 60);
});

Deno.test("a message whose visibility ran out in the buffer is dropped, not handed over", async () => {
  const { clock, broker, fill, of } = setUp({ attributes: { VisibilityTimeout: 30 } });
  await fill(2);
  const counts: number[] = [];
  await clock.run(async () => {
    const deliveries = consume(broker, "q", { maxMessages: 2, heartbeat: false });
    for await (const delivery of deliveries) {
      counts.push(delivery.receiveCount);
      if (counts.length === 1) {
        await delivery.ack();
        await clock.sleep(31);
      } else await delivery.ack();
    }
    await deliveries.closed;
  });
  assert.deepEqual(counts, [1, 2]);
  assert.equal(of("drop")[0].reason, "lapsed");
});

Deno.test("what was collected can be settled after the loop", async () => {
  const { clock, broker, fill, sqs } = setUp();
  await fill(12);
  await clock.run(async () => {
    const deliveries = consume(broker, "q", { maxMessages: 10 });
    const list = await Array.fromAsync(deliveries);
    assert.equal(list.length, 10);
    await clock.sleep(3);
    await Promise.all(list.map((delivery) => delivery.ack()));
    await deliveries.closed;
  });
  assert.equal(sqs.messages("q").length, 2);
  assert.equal(sqs.requests.count("DeleteMessageBatch"), 1);
});

Deno.test("the grace over, what is unsettled is released and its signal fires", async () => {
  const { clock, broker, fill, sqs } = setUp();
  await fill(1);
  await clock.run(async () => {
    const deliveries = consume(broker, "q", { maxMessages: 1, graceSeconds: 60 });
    const [delivery] = await Array.fromAsync(deliveries);
    await clock.sleep(59);
    assert.equal(delivery.signal.aborted, false);
    assert.equal(sqs.messages("q")[0].state, "inFlight");
    await clock.sleep(2);
    assert.equal(delivery.signal.aborted, true);
    await deliveries.closed;
    assert.equal(sqs.messages("q")[0].state, "visible");
  });
});

Deno.test("a signal ends the iteration quietly", async () => {
  const { clock, broker } = setUp();
  const stop = new AbortController();
  await clock.run(async () => {
    const deliveries = consume(broker, "q", { signal: stop.signal });
    setTimeout(() => stop.abort(), 0);
    const list = await Array.fromAsync(deliveries);
    assert.deepEqual(list, []);
    await deliveries.closed;
  });
  assert.deepEqual(clock.waits, []);
});

Deno.test("an outage never looks like an empty queue", async () => {
  let down = true;
  const { clock, broker, fill, of } = setUp({
    onRequest: ({ action }) =>
      action === "ReceiveMessage" && down ? { type: "error", code: "InternalError", status: 500 } : undefined,
  });
  await fill(5);
  const seen: number[] = [];
  await clock.run(async () => {
    clock.sleep(3600).then(() => down = false);
    const deliveries = consume(broker, "q", { untilEmpty: true });
    for await (const delivery of deliveries) {
      seen.push(numberOf(delivery));
      delivery.ack();
    }
    await deliveries.closed;
  });
  assert.equal(seen.length, 5);
  assert.ok(of("poll-failed").length > 20);
});

Deno.test("what no retry mends ends the iteration, typed", async () => {
  const { clock, broker } = setUp();
  await clock.run(async () => {
    const deliveries = consume(broker, "missing");
    await assert.rejects(Array.fromAsync(deliveries), { name: "DoesNotExistQueueError" });
    await deliveries.closed;
  });
});

Deno.test("forEach() keeps a message whose handler throws", async () => {
  const { clock, broker, fill, sqs } = setUp({ attributes: { VisibilityTimeout: 30 } });
  await fill(20);
  const tries = new Map<number, number>();
  await clock.run(async () => {
    const deliveries = consume(broker, "q", { maxSeconds: 200, prefetch: 20 });
    const result = await forEach(deliveries, (delivery) => {
      const n = numberOf(delivery);
      tries.set(n, (tries.get(n) ?? 0) + 1);
      if (tries.get(n)! < 3) throw new Error("the database is down");
    });
    assert.deepEqual(result, { acked: 20, released: 40, rejected: 0 });
    await deliveries.closed;
  });
  assert.equal(sqs.messages("q").length, 0);
});

Deno.test("forEach() keeps FIFO order in a group when a handler fails", async () => {
  const { clock, broker, sqs } = setUp();
  sqs.createQueue("f.fifo", { FifoQueue: true, ContentBasedDeduplication: true, VisibilityTimeout: 20 });
  for (let n = 0; n < 40; n++) {
    await sqs.sendMessage("f.fifo", JSON.stringify({ n }), { groupId: `g${n % 3}`, deduplicationId: `${n}` });
  }
  const done: Record<string, number[]> = {};
  let failures = 0;
  await clock.run(async () => {
    const deliveries = consume(broker, "f.fifo", { maxSeconds: 2000, prefetch: 30 });
    await forEach(deliveries, async (delivery) => {
      await clock.sleep(numberOf(delivery) % 4);
      if (numberOf(delivery) % 7 === 3 && delivery.receiveCount < 3) {
        failures++;
        throw new Error("no");
      }
      (done[delivery.groupId!] ??= []).push(numberOf(delivery));
    });
    await deliveries.closed;
  });
  assert.ok(failures > 5);
  assert.equal(sqs.messages("f.fifo").length, 0);
  for (const [group, list] of Object.entries(done)) {
    assert.deepEqual(list, list.toSorted((a, b) => a - b), group);
  }
});

Deno.test("a long poll on an empty queue never delays a full one", async () => {
  const { clock, broker, fill, sqs } = setUp();
  sqs.createQueue("empty");
  const at: number[] = [];
  const began = +clock.now();
  await clock.run(async () => {
    const deliveries = consume(broker, ["empty", "q"], { maxMessages: 60, prefetch: 10 });
    clock.sleep(30).then(() => fill(60));
    for await (const delivery of deliveries) {
      at.push((+clock.now() - began) / 1000);
      await delivery.ack();
    }
    await deliveries.closed;
  });
  assert.ok(at.at(-1)! < 32, `the last came at ${at.at(-1)}`);
});

Deno.test("fetchAttributes asks for what it names, and for all with All", async () => {
  const asked = async (fetchAttributes: ConnectOptions["fetchAttributes"]) => {
    const { sqs, clock, fill } = setUp();
    await fill(1, "q", { messageAttributes: { colour: { DataType: "String", StringValue: "blue" } } });
    const broker = connect({ ...sqs.connectOptions, fetchAttributes });
    return await clock.run(async () => {
      const [delivery] = await Array.fromAsync(consume(broker, "q", { maxMessages: 1, graceSeconds: 0 }));
      return [Object.keys(delivery.attributes).sort(), delivery.messageAttributes] as const;
    });
  };
  const always = ["ApproximateReceiveCount", "SentTimestamp"];
  assert.deepEqual(await asked(undefined), [always, {}]);
  assert.deepEqual((await asked(["SenderId"]))[0], [...always, "SenderId"].sort());
  assert.deepEqual((await asked({ message: ["colour"] }))[1], { colour: "blue" });
  const [system, message] = await asked("All");
  assert.ok(system.includes("ApproximateFirstReceiveTimestamp"));
  assert.deepEqual(message, { colour: "blue" });
});

Deno.test("a clock that stands still and sleeps for no time at all keeps nobody from working", async () => {
  const sqs = memorySqs();
  sqs.createQueue("q");
  const now = sqs.clock.now();
  const clock = { now: () => now, sleep: () => Promise.resolve() };
  const broker = connect({ ...sqs.connectOptions, clock, waitTimeSeconds: 0 });
  await publishMany(broker, [{ body: 1 }, { body: 2 }], { queue: "q" });
  const deliveries = consume(broker, "q", { untilEmpty: true });
  const held = await Array.fromAsync(deliveries);
  assert.deepEqual(held.map(({ body }) => body).sort(), [1, 2]);
  assert.deepEqual(sqs.messages("q").map(({ state }) => state), ["inFlight", "inFlight"], "the grace is not over");
  await Promise.all(held.map((delivery) => delivery.ack()));
  await deliveries.closed;
  assert.deepEqual(sqs.messages("q"), []);
});
