import assert from "node:assert/strict";
import {
  AccessDeniedQueueError,
  connect,
  consume,
  type Delivery,
  forEach,
  json,
  type PayloadStore,
  pipe,
  readAhead,
  receive,
} from "@dashi/sqs";
import { DENIED, failing, numberOf, setUp } from "./setup.ts";

/** A store whose payloads take a while. */
function slowStore(sleep: (seconds: number, signal?: AbortSignal) => Promise<void>, seconds: number): PayloadStore {
  return {
    threshold: 100,
    always: false,
    isPointer: (body) => body.startsWith("{"),
    offload: () => Promise.reject(new Error("not here")),
    async resolve(body, _, { signal }) {
      await sleep(seconds, signal);
      return { body, location: { bucket: "b", key: "k" }, stream: () => new Blob([body]).stream() };
    },
    cleanUp: () => Promise.resolve(),
  };
}

/** A broker at the same model, with payloads. */
const withPayloads = ({ sqs, clock }: ReturnType<typeof setUp>, seconds: number) =>
  connect({ ...sqs.connectOptions, codec: json(), payloads: slowStore(clock.sleep, seconds) });

/** The ways to end, from inside of the loop or from outside. */
const WAYS = {
  break: undefined,
  throw: undefined,
  stop: (deliveries: ReturnType<typeof consume>) => void deliveries.stop(),
  dispose: (deliveries: ReturnType<typeof consume>) => void deliveries[Symbol.asyncDispose](),
  signal: (_: unknown, stop: AbortController) => stop.abort(),
};

for (const [way, act] of Object.entries(WAYS)) {
  Deno.test(`${way}: what nobody has is visible at once, acks are flushed, what is in hand stays for the grace`, async () => {
    const test = setUp();
    await test.fill(40);
    await test.run(async () => {
      const stop = new AbortController();
      const deliveries = consume(test.broker, "q", { prefetch: 30, signal: stop.signal, ackLinger: 60 });
      const held: Delivery<unknown>[] = [];
      const loop = async () => {
        for await (const delivery of deliveries) {
          held.push(delivery);
          if (held.length < 5) continue;
          held[0].ack();
          held[1].ack();
          if (way === "break") break;
          if (way === "throw") throw new Error("the loop broke");
          act!(deliveries, stop);
        }
      };
      if (way === "throw") await assert.rejects(loop(), /the loop broke/);
      else await loop();
      const ended = test.seconds();
      assert.equal(held.length, 5, "nothing comes after the end");
      if (act) await test.clock.sleep(0.001);
      assert.equal(test.sqs.messages("q").length, 38);
      assert.equal(test.count("inFlight"), 3);
      assert.ok(test.seconds() - ended < 0.01);
      await test.clock.sleep(20);
      assert.equal(held[2].signal.aborted, false);
      await held[2].ack();
      await test.clock.sleep(6);
      assert.deepEqual([held[2].signal.aborted, held[3].signal.aborted], [false, true]);
      await deliveries.closed;
      assert.ok(test.seconds() - ended < 26.3);
      assert.equal(test.count("inFlight"), 0);
      const settled = held[4].ack();
      await settled; // the release was first
      assert.equal(test.sqs.messages("q").length, 37);
    });
  });
}

Deno.test("await using waits until all is settled", async () => {
  const test = setUp();
  await test.fill(5);
  await test.run(async () => {
    {
      await using deliveries = consume(test.broker, "q", { graceSeconds: 3 });
      for await (const _ of deliveries) break;
    }
    assert.equal(test.count("visible"), 5);
    assert.ok(test.seconds() >= 3);
  });
});

Deno.test("the heartbeat goes on in the grace, for what is in hand", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 10 } });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { graceSeconds: 100, maxMessages: 1 });
    const [delivery] = await Array.fromAsync(deliveries);
    await test.clock.sleep(90);
    assert.equal(test.count("inFlight"), 1);
    await delivery.ack();
    await deliveries.closed;
    assert.equal(test.seconds(), 90);
  });
});

