import assert from "node:assert/strict";
import { consume } from "@dashi/sqs";
import { DENIED, DOWN, failing, numberOf, setUp, taking } from "./setup.ts";

Deno.test("a settlement that failed retryably may be tried again, any other counts for good", async () => {
  let down = true;
  const test = setUp({ onRequest: (call) => down ? failing("DeleteMessageBatch", DOWN)(call) : undefined });
  await test.run(() =>
    taking(test, 2, async ([first, second]) => {
      await assert.rejects(first.ack(), { awsCode: "InternalError" });
      assert.equal(test.sqs.requests.count("DeleteMessageBatch"), 3);
      down = false;
      await first.ack();
      const ack = second.ack();
      assert.equal(second.ack(), ack);
      assert.equal(second.release(), ack);
      assert.equal(second.reject(), ack);
      await ack;
      await second.release();
      assert.equal(test.sqs.messages("q").length, 0);
      assert.equal(test.sqs.requests.count("ChangeMessageVisibilityBatch"), 0);
    })
  );
});

Deno.test("an expired receipt frees its slot and rejects with ReceiptExpiredError", async () => {
  const test = setUp({ queue: "q.fifo", attributes: { VisibilityTimeout: 10 } });
  await test.fill(2, "q.fifo");
  await test.run(async () => {
    const deliveries = consume(test.broker, "q.fifo", { prefetch: 1, heartbeat: false, maxMessages: 2 });
    let expired = 0;
    for await (const delivery of deliveries) {
      if (delivery.receiveCount === 1 && numberOf(delivery) === 0) {
        await test.clock.sleep(11);
        await assert.rejects(delivery.ack(), { name: "ReceiptExpiredError" });
        expired++;
      } else await delivery.ack();
    }
    assert.equal(expired, 1);
    await deliveries.closed;
  });
});

Deno.test("AccessDenied on an ack frees the slot and ends the iteration, after what is buffered", async () => {
  const test = setUp({ onRequest: failing("DeleteMessageBatch", DENIED) });
  await test.fill(3);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { prefetch: 3 });
    let seen = 0;
    await assert.rejects(async () => {
      for await (const delivery of deliveries) {
        if (seen++ === 0) await assert.rejects(delivery.ack(), { name: "AccessDeniedQueueError" });
        else await delivery.release();
      }
    }, { name: "AccessDeniedQueueError" });
    assert.equal(seen, 3);
    await deliveries.closed;
  });
});

Deno.test("an ack that nobody awaits never crashes, and onEvent is told", async () => {
  const test = setUp({ onRequest: failing("DeleteMessageBatch", DENIED) });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1 });
    for await (const delivery of deliveries) delivery.ack();
    await deliveries.closed;
  });
  assert.equal(test.of("ack")[0].error?.name, "AccessDeniedQueueError");
});

Deno.test("an extend and a reject that nobody awaits never crash either", async () => {
  const test = setUp({
    onRequest: (call) =>
      failing("ChangeMessageVisibilityBatch", DENIED)(call) ?? failing("DeleteMessageBatch", DENIED)(call),
  });
  await test.fill(2);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 2 });
    for await (const delivery of deliveries) {
      delivery.extend(60);
      await test.clock.sleep(1);
      delivery.reject();
      delivery.extend(5);
    }
    await deliveries.closed;
  });
  assert.equal(test.of("extend").filter(({ error }) => error).length, 4);
});

Deno.test("reject() and release() refuse options that are misspelt or wrong, and the message stays", async () => {
  const test = setUp();
  await test.run(() =>
    taking(test, 1, async ([delivery]) => {
      const { reject, release } = delivery as unknown as Record<string, (options: unknown) => Promise<void>>;
      for (
        const [verb, options, name] of [
          [reject, { Requeue: true }, "Requeue"], // without the check, this would delete it
          [reject, { requeue: "yes" }, "requeue"],
          [reject, 5, "options"],
          [release, { visibleafter: 60 }, "visibleafter"],
          [release, null, "options"],
        ] as const
      ) {
        await assert.rejects(() => verb.call(delivery, options), { name: "ConfigError", message: RegExp(`'${name}'`) });
      }
      assert.equal(test.count("inFlight"), 1);
      await delivery.reject({ requeue: undefined, error: new Error("no use") });
    }, { maxMessages: 1 })
  );
  assert.equal(test.sqs.messages("q").length, 0);
});

