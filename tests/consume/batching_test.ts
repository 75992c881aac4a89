/** When acks and releases leave, and with which others. */
import assert from "node:assert/strict";
import { consume } from "@dashi/sqs";
import type { Fault } from "@dashi/sqs/testing";
import { DOWN, failing, numberOf, setUp, taking } from "./setup.ts";

Deno.test("ten acks leave as one request, without waiting for the linger", async () => {
  const test = setUp();
  await test.run(() =>
    taking(test, 30, async (held) => {
      const before = test.seconds();
      await Promise.all(held.slice(0, 10).map((delivery) => delivery.ack()));
      assert.equal(test.seconds(), before);
      assert.equal(test.sqs.requests.count("DeleteMessageBatch"), 1);
    }, { ackLinger: 5 })
  );
});

Deno.test("acks leave after the linger while others are held that could join", async () => {
  const test = setUp();
  await test.run(() =>
    taking(test, 12, async (held) => {
      const before = test.seconds();
      const first = held[0].ack();
      await test.clock.sleep(1);
      const second = held[1].ack();
      await Promise.all([first, second]);
      assert.equal(test.seconds(), before + 3);
      assert.equal(test.inputs("DeleteMessageBatch")[0].Entries.length, 2);
    }, { ackLinger: 3 })
  );
});

Deno.test("an ack does not wait for others until its message is visible again", async () => {
  for (const heartbeat of [true, false]) {
    const test = setUp({ attributes: { VisibilityTimeout: 8 } });
    await test.fill(3);
    await test.run(async () => {
      const deliveries = consume(test.broker, "q", { ackLinger: 5, heartbeat, maxMessages: 3 });
      for await (const delivery of deliveries) {
        if (numberOf(delivery)) continue; // held, so that others could join
        await test.clock.sleep(heartbeat ? 5.5 : 4);
        await delivery.ack();
        assert.ok(test.seconds() < 8, `the ack left after ${test.seconds()} s`);
      }
      await deliveries.stop();
    });
    assert.equal(test.sqs.messages("q").length, 2);
  }
});

Deno.test("an ack during a heartbeat, whatever becomes of that, leaves before its message is visible again", async () => {
  for (const fault of [{ type: "slow", seconds: 2 }, { type: "error", code: "AccessDenied" }] as const) {
    const test = setUp({
      attributes: { VisibilityTimeout: 10 },
      onRequest: ({ action }) => action === "ChangeMessageVisibilityBatch" ? fault : undefined,
    });
    await test.run(() =>
      taking(test, 2, async ([first, second]) => {
        await test.clock.sleep(5.5);
        assert.equal(test.sqs.requests.count("ChangeMessageVisibilityBatch"), 1);
        await first.ack();
        assert.ok(test.seconds() < 10, `the ack left after ${test.seconds()} s`);
        await second.ack();
      }, { ackLinger: 30 })
    );
    assert.deepEqual(test.sqs.messages("q"), []);
  }
});

Deno.test("acks leave at once when nothing else is held", async () => {
  const test = setUp();
  await test.run(() =>
    taking(test, 2, async (held) => {
      const before = test.seconds();
      await Promise.all([held[0].ack(), held[1].ack()]);
      assert.equal(test.seconds(), before);
      assert.equal(test.sqs.requests.count("DeleteMessageBatch"), 1);
    }, { ackLinger: 10 })
  );
});

Deno.test("acks of one breath leave together, though it takes some turns of the microtask queue", async () => {
  const test = setUp();
  await test.run(() =>
    taking(test, 9, async (held) => {
      const acks: Promise<void>[] = [];
      for (const delivery of held.slice(0, 8)) {
        acks.push(delivery.ack());
        for (let turn = 0; turn < 3; turn++) await Promise.resolve();
      }
      await Promise.all(acks);
      assert.equal(test.sqs.requests.count("DeleteMessageBatch"), 1);
    })
  );
});

Deno.test("after the end no ack waits longer than 0.2 s for others, whatever the linger is", async () => {
  const test = setUp();
  await test.fill(2);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { ackLinger: 10, maxMessages: 2 });
    const held = await Array.fromAsync(deliveries);
    await held[0].ack();
    assert.equal(test.seconds(), 0.2);
    await held[1].ack();
    await deliveries.closed;
    assert.equal(test.seconds(), 0.2);
  });
});

