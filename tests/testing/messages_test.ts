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

Deno.test("memorySqs() answers a long poll that began before a message was hidden for a shorter time, or delayed", async () => {
  const { sqs, QueueUrl, call } = setUp();
  await sqs.sendMessage("jobs", "failed");
  const { Messages: [{ ReceiptHandle }] } = await call("ReceiveMessage", { QueueUrl });
  for (const again of ["failed", "delayed"]) {
    const poll = call("ReceiveMessage", { QueueUrl, WaitTimeSeconds: 20 });
    await sqs.clock.advance(1);
    if (again === "failed") await call("ChangeMessageVisibility", { QueueUrl, ReceiptHandle, VisibilityTimeout: 4 });
    else await call("SendMessage", { QueueUrl, MessageBody: again, DelaySeconds: 4 });
    const began = +sqs.clock.now();
    assert.equal((await sqs.clock.run(() => poll)).Messages[0].Body, again);
    assert.equal(+sqs.clock.now() - began, 4000);
  }
});

Deno.test("memorySqs() lets a long poll end empty after its wait", async () => {
  const { sqs, QueueUrl, call } = setUp({ ReceiveMessageWaitTimeSeconds: 5 });
  assert.deepEqual(await sqs.clock.run(() => call("ReceiveMessage", { QueueUrl })), {});
  assert.deepEqual(await sqs.clock.run(() => call("ReceiveMessage", { QueueUrl, WaitTimeSeconds: 20 })), {});
  assert.equal(+sqs.clock.now() - Date.UTC(2030, 0, 1), 25_000);
});

Deno.test("memorySqs() delays a message, and its own delay wins over the queue's", async () => {
  const { sqs, QueueUrl, call } = setUp({ DelaySeconds: 60 });
  await call("SendMessage", { QueueUrl, MessageBody: "queue's" });
  await call("SendMessage", { QueueUrl, MessageBody: "own", DelaySeconds: 5 });
  assert.deepEqual(sqs.messages("jobs").map(({ state }) => state), ["delayed", "delayed"]);
  const first = await sqs.clock.run(() => call("ReceiveMessage", { QueueUrl, WaitTimeSeconds: 20 }));
  assert.equal(first.Messages[0].Body, "own");
  assert.equal(+sqs.clock.now() - Date.UTC(2030, 0, 1), 5000);
});

Deno.test("memorySqs() drops a message when its retention is over", async () => {
  const { sqs, QueueUrl, call } = setUp({ MessageRetentionPeriod: 60 });
  await sqs.sendMessage("jobs", "old");
  await sqs.clock.advance(59);
  assert.equal(sqs.messages("jobs").length, 1);
  await sqs.clock.advance(1);
  assert.equal(sqs.messages("jobs").length, 0);
  assert.deepEqual(await call("ReceiveMessage", { QueueUrl }), {});
});

Deno.test("memorySqs() counts ChangeMessageVisibility from the call", async () => {
  const { sqs, QueueUrl, call } = setUp();
  await sqs.sendMessage("jobs", "a");
  const { Messages: [{ ReceiptHandle }] } = await call("ReceiveMessage", { QueueUrl, VisibilityTimeout: 100 });
  await sqs.clock.advance(50);
  await call("ChangeMessageVisibility", { QueueUrl, ReceiptHandle, VisibilityTimeout: 10 });
  await sqs.clock.advance(9);
  assert.equal(sqs.messages("jobs")[0].state, "inFlight");
  await sqs.clock.advance(1);
  assert.equal(sqs.messages("jobs")[0].state, "visible");
});

Deno.test("memorySqs() refuses more than 12 hours in flight", async () => {
  const { sqs, QueueUrl, call, refusal } = setUp();
  await sqs.sendMessage("jobs", "a");
  const { Messages: [{ ReceiptHandle }] } = await call("ReceiveMessage", { QueueUrl, VisibilityTimeout: 43_200 });
  await sqs.clock.advance(3600);
  const tooLong = await refusal("ChangeMessageVisibility", { QueueUrl, ReceiptHandle, VisibilityTimeout: 39_601 });
  assert.equal(tooLong.queryCode, "InvalidParameterValue");
  assert.match(tooLong.message, /Total VisibilityTimeout .* beyond the limit/);
  await call("ChangeMessageVisibility", { QueueUrl, ReceiptHandle, VisibilityTimeout: 39_600 });
});

