import assert from "node:assert/strict";
import { memorySqs } from "../../lib/testing/mod.ts";
import { type Output, rawSqs } from "./raw_sqs.ts";

function setUp(attributes: Record<string, string | number> = {}) {
  const sqs = memorySqs();
  const QueueUrl = sqs.createQueue("jobs.fifo", { FifoQueue: "true", ...attributes });
  const raw = rawSqs(sqs.fetch);
  let deduplicationId = 0;
  const send = (body: string, MessageGroupId = "g", options: object = {}) =>
    raw.call("SendMessage", {
      QueueUrl,
      MessageBody: body,
      MessageGroupId,
      MessageDeduplicationId: String(deduplicationId++),
      ...options,
    });
  const receive = async (options: object = {}): Promise<Output[]> =>
    (await raw.call("ReceiveMessage", { QueueUrl, MaxNumberOfMessages: 10, ...options })).Messages ?? [];
  return { sqs, QueueUrl, send, receive, ...raw };
}

const bodies = (messages: Output[]) => messages.map(({ Body }) => Body).join("");

Deno.test("memorySqs() locks a FIFO group while one of its messages is in flight", async () => {
  const { QueueUrl, send, receive, call } = setUp();
  for (const body of "abc") await send(body);
  await send("x", "other");
  const [a] = await receive({ MaxNumberOfMessages: 1 });
  const group = a.Body === "x" ? "other" : "g";
  const rest = bodies(await receive());
  assert.equal(rest, group === "g" ? "x" : "abc");
  assert.equal(bodies(await receive()), "");
  await call("DeleteMessage", { QueueUrl, ReceiptHandle: a.ReceiptHandle });
  assert.equal(bodies(await receive()), group === "g" ? "bc" : "");
});

Deno.test("memorySqs() keeps a FIFO group in order when messages come back", async () => {
  const { QueueUrl, send, receive, call, sqs } = setUp();
  for (const body of "abcd") await send(body);
  const [a, b] = await receive({ MaxNumberOfMessages: 2 });
  await call("ChangeMessageVisibility", { QueueUrl, ReceiptHandle: b.ReceiptHandle, VisibilityTimeout: 0 });
  assert.equal(bodies(await receive()), "", "a is in flight still");
  await call("ChangeMessageVisibility", { QueueUrl, ReceiptHandle: a.ReceiptHandle, VisibilityTimeout: 0 });
  assert.equal(bodies(await receive({ VisibilityTimeout: 10 })), "abcd");
  await sqs.clock.advance(10);
  assert.equal(bodies(await receive()), "abcd");
});

Deno.test("memorySqs() holds back a FIFO message that came back while a later one of its group is in flight", async () => {
  const { QueueUrl, send, receive, call } = setUp();
  for (const body of "ab") await send(body);
  const [a, b] = await receive();
  await call("ChangeMessageVisibility", { QueueUrl, ReceiptHandle: a.ReceiptHandle, VisibilityTimeout: 0 });
  assert.equal(bodies(await receive()), "");
  await call("DeleteMessage", { QueueUrl, ReceiptHandle: b.ReceiptHandle });
  assert.equal(bodies(await receive()), "a");
});

Deno.test("memorySqs() answers a waiting poll when a FIFO group is free", async () => {
  const { QueueUrl, send, receive, call, sqs } = setUp();
  await send("a");
  await send("b");
  const [a] = await receive({ MaxNumberOfMessages: 1 });
  const poll = receive({ WaitTimeSeconds: 20 });
  await sqs.clock.advance(3);
  await call("DeleteMessage", { QueueUrl, ReceiptHandle: a.ReceiptHandle });
  assert.equal(bodies(await poll), "b");
});

Deno.test("memorySqs() sends a FIFO message once in five minutes", async () => {
  const { sqs, send } = setUp();
  const first = await send("a", "g", { MessageDeduplicationId: "once" });
  await sqs.clock.advance(299);
  const again = await send("a", "g", { MessageDeduplicationId: "once" });
  assert.equal(again.MessageId, first.MessageId);
  assert.equal(again.SequenceNumber, first.SequenceNumber);
  await sqs.clock.advance(1);
  const later = await send("a", "g", { MessageDeduplicationId: "once" });
  assert.notEqual(later.MessageId, first.MessageId);
  assert.ok(later.SequenceNumber > first.SequenceNumber);
  assert.equal(sqs.messages("jobs.fifo").length, 2);
});

Deno.test("memorySqs() deduplicates by content, and by group where the queue says so", async () => {
  const byContent = setUp({ ContentBasedDeduplication: "true", DeduplicationScope: "messageGroup" });
  const none = { MessageDeduplicationId: undefined };
  await byContent.send("same", "g", none);
  await byContent.send("same", "g", none);
  await byContent.send("same", "h", none);
  assert.equal(byContent.sqs.messages("jobs.fifo").length, 2);
  const byId = setUp();
  const MessageBody = "a", { QueueUrl } = byId;
  const refused = await byId.refusal("SendMessage", { QueueUrl, MessageBody, MessageGroupId: "g" });
  assert.match(refused.message, /ContentBasedDeduplication enabled or MessageDeduplicationId/);
  assert.match((await byId.refusal("SendMessage", { QueueUrl, MessageBody })).message, /MessageGroupId/);
});

Deno.test("memorySqs() gives a retried FIFO receive the same messages for five minutes", async () => {
  const { QueueUrl, send, receive, call, sqs } = setUp();
  for (const body of "abc") await send(body);
  const attempt = { ReceiveRequestAttemptId: "try-1", MaxNumberOfMessages: 2 };
  const first = await receive(attempt);
  await sqs.clock.advance(20);
  const second = await receive(attempt);
  assert.deepEqual(second, first);
  assert.equal(sqs.messages("jobs.fifo")[0].receiveCount, 1);
  await sqs.clock.advance(20);
  assert.equal(sqs.messages("jobs.fifo")[0].state, "inFlight", "the second receive began the timeout anew");
  await call("DeleteMessage", { QueueUrl, ReceiptHandle: first[0].ReceiptHandle });
  assert.deepEqual(await receive(attempt), [], "b is in flight and a is gone");
});

Deno.test("memorySqs() refuses a FIFO delete whose receipt handle has expired", async () => {
  const { QueueUrl, send, receive, call, refusal, sqs } = setUp();
  await send("a");
  const [{ ReceiptHandle }] = await receive({ VisibilityTimeout: 5 });
  await sqs.clock.advance(5);
  const late = await refusal("DeleteMessage", { QueueUrl, ReceiptHandle });
  assert.equal(late.queryCode, "InvalidParameterValue");
  assert.match(late.message, /The receipt handle has expired/);
  const batch = await call("DeleteMessageBatch", { QueueUrl, Entries: [{ Id: "1", ReceiptHandle }] });
  assert.deepEqual(batch.Failed.map(({ Code }: Output) => Code), ["ReceiptHandleIsInvalid"]);
  assert.equal(sqs.messages("jobs.fifo").length, 1);
});

Deno.test("memorySqs() refuses a delay for one FIFO message", async () => {
  const { QueueUrl, refusal } = setUp();
  const message = { QueueUrl, MessageBody: "a", MessageGroupId: "g", MessageDeduplicationId: "1" };
  const refused = await refusal("SendMessage", { ...message, DelaySeconds: 5 });
  assert.match(refused.message, /not valid for this queue type/);
});
