import assert from "node:assert/strict";
import { memorySqs, type MemorySqsOptions } from "../../lib/testing/mod.ts";
import { rawSqs } from "./raw_sqs.ts";

function setUp(attributes: Record<string, string | number> = {}, options: MemorySqsOptions = {}) {
  const sqs = memorySqs(options);
  const QueueUrl = sqs.createQueue("jobs", attributes);
  return { sqs, QueueUrl, ...rawSqs(sqs.fetch) };
}

Deno.test("memorySqs() hides a message from its receive until the queue's timeout is over", async () => {
  const { sqs, QueueUrl, call } = setUp({ VisibilityTimeout: 30 });
  await call("SendMessage", { QueueUrl, MessageBody: "a" });
  const { Messages } = await call("ReceiveMessage", { QueueUrl });
  assert.equal(Messages[0].Body, "a");
  assert.equal(Messages[0].Attributes, undefined);
  await sqs.clock.advance(29.999);
  assert.deepEqual(await call("ReceiveMessage", { QueueUrl }), {});
  await sqs.clock.advance(0.001);
  const again = await call("ReceiveMessage", { QueueUrl, MessageSystemAttributeNames: ["ApproximateReceiveCount"] });
  assert.deepEqual(again.Messages[0].Attributes, { ApproximateReceiveCount: "2" });
  assert.notEqual(again.Messages[0].ReceiptHandle, Messages[0].ReceiptHandle);
});

Deno.test("memorySqs() answers a long poll as soon as a message comes", async () => {
  const { sqs, QueueUrl, call } = setUp();
  const poll = call("ReceiveMessage", { QueueUrl, WaitTimeSeconds: 20 });
  await sqs.clock.advance(7);
  await sqs.sendMessage("jobs", "late");
  assert.equal((await sqs.clock.run(() => poll)).Messages[0].Body, "late");
  assert.equal(+sqs.clock.now() - Date.UTC(2030, 0, 1), 7000);
});

Deno.test("memorySqs() lets a long poll end empty after its wait", async () => {
  const { sqs, QueueUrl, call } = setUp({ ReceiveMessageWaitTimeSeconds: 5 });
  assert.deepEqual(await sqs.clock.run(() => call("ReceiveMessage", { QueueUrl })), {});
  assert.deepEqual(await sqs.clock.run(() => call("ReceiveMessage", { QueueUrl, WaitTimeSeconds: 20 })), {});
  assert.equal(+sqs.clock.now() - Date.UTC(2030, 0, 1), 25_000);
});
