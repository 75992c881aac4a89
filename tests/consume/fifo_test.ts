import assert from "node:assert/strict";
import {
  consume,
  decode,
  type Delivery,
  filterMap,
  forEach,
  json,
  keepInvisible,
  pipe,
  readAhead,
  receive,
} from "@dashi/sqs";
import { numberOf, setUp } from "./setup.ts";

const QUEUE = "q.fifo";

/** A FIFO queue with `count` messages in each group. */
async function groups(count: number, names: string[], attributes: Record<string, number> = {}) {
  const test = setUp({ queue: QUEUE, attributes });
  for (let n = 0; n < count; n++) {
    for (const groupId of names) {
      await test.sqs.sendMessage(QUEUE, JSON.stringify({ n }), { groupId, deduplicationId: `${groupId}${n}` });
    }
  }
  return test;
}

Deno.test("in a group one handler runs at a time, and groups go side by side", async () => {
  const names = ["a", "b", "c", "d"];
  const test = await groups(10, names);
  const running = new Set<string>();
  let most = 0;
  const seen: Record<string, number[]> = {};
  await test.run(async () => {
    const deliveries = consume(test.broker, QUEUE, { prefetch: 40, maxMessages: 40 });
    await forEach(deliveries, async (delivery) => {
      const group = delivery.groupId!;
      assert.ok(!running.has(group), "two of a group at once");
      running.add(group);
      most = Math.max(most, running.size);
      await test.clock.sleep(1);
      running.delete(group);
      (seen[group] ??= []).push(numberOf(delivery));
    });
    await deliveries.closed;
  });
  assert.ok(most >= 3, `${most} side by side`);
  for (const name of names) assert.deepEqual(seen[name], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

Deno.test("a failure gives the rest of its group back, so that it comes after the failed one", async () => {
  const test = await groups(5, ["a", "b"], { VisibilityTimeout: 30 });
  const seen: string[] = [];
  let failed = false;
  await test.run(async () => {
    const deliveries = consume(test.broker, QUEUE, { maxSeconds: 100, prefetch: 10 });
    await forEach(deliveries, async (delivery) => {
      await test.clock.sleep(1);
      if (delivery.groupId === "a" && numberOf(delivery) === 2 && !failed) {
        failed = true;
        throw new Error("no");
      }
      seen.push(`${delivery.groupId}${numberOf(delivery)}`);
    });
    await deliveries.closed;
  });
  assert.deepEqual(seen.filter((name) => name[0] === "a"), ["a0", "a1", "a2", "a3", "a4"]);
  assert.deepEqual(seen.filter((name) => name[0] === "b"), ["b0", "b1", "b2", "b3", "b4"]);
  assert.ok(seen.indexOf("b4") < seen.indexOf("a2"), "the other group went on");
});

for (const verb of ["release", "retry", "leave", "reject"] as const) {
  Deno.test(`${verb}() gives back the rest of the group that is held, in hand or buffered`, async () => {
    const test = await groups(6, ["a", "b"], { VisibilityTimeout: 60 });
    test.sqs.createQueue("dead.fifo");
    await test.run(async () => {
      // A backoff keeps a rejected message.
      const deliveries = consume(test.broker, QUEUE, { prefetch: 12, backoff: { 1: 20 } });
      const held: Delivery<unknown>[] = [];
      for await (const delivery of deliveries) {
        if (delivery.groupId === "b") {
          await delivery.ack();
          continue;
        }
        held.push(delivery);
        if (held.length < 3) continue;
        await held[0].ack();
        await held[1][verb]();
        await test.clock.sleep(0.001);
        assert.equal(held[2].signal.aborted, true);
        break;
      }
      await deliveries.closed;
    });
    // 0 is gone, 1 is hidden or back, and nothing behind it was worked on.
    const left = test.sqs.messages(QUEUE).filter(({ groupId }) => groupId === "a");
    assert.equal(left.length, 5);
    assert.ok(left.slice(1).every(({ state }) => state === "visible"));
  });
}

Deno.test("release() gives back what is behind it in its group, not what is before it or being settled", async () => {
  const test = await groups(4, ["a"]);
  await test.run(async () => {
    const deliveries = consume(test.broker, QUEUE, { maxMessages: 4 });
    const held = await Array.fromAsync(deliveries);
    const acks = [held[2].ack()];
    await held[1].release();
    assert.deepEqual(held.map(({ signal }) => signal.aborted), [false, false, false, true]);
    acks.push(held[0].ack());
    await Promise.all(acks);
    await deliveries.closed;
  });
  assert.deepEqual(test.sqs.messages(QUEUE).map(({ body }) => body), ['{"n":1}', '{"n":3}']);
});

Deno.test("an ack gives nothing of its group back, though it fails, nor does a verb after the first", async () => {
  const test = await groups(3, ["a"]);
  test.sqs.setFaults(({ action, attempt }) =>
    action === "DeleteMessageBatch" && attempt === 2
      ? { type: "failed-entries", ids: () => true, code: "InvalidParameterValue", senderFault: true }
      : undefined
  );
  await test.run(async () => {
    const deliveries = consume(test.broker, QUEUE, { maxMessages: 3 });
    const [first, second, third] = await Array.fromAsync(deliveries);
    await Promise.all([first.ack(), first.release(), first.leave(), first.reject()]);
    await assert.rejects(second.ack(), { awsCode: "InvalidParameterValue" });
    assert.equal(third.signal.aborted, false);
    await third.ack();
    await deliveries.closed;
  });
  assert.equal(test.of("release").length, 0);
});

Deno.test("a message that is lost gives back what is behind it in its group, before anybody else has it", async () => {
  const test = await groups(3, ["a"], { VisibilityTimeout: 30 });
  test.sqs.setFaults(({ action, attempt }) =>
    action === "ChangeMessageVisibilityBatch" && attempt === 1
      ? { type: "failed-entries", ids: (_, index) => index === 0, code: "MessageNotInflight", senderFault: true }
      : undefined
  );
  await test.run(async () => {
    const deliveries = consume(test.broker, QUEUE, { maxMessages: 3, graceSeconds: 100 });
    const held = await Array.fromAsync(deliveries);
    await test.clock.sleep(16); // a heartbeat at 15
    assert.deepEqual(held.map(({ signal }) => signal.aborted), [true, true, true]);
    assert.deepEqual(test.of("release").map(({ messageId }) => messageId), [held[1].messageId, held[2].messageId]);
    await deliveries.closed;
  });
});

Deno.test("messages of a group without end do not pile up", async () => {
  const test = setUp({ queue: QUEUE });
  let n = 0;
  const send = () => test.fill(10, QUEUE, { groupId: "one" }).then(() => n += 10);
  await send();
  let seen = 0;
  await test.run(async () => {
    const deliveries = consume(test.broker, QUEUE, { prefetch: 20, maxMessages: 500 });
    await forEach(deliveries, async () => {
      if (++seen % 10 === 0 && n < 500) await send();
    });
    await deliveries.closed;
  });
  assert.equal(seen, 500);
});

Deno.test("on a standard queue, whose groups have no order, a release gives back no other message", async () => {
  const test = setUp();
  for (const n of [0, 1]) await test.sqs.sendMessage("q", JSON.stringify({ n }), { groupId: "tenant" });
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 2 });
    const [first, second] = await Array.fromAsync(deliveries);
    await first.release({ visibleAfter: 60 });
    assert.equal(second.signal.aborted, false);
    await second.ack();
    await deliveries.closed;
  });
  assert.deepEqual(test.of("ack").map(({ error }) => error), [undefined]);
  assert.equal(test.of("release").length, 1);
});