Deno.test("what a poll brings after the end is released, and nothing is asked any more", async () => {
  const test = setUp();
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { prefetch: 10 });
    const first = deliveries[Symbol.asyncIterator]().next();
    await test.clock.sleep(5);
    const closed = deliveries.stop();
    assert.deepEqual(await first, { done: true, value: undefined });
    await test.fill(3);
    await closed;
    assert.equal(test.count("visible"), 3);
    assert.equal(test.sqs.requests.count("ReceiveMessage"), 1);
    assert.equal(test.seconds(), 5);
  });
});

Deno.test("an ack that is refused after the end changes nothing of it: what a poll brings is released", async () => {
  const test = setUp({ onRequest: failing("DeleteMessageBatch", DENIED) });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { prefetch: 20 });
    const reader = deliveries[Symbol.asyncIterator]();
    const { value: delivery } = await reader.next();
    const next = reader.next(); // a long poll is under way
    await test.clock.sleep(1);
    const closed = deliveries.stop();
    await assert.rejects(delivery!.ack(), AccessDeniedQueueError);
    assert.deepEqual(await next, { done: true, value: undefined });
    await test.fill(2);
    await closed;
    assert.equal(test.count("visible"), 2);
  });
});

Deno.test("a poll that outlasts the grace is cut off", async () => {
  const test = setUp();
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { graceSeconds: 2 });
    const first = deliveries[Symbol.asyncIterator]().next();
    await test.clock.sleep(1);
    await deliveries.stop();
    assert.equal(test.seconds(), 3);
    await first;
  });
});

Deno.test("release() while a heartbeat is under way is not undone by it", async () => {
  const test = setUp({
    attributes: { VisibilityTimeout: 20 },
    onRequest: failing("ChangeMessageVisibilityBatch", { type: "slow", seconds: 3 }, ({ attempt }) => attempt === 1),
  });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1 });
    for await (const delivery of deliveries) {
      await test.clock.sleep(11); // the heartbeat left at 10
      await delivery.release();
      assert.equal(test.count("visible"), 1);
      assert.equal(test.seconds(), 13);
    }
    await deliveries.closed;
  });
});

Deno.test("release() while a heartbeat is under way that fails makes the message visible all the same", async () => {
  let lost = false;
  const test = setUp({
    attributes: { VisibilityTimeout: 20 },
    connect: {
      http: {
        async fetch(request) {
          if (lost || !request.headers.get("x-amz-target")!.endsWith("ChangeMessageVisibilityBatch")) {
            return await test.sqs.fetch(request);
          }
          lost = true;
          await test.clock.sleep(3);
          return Response.json({ Failed: [{ Id: "0", Code: "InvalidParameterValue", SenderFault: true }] });
        },
      },
    },
  });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1 });
    for await (const delivery of deliveries) {
      await test.clock.sleep(11); // the heartbeat left at 10
      await delivery.release();
      assert.equal(test.count("visible"), 1);
    }
    await deliveries.closed;
  });
});

Deno.test("closed resolves when the signal fires before the loop began", async () => {
  const test = setUp();
  await test.run(async () => {
    const abort = new AbortController();
    const deliveries = consume(test.broker, "q", { signal: abort.signal });
    abort.abort();
    await deliveries.closed;
    assert.deepEqual(await Array.fromAsync(deliveries), []);
    await consume(test.broker, "q", { signal: abort.signal }).closed;
  });
  assert.equal(test.sqs.requests.count(), 0);
});

Deno.test("a signal that is aborted already: nothing is asked, the loop ends quietly", async () => {
  const test = setUp();
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { signal: AbortSignal.abort() });
    assert.deepEqual(await Array.fromAsync(deliveries), []);
    await deliveries.closed;
  });
  assert.equal(test.sqs.requests.count(), 0);
});

Deno.test("a signal that lives longer keeps nothing of a consumer that is closed", async () => {
  const test = setUp();
  await test.fill(3);
  const { signal } = new AbortController();
  const listening = new Set<unknown>();
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listening.add(args[1]);
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listening.delete(args[1]);
    removeEventListener.apply(signal, args);
  };
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { signal, untilEmpty: true });
    for await (const delivery of deliveries) await delivery.ack();
    await deliveries.closed;
    assert.equal(listening.size, 0);
  });
});

