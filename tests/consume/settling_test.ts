import assert from "node:assert/strict";
import {
  consume,
  type ConsumeOptions,
  type Delivery,
  type EagerPayloads,
  filterMap,
  forEach,
  type LeaveUndecodable,
  pipe,
} from "@dashi/sqs";
import type { Fault } from "@dashi/sqs/testing";
import { DENIED, DOWN, failing, numberOf, setUp } from "./setup.ts";

/** Takes `count` messages and gives them to `work` inside of the loop. */
async function taking(
  { broker, fill }: Pick<ReturnType<typeof setUp>, "broker" | "fill">,
  count: number,
  work: (deliveries: Delivery<unknown>[]) => Promise<unknown>,
  options: ConsumeOptions & LeaveUndecodable & EagerPayloads = {},
): Promise<void> {
  await fill(count);
  const held: Delivery<unknown>[] = [];
  const deliveries = consume(broker, "q", { prefetch: 100, ...options });
  for await (const delivery of deliveries) {
    held.push(delivery);
    if (held.length < count) continue;
    await work(held);
    break;
  }
  await deliveries.closed;
}

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

Deno.test("ack: auto lets acks wait for 0.2 s for others, unless it is told otherwise", async () => {
  for (const [ackLinger, batches] of [[undefined, [4, 4, 1]], [0, [1, 1, 1, 1, 1, 1, 1, 1, 1]]] as const) {
    const test = setUp();
    await test.fill(9);
    await test.run(async () => {
      const deliveries = consume(test.broker, "q", { ack: "auto", ackLinger, maxMessages: 9 });
      for await (const _ of deliveries) await test.clock.sleep(0.06);
      await deliveries.stop();
    });
    assert.deepEqual(test.inputs("DeleteMessageBatch").map(({ Entries }) => Entries.length), batches);
  }
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

Deno.test("reject({ requeue: true }) releases, after the broker's requeueDelay", async () => {
  for (const requeueDelay of [undefined, 15]) {
    const test = setUp({ connect: { requeueDelay } });
    await test.run(() =>
      taking(test, 1, async ([delivery]) => {
        await delivery.reject({ requeue: true });
        assert.equal(test.count("visible"), requeueDelay ? 0 : 1);
      }, { maxMessages: 1 })
    );
    assert.equal(test.inputs("ChangeMessageVisibilityBatch")[0].Entries[0].VisibilityTimeout, requeueDelay ?? 0);
    assert.equal(test.of("reject").length, 1);
  }
});

Deno.test("reject() deletes where there is no redrive policy", async () => {
  const test = setUp();
  await test.run(() => taking(test, 2, (held) => Promise.all(held.map((delivery) => delivery.reject()))));
  assert.equal(test.sqs.messages("q").length, 0);
  assert.equal(test.sqs.requests.count("GetQueueAttributes"), 1);
});

Deno.test("reject() keeps a message of a queue with a redrive policy, on its way to the dead-letter queue", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 30 } });
  test.sqs.createQueue("dead");
  const deadLetterTargetArn = "arn:aws:sqs:us-east-1:000000000000:dead";
  test.sqs.createQueue("r", {
    VisibilityTimeout: 30,
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 2 }),
  });
  await test.fill(1, "r");
  await test.run(async () => {
    const deliveries = consume(test.broker, "r", { maxSeconds: 200 });
    for await (const delivery of deliveries) await delivery.reject();
    await deliveries.closed;
  });
  assert.deepEqual([test.sqs.messages("r").length, test.sqs.messages("dead").length], [0, 1]);
  assert.equal(test.sqs.requests.count("ChangeMessageVisibilityBatch"), 0);
  assert.equal(test.sqs.requests.count("DeleteMessageBatch"), 0);
});

Deno.test("reject() asks for the redrive policy once in 300 s; who may not read it keeps the message", async () => {
  const test = setUp({ onRequest: failing("GetQueueAttributes", DENIED) });
  await test.run(() =>
    taking(test, 20, async (held) => {
      await Promise.all(held.slice(0, 10).map((delivery) => delivery.reject()));
      await test.clock.sleep(299);
      await held[10].reject();
      assert.equal(test.sqs.requests.count("GetQueueAttributes"), 1);
      await test.clock.sleep(1);
      await Promise.all(held.slice(11).map((delivery) => delivery.reject()));
      assert.equal(test.sqs.requests.count("GetQueueAttributes"), 2);
    }, { visibilityTimeout: 3600 })
  );
  assert.equal(test.sqs.messages("q").length, 20);
  assert.deepEqual(test.of("error"), []);
});

Deno.test("reject() keeps the message where reading the policy failed, and asks again for the next", async () => {
  let down = true;
  const test = setUp({ onRequest: (call) => down ? failing("GetQueueAttributes", DOWN)(call) : undefined });
  await test.run(() =>
    taking(test, 2, async ([first, second]) => {
      await first.reject();
      assert.equal(test.of("error").length, 1);
      down = false;
      await second.reject();
    }, { visibilityTimeout: 3600 })
  );
  assert.equal(test.sqs.messages("q").length, 1);
});

Deno.test("a failing delete in reject() is an event", async () => {
  const test = setUp({ onRequest: failing("DeleteMessageBatch", DENIED) });
  await test.fill(2);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 2 });
    for await (const delivery of deliveries) await delivery.reject();
    await deliveries.closed;
  });
  assert.equal(test.of("error")[0].error.name, "AccessDeniedQueueError");
  assert.equal(test.sqs.messages("q").length, 2);
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
