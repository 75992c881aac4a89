import assert from "node:assert/strict";
import { consume, decode, forEach, json, keepInvisible, pipe, receive } from "@dashi/sqs";
import type { Fault } from "@dashi/sqs/testing";
import { DENIED, DOWN, failing, numberOf, setUp } from "./setup.ts";

Deno.test("forEach() runs as many handlers as it is told, and refills freed slots at once", async () => {
  const test = setUp();
  await test.fill(300);
  let running = 0;
  let most = 0;
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { prefetch: 200, maxMessages: 300 });
    const result = await forEach(deliveries, async (delivery) => {
      most = Math.max(most, ++running);
      // One slow message in ten holds nobody up.
      await test.clock.sleep(numberOf(delivery) % 10 ? 1 : 10);
      running--;
    }, { concurrency: 100 });
    assert.equal(result.acked, 300);
    await deliveries.closed;
  });
  assert.equal(most, 100);
  assert.ok(test.seconds() < 22, `${test.seconds()} s`);
});

Deno.test("forEach() runs ten at once by default", async () => {
  const test = setUp();
  await test.fill(60);
  let running = 0;
  let most = 0;
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { prefetch: 60, maxMessages: 60 });
    await forEach(deliveries, async () => {
      most = Math.max(most, ++running);
      await test.clock.sleep(1);
      running--;
    });
    await deliveries.closed;
  });
  assert.equal(most, 10);
});

Deno.test("an hour's outage of a database costs not one message", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 60 } });
  await test.fill(50);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", {
      maxSeconds: 7200,
      prefetch: 50,
      backoff: ({ receiveCount }) => Math.min(600, 10 * 2 ** receiveCount),
    });
    const { acked } = await forEach(deliveries, async () => {
      await test.clock.sleep(1);
      if (test.seconds() < 3600) throw new Error("the database is down");
    }, { concurrency: 20 });
    assert.equal(acked, 50);
    await deliveries.closed;
  });
  assert.equal(test.sqs.messages("q").length, 0);
});

Deno.test("a handler may throw at once, or settle by itself", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 100 } });
  await test.fill(6);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 6 });
    const result = await forEach(deliveries, (delivery) => {
      const n = numberOf(delivery);
      if (n === 0) throw new Error("at once");
      if (n === 1) return delivery.release({ visibleAfter: 50 });
      if (n === 2) return delivery.reject();
      if (n === 3) return delivery.ack().then(() => Promise.reject(new Error("after the ack")));
      if (n === 4) return delivery.leave();
    });
    assert.deepEqual(result, { acked: 2, released: 3, rejected: 1 });
    await deliveries.closed;
  });
  assert.equal(test.sqs.messages("q").length, 3);
});

Deno.test("forEach() rejects with what no retry mends, once its handlers are done", async () => {
  const test = setUp({ onRequest: failing("ReceiveMessage", DENIED, ({ attempt }) => attempt > 1) });
  await test.fill(10);
  let done = 0;
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { prefetch: 50 });
    await assert.rejects(
      forEach(deliveries, () => test.clock.sleep(3).then(() => done++)),
      { name: "AccessDeniedQueueError" },
    );
    assert.equal(done, 10);
    await deliveries.closed;
  });
  assert.equal(test.sqs.messages("q").length, 0);
});

Deno.test("forEach() over ack: none counts what was deleted", async () => {
  const test = setUp();
  await test.fill(4);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { ack: "none", maxMessages: 4 });
    const result = await forEach(deliveries, (delivery) => {
      if (numberOf(delivery) === 2) throw new Error("too late");
    });
    assert.deepEqual(result, { acked: 4, released: 0, rejected: 0 });
    await deliveries.closed;
  });
});