Deno.test("stop() before the first next(), twice, and after the end", async () => {
  const test = setUp();
  await test.run(async () => {
    const deliveries = consume(test.broker, "q");
    const stopped = deliveries.stop();
    assert.equal(await stopped, undefined);
    assert.deepEqual(await Array.fromAsync(deliveries), []);
    await deliveries.stop();
    await deliveries.closed;
  });
  assert.equal(test.sqs.requests.count(), 0);
});

Deno.test("deliveries can be iterated once", async () => {
  const test = setUp();
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { untilEmpty: true });
    await Array.fromAsync(deliveries);
    assert.throws(() => deliveries[Symbol.asyncIterator](), { name: "ConfigError", message: /call consume\(\) again/ });
  });
});

Deno.test("next() after the end says done", async () => {
  const test = setUp();
  await test.fill(2);
  await test.run(async () => {
    const iterator = consume(test.broker, "q")[Symbol.asyncIterator]();
    await (await iterator.next()).value.ack();
    await Promise.all([iterator.return!(), iterator.return!()]);
    assert.deepEqual(await iterator.next(), { done: true, value: undefined });
    await test.clock.sleep(30);
  });
});

Deno.test("break in the middle of several queues gives back those of all", async () => {
  const test = setUp();
  test.sqs.createQueue("b");
  test.sqs.createQueue("c");
  for (const queue of ["q", "b", "c"]) await test.fill(10, queue);
  await test.run(async () => {
    const deliveries = consume(test.broker, ["q", "b", "c"], { prefetch: 40 });
    for await (const delivery of deliveries) {
      await test.clock.sleep(1);
      await delivery.ack();
      break;
    }
    await test.clock.sleep(0.001); // a poll under way may take what was released, and releases it again
    assert.equal(["q", "b", "c"].reduce((sum, queue) => sum + test.count("visible", queue), 0), 29);
    await deliveries.closed;
  });
});

for (const way of ["stop", "signal"]) {
  Deno.test(`${way} gives back what is on its way through the pipeline`, async () => {
    const test = setUp();
    await test.fill(10);
    const stop = new AbortController();
    await test.run(async () => {
      const deliveries = consume(withPayloads(test, 30), "q", { signal: stop.signal });
      const seen = Array.fromAsync(deliveries);
      await test.clock.sleep(5);
      if (way === "stop") deliveries.stop();
      else stop.abort();
      assert.deepEqual(await seen, []);
      await test.clock.sleep(0.001);
      assert.equal(test.count("visible"), 10);
      await deliveries.closed;
    });
  });
}

Deno.test("break gives back what is on its way through the pipeline before it returns", async () => {
  const test = setUp();
  await test.fill(40);
  await test.run(async () => {
    const deliveries = consume(withPayloads(test, 30), "q", { prefetch: 40 });
    for await (const delivery of deliveries) {
      await delivery.ack();
      break;
    }
    assert.deepEqual([test.seconds(), test.count("visible"), test.count("inFlight")], [30, 39, 0]);
    await deliveries.closed;
  });
});

Deno.test("break waits for the acks so far, also where payloads are read ahead", async () => {
  const test = setUp({ onRequest: failing("DeleteMessageBatch", { type: "slow", seconds: 2 }) });
  await test.fill(10);
  await test.run(async () => {
    const deliveries = consume(withPayloads(test, 3), "q");
    for await (const delivery of deliveries) {
      delivery.ack();
      break;
    }
    assert.equal(test.seconds(), 5);
    assert.equal(test.count("visible"), 9);
    await deliveries.closed;
  });
});

