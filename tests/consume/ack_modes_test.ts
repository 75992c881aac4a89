/** What `ack: "auto"` and `ack: "none"` delete, and when. */
import assert from "node:assert/strict";
import { consume, type Delivery, filterMap, forEach, pipe } from "@dashi/sqs";
import { failing, numberOf, setUp } from "./setup.ts";

Deno.test("ack: auto acks the last when the next is asked for, and not at the end of the loop", async () => {
  const test = setUp();
  await test.fill(5);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { ack: "auto", prefetch: 5 });
    let seen = 0;
    for await (const _ of deliveries) if (++seen === 3) break;
    await deliveries.closed;
  });
  assert.equal(test.sqs.messages("q").length, 3);
  assert.equal(test.sqs.requests.count("DeleteMessageBatch"), 1);
  assert.equal(test.of("ack").length, 2);
});

Deno.test("ack: auto does not ack what was given back, even if that failed", async () => {
  const test = setUp({
    onRequest: failing("ChangeMessageVisibilityBatch", { type: "lost-answer" }, ({ attempt }) => attempt < 4),
  });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { ack: "auto", maxMessages: 2 });
    const seen: number[] = [];
    for await (const delivery of deliveries) {
      seen.push(delivery.receiveCount);
      if (seen.length === 1) await assert.rejects(delivery.release());
    }
    assert.deepEqual(seen, [1, 2]);
    await deliveries.closed;
  });
});

Deno.test("ack: auto does not ack what threw", async () => {
  const test = setUp();
  await test.fill(2);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { ack: "auto" });
    await assert.rejects(async () => {
      for await (const _ of deliveries) throw new Error("no");
    }, /no/);
    await deliveries.closed;
  });
  assert.equal(test.sqs.messages("q").length, 2);
});

Deno.test("ack: auto in forEach() acks when the handler returns, not when the next is taken", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 30 } });
  await test.fill(10);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { ack: "auto", maxMessages: 10 });
    const result = await forEach(deliveries, async (delivery) => {
      await test.clock.sleep(1);
      if (numberOf(delivery) % 2) throw new Error("no");
    });
    assert.deepEqual(result, { acked: 5, released: 5, rejected: 0 });
    await deliveries.closed;
  });
  assert.equal(test.sqs.messages("q").length, 5);
});

Deno.test("ack: auto in forEach() over a pipeline of one's own acks when the handler returns, in batches", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 30 } });
  await test.fill(10);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { ack: "auto", maxMessages: 10 });
    const result = await forEach(pipe(deliveries, filterMap((delivery) => delivery)), async (delivery) => {
      await test.clock.sleep(1 + numberOf(delivery) / 100);
      if (numberOf(delivery) % 2) throw new Error("no");
    });
    assert.deepEqual(result, { acked: 5, released: 5, rejected: 0 });
    await deliveries.closed;
  });
  assert.equal(test.sqs.messages("q").length, 5);
  assert.equal(test.sqs.requests.count("DeleteMessageBatch"), 2); // without a linger each ack leaves alone
});

Deno.test("ack: auto gathers acks for 0.2 s, or for as long as ackLinger says", async () => {
  for (const [ackLinger, most, least] of [[undefined, 4, 2], [0, 10, 10]]) {
    const test = setUp();
    await test.fill(11);
    await test.run(async () => {
      const deliveries = consume(test.broker, "q", { ack: "auto", ackLinger, prefetch: 20, waitTimeSeconds: 1 });
      let seen = 0;
      for await (const _ of deliveries) {
        if (++seen === 11) break;
        await test.clock.sleep(0.05);
      }
      await deliveries.closed;
    });
    const count = test.sqs.requests.count("DeleteMessageBatch");
    assert.ok(count >= least! && count <= most!, `${count} requests`);
  }
});

Deno.test("ack: none deletes before it hands over, after it decoded", async () => {
  const test = setUp();
  await test.sqs.sendMessage("q", "{");
  await test.fill(3);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { ack: "none", untilEmpty: true, waitTimeSeconds: 0 });
    const seen: number[] = [];
    for await (const delivery of deliveries) {
      const { messageId } = delivery;
      assert.ok(!test.sqs.messages("q").some((message) => message.messageId === messageId));
      seen.push(numberOf(delivery));
    }
    assert.deepEqual(seen.toSorted(), [0, 1, 2]);
    await deliveries.closed;
  });
  assert.deepEqual(test.sqs.messages("q").map(({ body }) => body), ["{"]);
  assert.equal(test.of("handover").length, 3);
});

Deno.test("ack: none waits for no other before it deletes, in forEach() either, whatever the ackLinger", async () => {
  for (const ackLinger of [undefined, 5]) {
    const test = setUp();
    await test.fill(20);
    await test.run(async () => {
      const deliveries = consume(test.broker, "q", { ack: "none", ackLinger, maxMessages: 20 });
      assert.deepEqual(await forEach(deliveries, () => {}), { acked: 20, released: 0, rejected: 0 });
      assert.equal(test.seconds(), 0);
      await deliveries.closed;
    });
  }
});

Deno.test("ack: none deletes nothing that is not handed over", async () => {
  for (const way of ["break", "stop"]) {
    const test = setUp();
    await test.fill(10);
    let seen = 0;
    await test.run(async () => {
      const deliveries = consume(test.broker, "q", { ack: "none" });
      if (way === "stop") test.clock.sleep(3).then(() => deliveries.stop());
      for await (const _ of deliveries) {
        seen++;
        if (way === "break" && seen === 3) break;
        await test.clock.sleep(1);
      }
      await deliveries.closed;
    });
    assert.equal(test.sqs.messages("q").length + seen, 10, way);
    assert.equal(test.count("visible"), 10 - seen);
  }
});

Deno.test("ack: none does not hand over what could not be deleted", async () => {
  const test = setUp({
    attributes: { VisibilityTimeout: 30 },
    onRequest: failing("DeleteMessageBatch", { type: "failed-entries", ids: () => true }, ({ attempt }) => attempt < 4),
  });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { ack: "none", maxMessages: 1 });
    const [delivery] = await Array.fromAsync(deliveries);
    assert.equal(delivery.receiveCount, 2);
    await deliveries.closed;
  });
  assert.equal(test.sqs.messages("q").length, 0);
});

Deno.test("ack: none hands over what it has deleted, however late after the end: forEach() works on it", async () => {
  for (const way of ["loop", "forEach"]) {
    const test = setUp({ onRequest: failing("DeleteMessageBatch", { type: "slow", seconds: 3 }) });
    await test.fill(1);
    const seen: boolean[] = [];
    const work = ({ signal }: Delivery) => void seen.push(signal.aborted);
    await test.run(async () => {
      const deliveries = consume(test.broker, "q", { ack: "none", maxSeconds: 1, graceSeconds: 0 });
      if (way === "forEach") await forEach(deliveries, work);
      else for await (const delivery of deliveries) work(delivery);
      await deliveries.closed;
    });
    assert.deepEqual(test.sqs.messages("q"), []);
    assert.deepEqual(seen, [false], way);
  }
});