Deno.test("forEach() acks in batches, after 0.2 s at the latest", async () => {
  const test = setUp();
  await test.fill(100);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { prefetch: 50, maxMessages: 100 });
    await forEach(deliveries, (delivery) => test.clock.sleep(0.01 * (numberOf(delivery) % 10)), { concurrency: 30 });
    await deliveries.closed;
  });
  assert.ok(test.sqs.requests.count("DeleteMessageBatch") <= 12, `${test.sqs.requests.count("DeleteMessageBatch")}`);
});

Deno.test("forEach() counts no settlement that failed, and acks nothing that a handler could not give back", async () => {
  const refused: Fault = { type: "failed-entries", ids: () => true, code: "InvalidParameterValue", senderFault: true };
  const test = setUp({
    onRequest: (call) =>
      failing("DeleteMessageBatch", refused)(call) ?? failing("ChangeMessageVisibilityBatch", DOWN)(call),
  });
  await test.fill(2);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 2 });
    const counts = await forEach(deliveries, async (delivery) => {
      if (numberOf(delivery)) await delivery.release().catch(() => {});
    });
    assert.deepEqual(counts, { acked: 0, released: 0, rejected: 0 });
    await deliveries.closed;
  });
  assert.deepEqual([test.of("ack").length, test.of("release").length], [1, 1]);
});

Deno.test("forEach() acks at once with an ackLinger of 0", async () => {
  const test = setUp();
  await test.fill(10);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { ackLinger: 0, maxMessages: 10 });
    await forEach(deliveries, (delivery) => test.clock.sleep(0.01 * numberOf(delivery)));
    await deliveries.closed;
  });
  assert.equal(test.sqs.requests.count("DeleteMessageBatch"), 10);
});

for (
  const budget of [{ maxMessages: 3 }, { untilEmpty: true }, { maxMessages: 3, maxSeconds: 7200 }, {
    untilEmpty: true,
    maxSeconds: 7200,
  }]
) {
  Deno.test(`forEach() finishes what it works on after ${Object.keys(budget).join(" before ")}, however long that takes`, async () => {
    for (const queue of ["q", "q.fifo"]) {
      const test = setUp({ queue, attributes: { VisibilityTimeout: 30 } });
      await test.fill(3);
      await test.run(async () => {
        const deliveries = consume(test.broker, queue, { ...budget, graceSeconds: 5 });
        const { acked } = await forEach(deliveries, () => test.clock.sleep(600));
        assert.equal(acked, 3);
        await deliveries.closed;
      });
      assert.equal(test.sqs.messages(queue).length, 0);
      // On FIFO the receive that ends as the last is acked may have seen its group locked: one more is asked.
      const more = "untilEmpty" in budget && queue !== "q" ? 20 : 0;
      assert.equal(test.seconds(), queue === "q" ? 600 : 1800 + more);
    }
  });
}

Deno.test("forEach() has the grace for what it works on when maxSeconds are over, or stop() or the signal comes", async () => {
  for (const how of ["maxSeconds", "stop", "signal"]) {
    const test = setUp();
    await test.fill(2);
    await test.run(async () => {
      const abort = new AbortController();
      const { signal } = abort;
      const deliveries = consume(
        test.broker,
        "q",
        how === "maxSeconds" ? { maxSeconds: 60 } : { maxMessages: 2, signal },
      );
      const handled = forEach(deliveries, () => test.clock.sleep(600));
      await test.clock.sleep(60);
      if (how === "stop") void deliveries.stop();
      else abort.abort();
      await deliveries.closed;
      assert.equal(test.seconds(), 85);
      assert.equal(test.count("visible"), 2);
      assert.deepEqual(await handled, { acked: 0, released: 2, rejected: 0 });
    });
  }
});

Deno.test("forEach() goes over a pipeline of the user's own", async () => {
  const test = setUp();
  await test.fill(5);
  const source = receive(test.broker, "q", { maxMessages: 5 });
  const seen: number[] = [];
  const result = await test.run(async () => {
    const deliveries = pipe(source, keepInvisible(test.broker), decode(json()));
    const result = await forEach(deliveries, (delivery) => void seen.push(numberOf(delivery)));
    await source.closed;
    return result;
  });
  assert.deepEqual(result, { acked: 5, released: 0, rejected: 0 });
  assert.equal(new Set(seen).size, 5);
});