Deno.test("a budget of messages hands out what is on its way through the pipeline", async () => {
  const test = setUp();
  await test.fill(10);
  await test.run(async () => {
    const deliveries = consume(withPayloads(test, 3), "q", { maxMessages: 7 });
    const seen: number[] = [];
    for await (const delivery of deliveries) {
      seen.push(numberOf(delivery));
      await delivery.ack();
    }
    assert.equal(seen.length, 7);
    await deliveries.closed;
  });
  assert.equal(test.count("visible"), 3);
});

Deno.test("a pipeline of one's own gives back what it read ahead", async () => {
  const test = setUp();
  await test.fill(10);
  await test.run(async () => {
    const source = receive(test.broker, "q", { prefetch: 10 });
    for await (const delivery of pipe(source, readAhead(5))) {
      await test.clock.sleep(1);
      await delivery.ack();
      break;
    }
    await test.clock.sleep(0.001);
    assert.equal(test.count("visible"), 9);
    await source.closed;
  });
});

Deno.test("forEach() ends with the deliveries, and waits for the handlers that run", async () => {
  const test = setUp();
  await test.fill(20);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { prefetch: 20 });
    test.clock.sleep(5).then(() => deliveries.stop());
    const result = await forEach(deliveries, () => test.clock.sleep(10), { concurrency: 4 });
    assert.deepEqual(result, { acked: 4, released: 0, rejected: 0 });
    assert.equal(test.seconds(), 10);
    assert.equal(test.count("visible"), 16);
    await deliveries.closed;
  });
});

Deno.test("forEach(): a throw after the consumer's own signal fired is a release", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 600 } });
  await test.fill(4);
  const stop = new AbortController();
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { signal: stop.signal, backoff: () => 500 });
    test.clock.sleep(5).then(() => stop.abort());
    const result = await forEach(deliveries, () => test.clock.sleep(60, stop.signal));
    assert.deepEqual(result, { acked: 0, released: 4, rejected: 0 });
    await deliveries.closed;
    assert.equal(test.count("visible"), 4);
  });
});

Deno.test("the end does not wait for a poll that rests", async () => {
  const test = setUp();
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { pollingInterval: 600, graceSeconds: 100 });
    const first = deliveries[Symbol.asyncIterator]().next();
    await test.clock.sleep(30); // the first poll ended at 20
    await deliveries.stop();
    assert.equal(test.seconds(), 30);
    await first;
  });
});

Deno.test("a budget of messages is made up for what is dropped on its way through the pipeline", async () => {
  const test = setUp();
  await test.fill(2);
  const slow = slowStore(test.clock.sleep, 3);
  let resolved = 0;
  const payloads: PayloadStore = {
    ...slow,
    resolve: async (...args) => {
      const payload = await slow.resolve(...args);
      if (!resolved++) throw new Error("it can't be read");
      return payload;
    },
  };
  await test.run(async () => {
    const broker = connect({ ...test.sqs.connectOptions, codec: json(), payloads });
    const deliveries = consume(broker, "q", { maxMessages: 1 });
    const list: Delivery<unknown>[] = [];
    for await (const delivery of deliveries) {
      list.push(delivery);
      await delivery.ack();
    }
    assert.equal(list.length, 1);
    await deliveries.closed;
  });
});

Deno.test("closed waits for the ack of a message that had lapsed", async () => {
  const test = setUp({
    attributes: { VisibilityTimeout: 5 },
    onRequest: failing("DeleteMessageBatch", { type: "slow", seconds: 3 }),
  });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { heartbeat: false });
    for await (const delivery of deliveries) {
      await test.clock.sleep(6);
      delivery.ack();
      void deliveries.stop();
    }
    await deliveries.closed;
    assert.deepEqual(test.of("ack").map(({ error }) => error), [undefined]);
  });
});

Deno.test("what a poll brings after the end is released at once, though it was longer than the timeout", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 5 } });
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { waitTimeSeconds: 20, graceSeconds: 30 });
    const loop = Array.fromAsync(deliveries);
    await test.clock.sleep(1);
    void deliveries.stop();
    await loop;
    await test.clock.sleep(14);
    await test.fill(1);
    await deliveries.closed;
    assert.equal(test.count("visible"), 1);
  });
});
