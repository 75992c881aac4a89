import assert from "node:assert/strict";
import { type Backoff, connect, consume, forEach, json } from "@dashi/sqs";
import { numberOf, setUp } from "./setup.ts";

/** When each try of a message came whose handler throws, in seconds. */
async function tries(
  backoff: Backoff | undefined,
  seconds = 100,
  test = setUp({ attributes: { VisibilityTimeout: 30 } }),
) {
  await test.fill(1);
  const at: number[] = [];
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { backoff, maxSeconds: seconds });
    await forEach(deliveries, () => {
      at.push(test.seconds());
      throw new Error("no");
    });
    await deliveries.closed;
  });
  assert.equal(test.sqs.messages("q").length, 1, "never deleted");
  return at;
}

Deno.test("a backoff by receive count is exact as in kombu: no entry is what is left of the timeout", async () => {
  assert.deepEqual(await tries({ 1: 10, 2: 25 }), [0, 10, 35, 65, 95]);
  assert.deepEqual(await tries({ 2: 5 }), [0, 30, 35, 65, 95]);
  assert.deepEqual(await tries(undefined), [0, 30, 60, 90]);
  assert.deepEqual(await tries({ 1: 0, 2: 50 }), [0, 0, 50, 80]);
});

Deno.test("a backoff is a function of delivery and error", async () => {
  const seen: unknown[] = [];
  const at = await tries((delivery, error) => {
    seen.push([delivery.receiveCount, numberOf(delivery), (error as Error).message]);
    return delivery.receiveCount * 20;
  });
  assert.deepEqual(at, [0, 20, 60]);
  assert.deepEqual(seen[1], [2, 0, "no"]);
});

Deno.test("a backoff that throws or gives nonsense leaves the message, and either is an event", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 30 } });
  const wrong = new Error("a bug");
  assert.deepEqual(
    await tries(
      () => {
        throw wrong;
      },
      70,
      test,
    ),
    [0, 30, 60],
  );
  // What the handler threw is told, too, with its message's id.
  assert.equal(test.of("error").find(({ messageId }) => !messageId)?.error, wrong);
  for (const nonsense of [NaN, -5, "10", Promise.resolve(10)]) {
    const test = setUp({ attributes: { VisibilityTimeout: 30 } });
    assert.deepEqual(await tries(() => nonsense as number, 70, test), [0, 30, 60]);
    const told = test.of("error").filter(({ messageId }) => !messageId).map(({ error }) => error.message);
    assert.match(told[0], /^Cannot use 'backoff\(\)' as it must be a number of 0 or more: current value is /);
    assert.equal(told.length, 3);
  }
  for (const none of [undefined, null]) {
    const test = setUp({ attributes: { VisibilityTimeout: 30 } });
    assert.deepEqual(await tries(() => none as unknown as number, 70, test), [0, 30, 60]);
    assert.ok(test.of("error").every(({ messageId }) => messageId));
  }
});

Deno.test("a backoff that throws what is no error is told as one", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 30 } });
  await tries(
    () => {
      throw "a bug";
    },
    10,
    test,
  );
  const { error } = test.of("error").find(({ messageId }) => !messageId)!;
  assert.ok(error instanceof Error && error.cause === "a bug");
});

Deno.test("a backoff is clamped to what is left of the 12 hours, on any queue", async () => {
  for (const queue of ["q", "q.fifo"]) {
    const test = setUp({ queue, attributes: { VisibilityTimeout: 600 } });
    await test.fill(1, queue);
    await test.run(async () => {
      const deliveries = consume(test.broker, queue, { backoff: () => 1e9, maxMessages: 1, graceSeconds: 200 });
      await forEach(deliveries, () => test.clock.sleep(100.5).then(() => Promise.reject(new Error("no"))));
      await deliveries.closed;
    });
    const [{ VisibilityTimeout }] = test.inputs("ChangeMessageVisibilityBatch").at(-1)!.Entries;
    assert.equal(VisibilityTimeout, 43_200 - 101);
    assert.equal(test.of("reject")[0].error, undefined);
  }
});

Deno.test("fractions of seconds are cut off, as SQS takes none", async () => {
  const test = setUp();
  await tries(() => 7.9, 5, test);
  assert.equal(test.inputs("ChangeMessageVisibilityBatch")[0].Entries[0].VisibilityTimeout, 7);
});