Deno.test("with a linger of 0 an ack leaves at once, or with the next batch if one is under way", async () => {
  const test = setUp({ onRequest: failing("DeleteMessageBatch", { type: "slow", seconds: 2 }) });
  await test.run(() =>
    taking(test, 8, async (held) => {
      const acks = [held[0].ack()];
      await test.clock.sleep(0.5);
      assert.equal(test.sqs.requests.count("DeleteMessageBatch"), 1);
      acks.push(held[1].ack());
      await test.clock.sleep(0.5);
      acks.push(held[2].ack());
      await test.clock.sleep(0.5);
      assert.equal(test.sqs.requests.count("DeleteMessageBatch"), 1);
      await Promise.all(acks);
      assert.deepEqual(test.inputs("DeleteMessageBatch").map(({ Entries }) => Entries.length), [1, 2]);
    })
  );
});

Deno.test("releases leave in batches of ten", async () => {
  const test = setUp();
  await test.run(() =>
    taking(test, 25, async (held) => {
      await Promise.all(held.map((delivery, index) => delivery.release({ visibleAfter: index })));
      assert.equal(test.sqs.requests.count("ChangeMessageVisibilityBatch"), 3);
      assert.equal(test.count("visible"), 1);
    }, { maxMessages: 25 })
  );
});

Deno.test("each entry's outcome reaches its own promise", async () => {
  let lost = "";
  const test = setUp({
    onRequest: failing("DeleteMessageBatch", {
      type: "failed-entries",
      ids: ({ ReceiptHandle }) => ReceiptHandle === lost,
      code: "ReceiptHandleIsInvalid",
      senderFault: true,
    }),
  });
  await test.run(() =>
    taking(test, 5, async (held) => {
      lost = held[2].receiptHandle;
      const outcomes = await Promise.allSettled(held.map((delivery) => delivery.ack()));
      assert.deepEqual(outcomes.map(({ status }) => status === "fulfilled"), [true, true, false, true, true]);
      assert.equal((outcomes[2] as PromiseRejectedResult).reason.name, "ReceiptExpiredError");
    })
  );
  assert.equal(test.of("ack").filter(({ error }) => error).length, 1);
});

Deno.test("only the entries that may be retried are, without a word to those that succeeded", async () => {
  const test = setUp({
    onRequest: failing(
      "DeleteMessageBatch",
      { type: "failed-entries", ids: (_, index) => index === 1 },
      ({ attempt }) => attempt === 1,
    ),
  });
  await test.run(() =>
    taking(test, 4, async (held) => {
      const before = test.seconds();
      await Promise.all(held.map((delivery) => delivery.ack()));
      assert.deepEqual(test.inputs("DeleteMessageBatch").map(({ Entries }) => Entries.length), [4, 1]);
      assert.ok(test.seconds() > before, "it asked again after a wait");
    })
  );
  assert.equal(test.sqs.messages("q").length, 0);
});

Deno.test("entries that fail again and again keep nothing waiting once the grace is over", async () => {
  const test = setUp({
    connect: { random: () => 0.99, http: { fetch: (request) => test.sqs.fetch(request), maxAttempts: 12 } },
    onRequest: failing("DeleteMessageBatch", { type: "failed-entries", ids: () => true }),
  });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1, graceSeconds: 5 });
    for await (const delivery of deliveries) delivery.ack();
    await deliveries.closed;
    assert.equal(test.seconds(), 5);
  });
  assert.equal(test.sqs.requests.count("DeleteMessageBatch"), 12);
});

Deno.test("an ack that SQS confirmed resolves, though another of its batch is asked again and never answered", async () => {
  const partly: Fault = { type: "failed-entries", ids: (_, index) => index === 1 };
  const test = setUp({
    onRequest: (call) => failing("DeleteMessageBatch", call.attempt === 1 ? partly : DOWN)(call),
  });
  await test.run(() =>
    taking(test, 3, async (held) => {
      const outcomes = await Promise.allSettled(held.map((delivery) => delivery.ack()));
      assert.deepEqual(outcomes.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
      assert.equal((outcomes[1] as PromiseRejectedResult).reason.awsCode, "InternalError");
    })
  );
  assert.equal(test.sqs.messages("q").length, 1);
});
