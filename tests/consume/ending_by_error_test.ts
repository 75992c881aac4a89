/** How an iteration ends that something goes wrong in. */
import assert from "node:assert/strict";
import { AccessDeniedQueueError, consume, forEach, receive } from "@dashi/sqs";
import type { FaultCall } from "@dashi/sqs/testing";
import { DENIED, DOWN, failing, setUp } from "./setup.ts";

Deno.test("an error comes after the items before it", async () => {
  const test = setUp({ onRequest: failing("ReceiveMessage", DENIED, ({ attempt }) => attempt > 1) });
  await test.fill(10);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { prefetch: 100 });
    let seen = 0;
    await assert.rejects(async () => {
      for await (const delivery of deliveries) {
        seen++;
        await test.clock.sleep(1);
        await delivery.ack();
      }
    }, { name: "AccessDeniedQueueError" });
    assert.equal(seen, 10);
    await deliveries.closed;
  });
  assert.equal(test.sqs.messages("q").length, 0);
});

Deno.test("an error is thrown once, and waits for no receive of another queue", async () => {
  let asked = 0;
  const second = ({ input }: FaultCall) => `${input.QueueUrl}`.endsWith("/b") && ++asked === 2;
  const test = setUp({ onRequest: failing("ReceiveMessage", DENIED, second) });
  test.sqs.createQueue("b");
  await test.run(async () => {
    const deliveries = consume(test.broker, ["q", "b"], { graceSeconds: 1 });
    const iterator = deliveries[Symbol.asyncIterator]();
    await assert.rejects(iterator.next(), { name: "AccessDeniedQueueError" });
    assert.equal(test.seconds(), 0);
    assert.deepEqual(await iterator.next(), { done: true, value: undefined });
    await deliveries.closed;
  });
});

Deno.test("what no retry mends ends the iteration: no access, no queue, bad keys", async () => {
  const cases = [
    [failing("ReceiveMessage", DENIED), { name: "AccessDeniedQueueError" }],
    [failing("GetQueueUrl", DENIED), { name: "AccessDeniedQueueError" }],
    [
      failing("ReceiveMessage", { type: "error", code: "com.amazonaws.sqs#QueueDoesNotExist" }),
      { name: "DoesNotExistQueueError" },
    ],
    [
      failing("GetQueueUrl", { type: "error", code: "com.amazon.coral.service#UnrecognizedClientException" }),
      { awsCode: "UnrecognizedClientException" },
    ],
  ] as const;
  for (const [onRequest, expected] of cases) {
    const test = setUp({ onRequest });
    await test.run(async () => {
      const deliveries = consume(test.broker, "q");
      await assert.rejects(Array.fromAsync(deliveries), expected);
      await deliveries.closed;
    });
    assert.equal(test.of("error").length, 1);
  }
});

Deno.test("a right to delete that is taken away ends the iteration, and is told once beside each ack", async () => {
  const test = setUp({ onRequest: failing("DeleteMessageBatch", DENIED) });
  await test.fill(30);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { prefetch: 30 });
    await assert.rejects(forEach(deliveries, () => {}), AccessDeniedQueueError);
    await deliveries.closed;
  });
  assert.equal(test.of("error").length, 1);
  assert.equal(test.of("ack").filter(({ error }) => error).length, 30);
});

Deno.test("keys that nobody has are a typed error", async () => {
  const test = setUp({ connect: { credentials: () => Promise.resolve({ accessKeyId: "", secretAccessKey: "" }) } });
  await test.run(async () => {
    const deliveries = consume(test.broker, "q");
    await assert.rejects(Array.fromAsync(deliveries), { name: "CredentialsError" });
    await deliveries.closed;
  });
});

Deno.test("a queue that is deleted while it is consumed ends the iteration", async () => {
  const gone = { type: "error", code: "com.amazonaws.sqs#QueueDoesNotExist" } as const;
  const test = setUp({ onRequest: failing("ReceiveMessage", gone, ({ attempt }) => attempt > 3) });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q");
    await assert.rejects(async () => {
      for await (const delivery of deliveries) await delivery.ack();
    }, { name: "DoesNotExistQueueError" });
    await deliveries.closed;
  });
  // It is looked up anew the next time.
  test.sqs.setFaults(undefined);
  test.sqs.requests.clear();
  await test.run(() => Array.fromAsync(consume(test.broker, "q", { untilEmpty: true })));
  assert.equal(test.sqs.requests.count("GetQueueUrl"), 1);
});

Deno.test("an ending in an outage still ends, and its messages come again by themselves", async () => {
  let down = false;
  const test = setUp({ attributes: { VisibilityTimeout: 60 }, onRequest: () => down ? DOWN : undefined });
  await test.fill(10);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { prefetch: 10 });
    for await (const _ of deliveries) {
      down = true;
      break;
    }
    await deliveries.closed;
    assert.ok(test.seconds() < 40);
    await test.clock.sleep(60);
    assert.equal(test.count("visible"), 10);
  });
});

for (const [name, begin] of Object.entries<typeof receive>({ consume, receive })) {
  Deno.test(`${name}(): a signal ends quietly, also where an error waits behind what is buffered`, async () => {
    const test = setUp({ onRequest: failing("ReceiveMessage", DENIED, ({ attempt }) => attempt > 1) });
    await test.fill(10);
    const stop = new AbortController();
    await test.run(async () => {
      const deliveries = begin(test.broker, "q", { prefetch: 100, signal: stop.signal });
      let seen = 0;
      for await (const delivery of deliveries) {
        await delivery.ack();
        await test.clock.sleep(1);
        if (++seen === 3) stop.abort();
      }
      assert.equal(seen, 3);
      await deliveries.closed;
    });
    assert.equal(test.of("error").length, 1);
  });
}
