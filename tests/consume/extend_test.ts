/** What extend() does, beside the heartbeat. */
import assert from "node:assert/strict";
import { consume } from "@dashi/sqs";
import { failing, type Input, setUp } from "./setup.ts";

const CHANGE = "ChangeMessageVisibilityBatch";

Deno.test("extend() hides for longer, the heartbeat neither shortens it nor stops behind it", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 20 } });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1, graceSeconds: 1000 });
    const [delivery] = await Array.fromAsync(deliveries);
    await delivery.extend(300);
    await test.clock.sleep(280);
    assert.equal(test.sqs.requests.count(CHANGE), 1, "no heartbeat is needed so far");
    await test.clock.sleep(220);
    assert.equal(delivery.signal.aborted, false);
    assert.equal(test.count("inFlight"), 1, "the heartbeat took over");
    await delivery.ack();
    await deliveries.closed;
  });
  const { visibleAfter, error } = test.of("extend")[0];
  assert.deepEqual([visibleAfter, error], [300, undefined]);
});

Deno.test("where extend() hides for less than the timeout, the heartbeat comes halfway through that", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 100 } });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1, graceSeconds: 1000 });
    const [delivery] = await Array.fromAsync(deliveries);
    await delivery.extend(10);
    const at: number[] = [];
    for (const wait of [4.9, 0.2, 49.8, 0.2]) {
      await test.clock.sleep(wait);
      at.push(test.sqs.requests.count(CHANGE));
    }
    assert.deepEqual(at, [1, 2, 2, 3]);
    await delivery.ack();
    await deliveries.closed;
  });
});

Deno.test("the heartbeat goes on after an extend() that was under way when it was due, and failed", async () => {
  let changes = 0;
  const test = setUp({
    attributes: { VisibilityTimeout: 100 },
    onRequest: failing(CHANGE, { type: "slow", seconds: 11 }, () => changes++ < 3),
  });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1, graceSeconds: 1000 });
    const [delivery] = await Array.fromAsync(deliveries);
    await test.clock.sleep(45);
    await assert.rejects(delivery.extend(10), { awsCode: "Timeout" });
    assert.ok(test.seconds() > 51, "it was due meanwhile");
    await test.clock.sleep(200);
    assert.deepEqual([test.count("inFlight"), delivery.signal.aborted], [1, false]);
    await delivery.ack();
    await deliveries.closed;
  });
});

Deno.test("extend() is not a settlement; past the 12 hours it rejects, and so it does after one", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 600 } });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1, graceSeconds: 9000 });
    const [delivery] = await Array.fromAsync(deliveries);
    await test.clock.sleep(3600);
    await assert.rejects(delivery.extend(43_200 - 3599), {
      name: "ConfigError",
      message: /'seconds' as it must be 39600 at the most/,
    });
    for (const seconds of [1.5, -1, 43_201]) {
      await assert.rejects(() => delivery.extend(seconds), { name: "ConfigError", message: /'seconds'/ });
    }
    await delivery.extend(43_200 - 3600);
    await delivery.ack();
    await assert.rejects(delivery.extend(10), { name: "ReceiptExpiredError" });
    await deliveries.closed;
  });
});

Deno.test("extend() that waits for a heartbeat does not undo a release", async () => {
  const test = setUp({
    attributes: { VisibilityTimeout: 20 },
    onRequest: failing(CHANGE, { type: "slow", seconds: 3 }, ({ attempt }) => attempt === 1),
  });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1 });
    const [delivery] = await Array.fromAsync(deliveries);
    await test.clock.sleep(11); // a heartbeat is under way
    const extended = delivery.extend(100);
    await delivery.release();
    await assert.rejects(extended, { name: "ReceiptExpiredError" });
    assert.equal(test.count("visible"), 1);
    await deliveries.closed;
  });
});

Deno.test("extend() calls go one after the other, behind one that is under way", async () => {
  const test = setUp();
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1 });
    for await (const delivery of deliveries) {
      await Promise.all([100, 200, 300].map((seconds) => delivery.extend(seconds)));
      await delivery.ack();
    }
    await deliveries.closed;
  });
  const sent = test.inputs(CHANGE).map(({ Entries }) => Entries.map((entry: Input) => entry.VisibilityTimeout));
  assert.deepEqual(sent, [[100], [200], [300]]);
});

Deno.test("what is hidden anew counts from the request, and stays ours though its time was over before the answer", async () => {
  const test = setUp({
    attributes: { VisibilityTimeout: 10 },
    onRequest: failing(CHANGE, { type: "slow", seconds: 6 }, ({ attempt }) => attempt === 1),
  });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { heartbeat: false, maxMessages: 1 });
    for await (const delivery of deliveries) {
      await test.clock.sleep(5);
      await delivery.extend(10);
      assert.equal(test.seconds(), 11);
      await test.clock.sleep(3.9);
      assert.equal(delivery.signal.aborted, false);
      await test.clock.sleep(0.2);
      assert.equal(delivery.signal.aborted, true);
    }
    await deliveries.closed;
  });
});