Deno.test("memorySqs() takes an old receipt handle of a standard queue and deletes nothing", async () => {
  const { sqs, QueueUrl, call, refusal } = setUp();
  await sqs.sendMessage("jobs", "a");
  const first = (await call("ReceiveMessage", { QueueUrl, VisibilityTimeout: 0 })).Messages[0];
  const second = (await call("ReceiveMessage", { QueueUrl })).Messages[0];
  await call("DeleteMessage", { QueueUrl, ReceiptHandle: first.ReceiptHandle });
  assert.equal(sqs.messages("jobs").length, 1);
  await call("DeleteMessage", { QueueUrl, ReceiptHandle: second.ReceiptHandle });
  await call("DeleteMessage", { QueueUrl, ReceiptHandle: second.ReceiptHandle });
  assert.equal(sqs.messages("jobs").length, 0);
  assert.equal((await refusal("DeleteMessage", { QueueUrl, ReceiptHandle: "x" })).code, "ReceiptHandleIsInvalid");
});

Deno.test("memorySqs() changes the visibility of a standard queue's message by an old handle, whoever has it", async () => {
  const { sqs, QueueUrl, call, refusal } = setUp();
  await sqs.sendMessage("jobs", "a");
  const { Messages: [{ ReceiptHandle }] } = await call("ReceiveMessage", { QueueUrl, VisibilityTimeout: 5 });
  const change = (VisibilityTimeout: number) => ({ QueueUrl, ReceiptHandle, VisibilityTimeout });
  await sqs.clock.advance(5);
  await call("ChangeMessageVisibility", change(5));
  assert.equal(sqs.messages("jobs")[0].state, "inFlight", "it was visible again");
  await sqs.clock.advance(5);
  const { Messages: [theirs] } = await call("ReceiveMessage", { QueueUrl, VisibilityTimeout: 60 });
  await call("ChangeMessageVisibility", change(0));
  assert.equal(sqs.messages("jobs")[0].state, "visible", "another consumer had it");
  await call("DeleteMessage", { QueueUrl, ReceiptHandle: theirs.ReceiptHandle });
  const gone = await refusal("ChangeMessageVisibility", change(5));
  assert.match(gone.message, /does not exist or is not available/);
});

Deno.test("memorySqs() gives attributes only when they are asked for", async () => {
  const { QueueUrl, call } = setUp({ VisibilityTimeout: 0 });
  const MessageAttributes = {
    "a.x": { DataType: "String", StringValue: "1" },
    "a.y": { DataType: "Number.int", StringValue: "2" },
    ab: { DataType: "Binary", BinaryValue: "AQID" },
    b: { DataType: "Binary", BinaryValue: "AQID" },
  };
  await call("SendMessage", { QueueUrl, MessageBody: "a", MessageAttributes });
  const names = async (options: object) =>
    Object.keys((await call("ReceiveMessage", { QueueUrl, ...options })).Messages[0].MessageAttributes ?? {}).sort();
  assert.deepEqual(await names({}), []);
  assert.deepEqual(await names({ MessageAttributeNames: ["b", "none"] }), ["b"]);
  assert.deepEqual(await names({ MessageAttributeNames: ["a.*"] }), ["a.x", "a.y", "ab"]);
  for (const all of ["All", "*", ".*"]) {
    assert.deepEqual(await names({ MessageAttributeNames: [all] }), ["a.x", "a.y", "ab", "b"]);
  }
  const all = await call("ReceiveMessage", { QueueUrl, AttributeNames: ["All"] });
  assert.deepEqual(Object.keys(all.Messages[0].Attributes).sort(), [
    "ApproximateFirstReceiveTimestamp",
    "ApproximateReceiveCount",
    "SenderId",
    "SentTimestamp",
  ]);
  assert.equal(all.Messages[0].Attributes.SentTimestamp, String(Date.UTC(2030, 0, 1)));
});

Deno.test("memorySqs() gives a standard queue's messages in an order of its seed", async () => {
  const order = async (options: MemorySqsOptions) => {
    const { sqs, QueueUrl, call } = setUp({}, options);
    for (let i = 0; i < 10; i++) await sqs.sendMessage("jobs", String(i));
    const { Messages } = await call("ReceiveMessage", { QueueUrl, MaxNumberOfMessages: 10 });
    return Messages.map(({ Body }: { Body: string }) => Body).join("");
  };
  assert.equal(await order({ order: "fifo" }), "0123456789");
  assert.notEqual(await order({ seed: 1 }), "0123456789");
  assert.equal(await order({ seed: 7 }), await order({ seed: 7 }));
  assert.notEqual(await order({ seed: 7 }), await order({ seed: 8 }));
});

