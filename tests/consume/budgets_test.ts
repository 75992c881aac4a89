import assert from "node:assert/strict";
import { consume, forEach } from "@dashi/sqs";
import { failing, setUp } from "./setup.ts";

Deno.test("maxMessages hands out so many, and takes no more", async () => {
  for (const maxMessages of [1, 10, 37]) {
    const test = setUp();
    await test.fill(100);
    await test.run(async () => {
      const deliveries = consume(test.broker, "q", { maxMessages, prefetch: 20 });
      let seen = 0;
      for await (const delivery of deliveries) {
        seen++;
        await delivery.ack();
      }
      assert.equal(seen, maxMessages);
      await deliveries.closed;
    });
    assert.equal(test.sqs.messages("q").length, 100 - maxMessages);
    assert.ok(test.sqs.messages("q").every(({ receiveCount }) => receiveCount === 0), "none was taken in vain");
  }
});

Deno.test("maxMessages does not count what is dropped", async () => {
  const test = setUp();
  for (let n = 0; n < 5; n++) await test.sqs.sendMessage("q", "{");
  await test.fill(3);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 3 });
    const list = await Array.fromAsync(deliveries);
    assert.equal(list.length, 3);
    for (const delivery of list) delivery.ack();
    await deliveries.closed;
  });
});

Deno.test("maxSeconds ends in time, polls included", async () => {
  const test = setUp();
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxSeconds: 50 });
    assert.deepEqual(await Array.fromAsync(deliveries), []);
    await deliveries.closed;
  });
  assert.equal(test.seconds(), 50);
  assert.deepEqual(test.inputs("ReceiveMessage").map(({ WaitTimeSeconds }) => WaitTimeSeconds), [20, 20, 10]);
});

Deno.test("maxSeconds also ends a loop that is busy when it asks for the next", async () => {
  const test = setUp();
  await test.fill(10);
  let seen = 0;
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxSeconds: 5 });
    for await (const delivery of deliveries) {
      seen++;
      await test.clock.sleep(2);
      await delivery.ack();
    }
    await deliveries.closed;
  });
  assert.equal(seen, 3);
  assert.equal(test.count("visible"), 7);
});

for (const maxRequests of [1, 2, 3, 4, 5, 10, 50]) {
  Deno.test(`maxRequests: ${maxRequests} keeps within, the last acks counted`, async () => {
    for (const settle of ["each", "batched", "none", "slow"]) {
      const test = setUp({ attributes: { VisibilityTimeout: 20 } });
      await test.fill(100);
      let seen = 0;
      await test.run(async () => {
        const deliveries = consume(test.broker, "q", { maxRequests, prefetch: 10 });
        for await (const delivery of deliveries) {
          seen++;
          if (settle === "each") await delivery.ack();
          if (settle === "batched") delivery.ack();
          if (settle === "slow") {
            await test.clock.sleep(18);
            if (!delivery.signal.aborted) await delivery.ack();
          }
        }
        await deliveries.closed;
        assert.equal(deliveries.requests, test.sqs.requests.count());
      });
      assert.ok(test.sqs.requests.count() <= maxRequests, `${settle}: ${test.sqs.requests.count()} requests`);
      if (maxRequests >= 4) assert.ok(seen >= 1, `${settle}: nothing was handed out`);
    }
  });
}

Deno.test("maxRequests counts the requests of the look-up, and their retries", async () => {
  const test = setUp({ onRequest: failing("GetQueueUrl", { type: "network" }, ({ attempt }) => attempt < 3) });
  await test.fill(20);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxRequests: 8 });
    const list = await Array.fromAsync(deliveries);
    assert.equal(list.length, 3); // 3 + 1 to look it up, 1 to receive, 3 to ack
    await Promise.all(list.map((delivery) => delivery.ack()));
    await deliveries.closed;
  });
  assert.ok(test.sqs.requests.count() <= 8);
});

Deno.test("maxRequests on an idle queue ends after so many waits", async () => {
  const test = setUp();
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxRequests: 10 });
    await Array.fromAsync(deliveries);
    await deliveries.closed;
  });
  assert.ok(test.sqs.requests.count() >= 8 && test.sqs.requests.count() <= 10, `${test.sqs.requests.count()}`);
});

Deno.test("untilEmpty ends after an empty receive of every queue", async () => {
  const test = setUp();
  test.sqs.createQueue("b");
  await test.fill(25);
  await test.fill(12, "b");
  await test.run(async () => {
    const deliveries = consume(test.broker, ["q", "b"], { untilEmpty: true, waitTimeSeconds: 2 });
    const result = await forEach(deliveries, () => {});
    assert.equal(result.acked, 37);
    await deliveries.closed;
  });
});

Deno.test("untilEmpty on an empty queue asks once", async () => {
  const test = setUp();
  await test.run(() => Array.fromAsync(consume(test.broker, "q", { untilEmpty: true })));
  assert.equal(test.sqs.requests.count("ReceiveMessage"), 1);
});

Deno.test("untilEmpty on FIFO does not take a group that waits for us for an empty queue", async () => {
  const test = setUp({ queue: "q.fifo" });
  for (let n = 0; n < 35; n++) await test.fill(1, "q.fifo", { groupId: "one" });
  await test.run(async () => {
    const deliveries = consume(test.broker, "q.fifo", { untilEmpty: true, waitTimeSeconds: 1, prefetch: 15 });
    const { acked } = await forEach(deliveries, () => test.clock.sleep(5));
    assert.equal(acked, 35);
    await deliveries.closed;
  });
});
