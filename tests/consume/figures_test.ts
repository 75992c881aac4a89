/**
 * The figures that are promised: requests a message, requests of an idle consumer, how soon messages are visible again.
 *
 * @module
 */
import assert from "node:assert/strict";
import { consume, forEach } from "@dashi/sqs";
import { setUp } from "./setup.ts";

Deno.test("a busy queue costs no more than 0.21 requests a message", async () => {
  const test = setUp();
  await test.fill(3000);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { prefetch: 100, maxMessages: 3000 });
    await forEach(deliveries, ({ body }) => test.clock.sleep(((body as { n: number }).n % 7) / 100), {
      concurrency: 50,
    });
    await deliveries.closed;
    const { ReceiveMessage, DeleteMessageBatch } = test.sqs.requests.counts;
    const each = deliveries.requests / 3000;
    assert.ok(each <= 0.21, `${each} requests a message: ${ReceiveMessage} receives, ${DeleteMessageBatch} deletes`);
  });
  assert.equal(test.sqs.messages("q").length, 0);
});

Deno.test("a plain loop with one poll costs 0.21 requests a message at the most, without a linger", async () => {
  const test = setUp();
  await test.fill(1000);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { polls: 1, prefetch: 40, maxMessages: 1000 });
    for await (const delivery of deliveries) delivery.ack();
    await deliveries.closed;
    assert.ok(deliveries.requests <= 210, `${deliveries.requests} requests`);
  });
  assert.equal(test.sqs.messages("q").length, 0);
});

Deno.test("ten idle minutes cost no more than 31 receives", async () => {
  const test = setUp();
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxSeconds: 600, waitTimeSeconds: 20 });
    await Array.fromAsync(deliveries);
    await deliveries.closed;
  });
  assert.ok(test.sqs.requests.count("ReceiveMessage") <= 31);
});

Deno.test("what was held is visible again within a second after break, also over a slow line", async () => {
  const test = setUp({
    onRequest: ({ action }) => action === "ReceiveMessage" ? undefined : { type: "slow", seconds: 0.3 },
  });
  await test.fill(200);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { prefetch: 100 });
    for await (const delivery of deliveries) {
      await test.clock.sleep(5);
      await delivery.ack();
      break;
    }
    const broke = test.seconds();
    while (test.count("inFlight")) await test.clock.sleep(0.1);
    assert.ok(test.seconds() - broke < 1, `${test.seconds() - broke} s`);
    await deliveries.closed;
  });
});