Deno.test("forEach() passes by what a failure gave back while a pipeline of one's own had it", async () => {
  const test = await groups(4, ["a"]);
  const seen: number[] = [];
  await test.run(async () => {
    const source = receive(test.broker, QUEUE, { maxSeconds: 100, backoff: { 1: 5 } });
    const deliveries = pipe(source, keepInvisible(test.broker), decode(json()), readAhead(10));
    await forEach(deliveries, async (delivery) => {
      await test.clock.sleep(1);
      if (numberOf(delivery) === 0 && !delivery.redelivered) throw new Error("no");
      seen.push(numberOf(delivery));
    }, { concurrency: 1 });
    await source.closed;
  });
  assert.deepEqual(seen, [0, 1, 2, 3]);
});

Deno.test("forEach() works on what a pipeline of one's own has deleted already", async () => {
  for (const early of ["step", "none"]) {
    const test = await groups(4, ["a"]);
    const seen: number[] = [];
    await test.run(async () => {
      const acking = filterMap(async (delivery: Delivery<unknown>) => {
        await delivery.ack();
        return delivery;
      });
      const deliveries = consume(test.broker, QUEUE, { maxMessages: 4, ack: early === "none" ? "none" : "manual" });
      await forEach(pipe(deliveries, early === "none" ? readAhead(10) : acking), async (delivery) => {
        await test.clock.sleep(1);
        seen.push(numberOf(delivery));
      });
      await deliveries.closed;
    });
    assert.deepEqual(seen, [0, 1, 2, 3], early);
  }
});