Deno.test("release() rejects for a delay out of range, which settles nothing and crashes nobody who awaits it not", async () => {
  const test = setUp();
  await test.run(() =>
    taking(test, 1, async ([delivery]) => {
      for (const visibleAfter of [43_201, -1, NaN]) {
        await assert.rejects(() => delivery.release({ visibleAfter }), {
          name: "ConfigError",
          message: /'visibleAfter'/,
        });
      }
      void delivery.release({ visibleAfter: -5 });
      assert.equal(test.of("error").length, 4);
      assert.equal(test.count("inFlight"), 1);
      await delivery.ack();
    }, { maxMessages: 1 })
  );
});

Deno.test("release() makes it visible now or later, and never sends it again", async () => {
  const test = setUp();
  await test.run(() =>
    taking(test, 2, async ([first, second]) => {
      await first.release();
      await second.release({ visibleAfter: 40.9 }); // a fraction is cut off, as SQS takes none
      assert.deepEqual([test.count("visible"), test.count("inFlight")], [1, 1]);
      await test.clock.sleep(39);
      assert.equal(test.count("visible"), 1);
      await test.clock.sleep(1);
      assert.equal(test.count("visible"), 2);
    }, { maxMessages: 2 })
  );
  assert.equal(test.sqs.requests.count("SendMessage"), 0);
});

Deno.test("release() on FIFO gives what follows it in its group back, and nothing before it or of another group", async () => {
  const test = setUp({ queue: "q.fifo" });
  await test.fill(3, "q.fifo", { groupId: "a" });
  await test.fill(2, "q.fifo", { groupId: "b" });
  await test.run(async () => {
    const deliveries = consume(test.broker, "q.fifo", { maxMessages: 5 });
    const held = await Array.fromAsync(deliveries);
    const [a0, a1, a2, b0, b1] = held.sort((one, other) => one.groupId!.localeCompare(other.groupId!));
    await a1.release();
    await test.clock.sleep(0.001);
    assert.deepEqual([a0, a2, b0].map(({ signal }) => signal.aborted), [false, true, false]);
    assert.deepEqual(test.sqs.messages("q.fifo").map(({ state }) => state), [
      "inFlight",
      "visible",
      "visible",
      "inFlight",
      "inFlight",
    ]);
    await Promise.all([a0.ack(), b0.ack(), b1.ack()]);
    await deliveries.closed;
  });
});

Deno.test("leave() gives the slot back without a request", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 30 } });
  await test.fill(3);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { prefetch: 1, maxMessages: 3 });
    for await (const delivery of deliveries) await delivery.leave();
    await deliveries.closed;
    assert.equal(test.count("inFlight"), 3);
    assert.equal(test.sqs.requests.count("ChangeMessageVisibilityBatch"), 0);
  });
  assert.deepEqual(new Set(test.events.map(({ type }) => type)), new Set(["request", "receive", "handover"]));
});

Deno.test("an ack that fails while the loop goes on, and that nobody awaits, never crashes", async () => {
  const test = setUp({
    onRequest: failing("DeleteMessageBatch", {
      type: "failed-entries",
      ids: () => true,
      code: "ReceiptHandleIsInvalid",
      senderFault: true,
    }, ({ attempt }) => attempt === 1),
  });
  await test.fill(2);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 2 });
    for await (const delivery of deliveries) {
      delivery.ack();
      await test.clock.sleep(5);
    }
    await deliveries.closed;
  });
  assert.equal(test.of("ack").filter(({ error }) => error).length, 1);
});
