import assert from "node:assert/strict";
import { memorySqs } from "../../lib/testing/mod.ts";
import { addMessage, createQueueState, hideMessage, takeable } from "../../lib/testing/queue.ts";
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

Deno.test("memorySqs() gives what stands before the first FIFO message of its group that is in flight", async () => {
  const { QueueUrl, send, receive, call, sqs } = setUp();
  for (const body of "abcd") await send(body);
  const [a, b, c] = await receive({ MaxNumberOfMessages: 3, VisibilityTimeout: 10 });
  for (const { ReceiptHandle } of [b, a]) {
    await call("ChangeMessageVisibility", { QueueUrl, ReceiptHandle, VisibilityTimeout: 0 });
  }
  assert.equal(bodies(await receive()), "ab", "c is in flight still");
  await call("DeleteMessage", { QueueUrl, ReceiptHandle: c.ReceiptHandle });
  assert.equal(bodies(await receive()), "", "a and b are");
  await sqs.clock.advance(30);
  assert.equal(bodies(await receive()), "abd");
});

Deno.test("memorySqs() with order: fifo serves the FIFO groups in turn", async () => {
  const sqs = memorySqs({ order: "fifo" });
  const queueUrl = sqs.createQueue("jobs.fifo", { ContentBasedDeduplication: true });
  for (const body of ["a1", "a2", "b1", "c1"]) await sqs.sendMessage("jobs.fifo", body, { groupId: body[0] });
  const { call } = rawSqs(sqs.fetch);
  const next = async () => {
    const { Messages } = await call("ReceiveMessage", { QueueUrl: queueUrl, VisibilityTimeout: 0 });
    return bodies(Messages);
  };
  assert.deepEqual([await next(), await next(), await next(), await next()], ["a1", "b1", "c1", "a1"]);
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

Deno.test("memorySqs() forgets with a purge what was sent to a FIFO queue", async () => {
  const { QueueUrl, send, receive, call } = setUp();
  await send("a", "g", { MessageDeduplicationId: "once" });
  await call("PurgeQueue", { QueueUrl });
  await send("b", "g", { MessageDeduplicationId: "once" });
  assert.equal(bodies(await receive()), "b");
});

Deno.test("memorySqs() refuses a FIFO batch as a whole for one entry without a group or deduplication id", async () => {
  const { sqs, QueueUrl, refusal } = setUp();
  const Entries = [{ Id: "a", MessageBody: "a", MessageGroupId: "g", MessageDeduplicationId: "1" }];
  for (
    const [name, says] of [["MessageGroupId", /MessageGroupId/], ["MessageDeduplicationId", /ContentBased/]] as const
  ) {
    const bad = { ...Entries[0], Id: "b", [name]: undefined };
    const refused = await refusal("SendMessageBatch", { QueueUrl, Entries: [...Entries, bad] });
    assert.equal(refused.code, "InvalidParameterValueException");
    assert.match(refused.message, says);
  }
  assert.equal(sqs.messages("jobs.fifo").length, 0);
});

Deno.test("memorySqs() does not hide a FIFO message that is visible again, or by an old handle", async () => {
  const { QueueUrl, send, receive, refusal, sqs } = setUp();
  await send("a");
  const [{ ReceiptHandle }] = await receive({ VisibilityTimeout: 5 });
  await sqs.clock.advance(5);
  const late = () => refusal("ChangeMessageVisibility", { QueueUrl, ReceiptHandle, VisibilityTimeout: 5 });
  assert.match((await late()).message, /does not exist or is not available/);
  await receive();
  assert.match((await late()).message, /does not exist or is not available/);
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

Deno.test("a receive from a FIFO queue looks at the groups that it serves, however many there are", () => {
  let looks = 0;
  const queue = createQueueState({
    name: "jobs.fifo",
    url: "https://sqs.us-east-1.amazonaws.com/000000000000/jobs.fifo",
    arn: "arn:aws:sqs:us-east-1:000000000000:jobs.fifo",
    fifo: true,
    attributes: { MessageRetentionPeriod: "60" },
    tags: new Map(),
    createdAt: 0,
    rank: () => ++looks,
  });
  const sent = { md5: "", attributes: {}, sentAt: 0, visibleAt: 0, inFlight: false, receiveCount: 0, receivedAt: 0 };
  for (let index = 0; index < 100; index++) {
    const id = String(index);
    addMessage(queue, { ...sent, id, body: id, groupId: id, receiveNumber: 0, turn: 0 }, 0);
  }
  const before = looks;
  const served: string[] = [];
  for (const message of takeable(queue, 0)) {
    served.push(message.body);
    hideMessage(queue, message, 30, 0);
    if (served.length === 3) break;
  }
  assert.deepEqual([served, looks], [["0", "1", "2"], before]);
});

Deno.test("memorySqs() has a FIFO queue's new delay be that of the messages that are there, and a standard queue's not", async () => {
  for (const name of ["jobs", "jobs.fifo"]) {
    const sqs = memorySqs();
    const { call } = rawSqs(sqs.fetch);
    const QueueUrl = sqs.createQueue(name, { DelaySeconds: 600 });
    const fifo = name.endsWith(".fifo");
    for (const body of "ab") await sqs.sendMessage(name, body, fifo ? { groupId: "g", deduplicationId: body } : {});
    const poll = call("ReceiveMessage", { QueueUrl, WaitTimeSeconds: 20, MaxNumberOfMessages: 10 });
    await sqs.clock.advance(5);
    await call("SetQueueAttributes", { QueueUrl, Attributes: { DelaySeconds: "10" } });
    const { Messages = [] } = await sqs.clock.run(() => poll);
    assert.deepEqual(Messages.map(({ Body }: Output) => Body), fifo ? ["a", "b"] : []);
    assert.equal((+sqs.clock.now() - Date.UTC(2030, 0, 1)) / 1000, fifo ? 10 : 20);
  }
});