Deno.test("a rejected message goes before the rest of its group, also while its queue's policy is asked for", async () => {
  const test = setUp();
  test.sqs.createQueue("dead.fifo");
  const deadLetterTargetArn = "arn:aws:sqs:us-east-1:000000000000:dead.fifo";
  test.sqs.createQueue("r.fifo", { RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 9 }) });
  for (const n of [0, 1, 2]) {
    await test.sqs.sendMessage("r.fifo", JSON.stringify({ n }), { groupId: "a", deduplicationId: `${n}` });
  }
  const seen: number[] = [];
  await test.run(async () => {
    // With a timeout of its own the consumer has not asked for the queue's attributes.
    const deliveries = consume(test.broker, "r.fifo", { maxSeconds: 100, visibilityTimeout: 20 });
    await forEach(deliveries, (delivery) => {
      seen.push(numberOf(delivery));
      if (seen.length === 1) throw new Error("no");
    }, { onError: "reject" });
    await deliveries.closed;
  });
  assert.deepEqual(seen, [0, 0, 1, 2]);
});

Deno.test("ack: none hands nothing of a group over before what could not be deleted", async () => {
  const test = await groups(3, ["a"], { VisibilityTimeout: 30 });
  test.sqs.setFaults(({ action, attempt }) =>
    action === "DeleteMessageBatch" && attempt === 1
      ? { type: "failed-entries", ids: () => true, code: "InvalidParameterValue", senderFault: true }
      : undefined
  );
  await test.run(async () => {
    const deliveries = consume(test.broker, QUEUE, { ack: "none", maxMessages: 3 });
    const seen = (await Array.fromAsync(deliveries)).map(numberOf);
    assert.deepEqual(seen, [0, 1, 2]);
    await deliveries.closed;
  });
});

Deno.test("ack: none deletes no more of a group than forEach() has handlers for, and goes on with the others", async () => {
  const test = await groups(20, ["a", "b"]);
  let started = 0;
  let most = 0;
  await test.run(async () => {
    const deliveries = consume(test.broker, QUEUE, { ack: "none", prefetch: 1, maxMessages: 40 });
    const result = await forEach(deliveries, async () => {
      most = Math.max(most, 40 - test.sqs.messages(QUEUE).length - started++);
      await test.clock.sleep(1);
    }, { concurrency: 4 });
    assert.deepEqual(result, { acked: 40, released: 0, rejected: 0 });
    await deliveries.closed;
  });
  // Those in the handlers, those that wait for their group, and the next one.
  assert.ok(most <= 5, `${most} were deleted and not begun`);
});