Deno.test("forEach() refuses options that are wrong, and starts nothing", async () => {
  const test = setUp();
  await test.run(async () => {
    for (const options of [{ concurrency: 0 }, { concurrency: 1.5 }, { onError: "delete" as "retry" }]) {
      const deliveries = consume(test.broker, "q");
      await assert.rejects(forEach(deliveries, () => {}, options), { name: "ConfigError" });
      await deliveries.stop();
    }
    const deliveries = consume(test.broker, "q");
    const misspelt = { concurency: 5 } as { concurrency?: number };
    await assert.rejects(forEach(deliveries, () => {}, misspelt), { name: "ConfigError", message: /'concurency'/ });
    const none = undefined as unknown as () => void;
    await assert.rejects(forEach(deliveries, none), { name: "ConfigError", message: /'handler'/ });
    const noDeliveries = test.broker as unknown as typeof deliveries;
    await assert.rejects(forEach(noDeliveries, () => {}), { name: "ConfigError", message: /'deliveries'/ });
    await deliveries.stop();
  });
  assert.equal(test.sqs.requests.count(), 0);
});

Deno.test("forEach() tells what a handler threw, and for which message, however that is settled", async () => {
  const test = setUp();
  await test.fill(4);
  const ids: string[] = []; // by number
  const wrong = new TypeError("no such customer");
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 4 });
    await forEach(deliveries, async (delivery) => {
      ids[numberOf(delivery)] = delivery.messageId;
      if (numberOf(delivery) === 1) throw wrong;
      if (numberOf(delivery) === 2) throw { toString: "none" };
      if (numberOf(delivery) === 3) {
        await delivery.ack();
        throw wrong;
      }
    });
    await deliveries.closed;
  });
  const told = new Map(test.of("error").map((event) => [event.messageId, event]));
  assert.deepEqual([...told.keys()].sort(), ids.slice(1).toSorted());
  assert.deepEqual(told.get(ids[1]), { type: "error", queue: "q", messageId: ids[1], error: wrong });
  assert.equal(told.get(ids[2])!.error.message, "A handler threw a value of type object");
  assert.deepEqual(told.get(ids[2])!.error.cause, { toString: "none" });
  assert.equal(told.get(ids[3])!.error, wrong);
});

Deno.test("forEach() tells nothing of handlers that throw as the signal fired", async () => {
  const test = setUp();
  await test.fill(1);
  const stop = new AbortController();
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { signal: stop.signal });
    const result = await forEach(deliveries, () => {
      stop.abort();
      stop.signal.throwIfAborted();
    });
    assert.equal(result.released, 1);
    await deliveries.closed;
  });
  assert.deepEqual(test.of("error"), []);
});

Deno.test("forEach() warns where the prefetch allows fewer handlers than it is told", async () => {
  const test = setUp();
  const end = { untilEmpty: true, waitTimeSeconds: 0 };
  await test.run(async () => {
    await forEach(consume(test.broker, "q", end), () => {}); // its default is no wish
    await forEach(consume(test.broker, "q", { ...end, prefetch: 4 }), () => {});
    await forEach(consume(test.broker, "q", { ...end, prefetch: 0 }), () => {}, { concurrency: 50 });
    await forEach(consume(test.broker, "q", end), () => {}, { concurrency: Infinity });
    assert.deepEqual(test.of("warning"), []);
    await forEach(consume(test.broker, "q", end), () => {}, { concurrency: 50 });
  });
  const message = "forEach() runs 10 handlers at a time and not 50: set consume()'s 'prefetch'";
  assert.deepEqual(test.of("warning"), [{ type: "warning", message }]);
});