Deno.test("memorySqs() gives each message its turn, however many come after it", async () => {
  for (const fifo of [false, true]) {
    const { sqs, call } = setUp();
    const name = fifo ? "jobs.fifo" : "jobs";
    const QueueUrl = sqs.createQueue(name, fifo ? { ContentBasedDeduplication: true } : {});
    const groups = Array.from({ length: 20 }, (_, index) => `g${index}`);
    const asked = new Map(groups.map((groupId) => [groupId, 0]));
    const send = (groupId: string, step: number) =>
      sqs.sendMessage(name, JSON.stringify({ groupId, step }), fifo ? { groupId } : {});
    for (const group of groups) await send(group, 0);
    let longest = 0;
    for (let step = 1; step <= 2000; step++) {
      const { Messages: [{ Body, ReceiptHandle }] } = await call("ReceiveMessage", { QueueUrl });
      const { groupId, step: sent } = JSON.parse(Body);
      longest = Math.max(longest, step - sent);
      asked.set(groupId, step);
      await call("DeleteMessage", { QueueUrl, ReceiptHandle });
      await send(groupId, step);
    }
    longest = Math.max(longest, ...[...asked.values()].map((step) => 2000 - step));
    assert.ok(longest <= 1100, `${longest} others were received before one`);
  }
});

Deno.test("memorySqs() lets a long poll whose client is gone take messages", async () => {
  for (const abortedPollsTake of [true, false]) {
    const { sqs, QueueUrl, call } = setUp({}, { abortedPollsTake });
    const client = new AbortController();
    const poll = call("ReceiveMessage", { QueueUrl, WaitTimeSeconds: 20 }, client.signal);
    await sqs.clock.advance(1);
    client.abort();
    await assert.rejects(poll, { name: "AbortError" });
    await sqs.sendMessage("jobs", "a");
    await sqs.clock.settle();
    assert.equal(sqs.messages("jobs")[0].state, abortedPollsTake ? "inFlight" : "visible");
  }
});

Deno.test("memorySqs() refuses bodies, attributes and ids that SQS does not take", async () => {
  const { QueueUrl, refusal } = setUp({ MaximumMessageSize: 1024 });
  const code = async (input: object) => (await refusal("SendMessage", { QueueUrl, MessageBody: "a", ...input })).code;
  assert.equal(await code({ MessageBody: "" }), "MissingRequiredParameterException");
  assert.equal(await code({ MessageBody: "\u0000" }), "InvalidMessageContents");
  assert.equal(await code({ MessageBody: "\ud800" }), "InvalidMessageContents");
  assert.equal(await code({ MessageBody: "é".repeat(513) }), "InvalidParameterValueException");
  assert.equal(await code({ DelaySeconds: 901 }), "InvalidParameterValueException");
  assert.equal(await code({ MessageGroupId: "a b" }), "InvalidParameterValueException");
  assert.equal(await code({ MessageDeduplicationId: "a" }), "InvalidParameterValueException");
  const attribute = { DataType: "String", StringValue: "v" };
  const eleven = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`a${i}`, attribute]));
  assert.equal(await code({ MessageAttributes: eleven }), "InvalidParameterValueException");
  assert.equal(await code({ MessageAttributes: { "AWS.x": attribute } }), "InvalidParameterValueException");
  for (const DataType of ["Text", "String." + "x".repeat(250)]) {
    assert.equal(
      await code({ MessageAttributes: { a: { ...attribute, DataType } } }),
      "InvalidParameterValueException",
    );
  }
});

Deno.test("memorySqs() answers OverLimit when too many messages are in flight", async () => {
  const { sqs, QueueUrl, call, refusal } = setUp({}, { inFlightLimit: 2 });
  for (const body of "abc") await sqs.sendMessage("jobs", body);
  const { Messages } = await call("ReceiveMessage", { QueueUrl, MaxNumberOfMessages: 10 });
  assert.equal(Messages.length, 2);
  assert.equal((await refusal("ReceiveMessage", { QueueUrl })).code, "OverLimit");
  await call("DeleteMessage", { QueueUrl, ReceiptHandle: Messages[0].ReceiptHandle });
  assert.equal((await call("ReceiveMessage", { QueueUrl })).Messages.length, 1);
});