/** A broker with predefined queues, as kombu has them. */
function predefined(backoffTasks: string[] | undefined) {
  const test = setUp({ attributes: { VisibilityTimeout: 600 } });
  const url = test.sqs.createQueue("other");
  const broker = connect({
    ...test.sqs.connectOptions,
    codec: {
      ...json(),
      decode: ({ body }) => ({ body, headers: { task: JSON.parse(body).task } }),
    },
    predefinedQueues: {
      q: { url: url.replace(/other$/, "q"), backoffPolicy: { 1: 10, 2: 20 }, backoffTasks },
      other: { url },
    },
  });
  return { test, broker };
}

Deno.test("the predefined queue's backoffPolicy is looked up by the consumed queue", async () => {
  const { test, broker } = predefined(undefined);
  await test.fill(1);
  await test.fill(1, "other");
  await test.run(async () => {
    const deliveries = consume(broker, ["q", "other"], { maxMessages: 2 });
    await forEach(deliveries, () => Promise.reject(new Error("no")));
    await deliveries.closed;
  });
  const changes = test.inputs("ChangeMessageVisibilityBatch");
  assert.deepEqual(changes.map(({ QueueUrl }) => QueueUrl.split("/").at(-1)), ["q"]);
  assert.equal(changes[0].Entries[0].VisibilityTimeout, 10);
});

Deno.test("the consumer's own backoff wins over the predefined queue's", async () => {
  const { test, broker } = predefined(undefined);
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(broker, "q", { maxMessages: 1, backoff: { 1: 99 } });
    await forEach(deliveries, () => Promise.reject(new Error("no")));
    await deliveries.closed;
  });
  assert.equal(test.inputs("ChangeMessageVisibilityBatch")[0].Entries[0].VisibilityTimeout, 99);
});

Deno.test("reject() hides every message by a predefined queue's backoffPolicy that names no tasks", async () => {
  for (const [tasks, visible] of [[undefined, [10]], [[], []]] as const) {
    const { test, broker } = predefined(tasks && [...tasks]);
    await test.fill(1);
    await test.run(async () => {
      const deliveries = consume(broker, "q", { maxMessages: 1 });
      for await (const delivery of deliveries) await delivery.reject();
      await deliveries.closed;
    });
    const changes = test.inputs("ChangeMessageVisibilityBatch");
    assert.deepEqual(changes.map(({ Entries }) => Entries[0].VisibilityTimeout), visible);
    assert.equal(test.sqs.messages("q").length, visible.length);
  }
});

Deno.test("reject() hides a task in backoffTasks, and deletes another", async () => {
  const { test, broker } = predefined(["app.add"]);
  await test.sqs.sendMessage("q", '{"task":"app.add"}');
  await test.sqs.sendMessage("q", '{"task":"app.mul"}');
  await test.run(async () => {
    const deliveries = consume(broker, "q", { maxMessages: 2 });
    for await (const delivery of deliveries) await delivery.reject({ error: new Error("no") });
    await deliveries.closed;
  });
  assert.deepEqual(test.sqs.messages("q").map(({ body }) => body), ['{"task":"app.add"}']);
  assert.equal(test.inputs("ChangeMessageVisibilityBatch")[0].Entries[0].VisibilityTimeout, 10);
});

Deno.test("reject() with a backoff hides, and where the policy has no entry leaves", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 30 } });
  await test.fill(1);
  const at: number[] = [];
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxSeconds: 60, backoff: { 1: 10 } });
    for await (const delivery of deliveries) {
      at.push(test.seconds());
      await delivery.reject();
    }
    await deliveries.closed;
  });
  assert.deepEqual(at, [0, 10, 40]);
});

Deno.test("forEach({ onError: reject }) opts into kombu's rule", async () => {
  const test = setUp();
  await test.fill(4);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 4 });
    const result = await forEach(deliveries, (delivery) => {
      if (numberOf(delivery) % 2) throw new Error("no");
    }, { onError: "reject" });
    assert.deepEqual(result, { acked: 2, released: 0, rejected: 2 });
    await deliveries.closed;
  });
  assert.equal(test.sqs.messages("q").length, 0);
});
