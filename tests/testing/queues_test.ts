import assert from "node:assert/strict";
import { memorySqs } from "../../lib/testing/mod.ts";
import { type Output, rawSqs } from "./raw_sqs.ts";

function setUp() {
  const sqs = memorySqs();
  return { sqs, ...rawSqs(sqs.fetch) };
}

Deno.test("memorySqs() answers errors as SQS's JSON protocol does", async () => {
  const { post, sqs } = setUp();
  await sqs.clock.advance(86_400);
  const response = await post("GetQueueUrl", { QueueName: "none" });
  assert.equal(response.status, 400);
  assert.equal(response.headers.get("x-amzn-query-error"), "AWS.SimpleQueueService.NonExistentQueue;Sender");
  assert.equal(response.headers.get("date"), "Wed, 02 Jan 2030 00:00:00 GMT");
  assert.match(response.headers.get("x-amzn-requestid")!, /^[0-9a-f-]{36}$/);
  assert.equal((await response.json()).__type, "com.amazonaws.sqs#QueueDoesNotExist");
});

Deno.test("memorySqs() refuses a request that is none, as SQS does", async () => {
  const { sqs, post, refusal } = setUp();
  assert.equal((await refusal("PurgeQueue", { QueueUrl: "jobs" })).code, "InvalidParameterValueException");
  assert.equal((await refusal("PurgeQueue", { QueueUrl: "http://localhost/jobs" })).code, "InvalidAddress");
  assert.equal((await refusal("Purge", {})).code, "UnknownOperationException");
  assert.match((await (await post("ListQueues", 7 as never)).json()).message, /must be an object/);
  const headers = { "x-amz-target": "AmazonSQS.ListQueues" };
  const broken = await sqs.fetch(new Request("http://localhost/", { method: "POST", headers, body: "{" }));
  assert.match((await broken.json()).__type, /#SerializationException$/);
});

Deno.test("memorySqs() creates a queue once, and refuses it with other attributes", async () => {
  const { call, refusal } = setUp();
  const Attributes = { VisibilityTimeout: "5" };
  const { QueueUrl } = await call("CreateQueue", { QueueName: "jobs", Attributes });
  assert.deepEqual(await call("CreateQueue", { QueueName: "jobs", Attributes }), { QueueUrl });
  const other = await refusal("CreateQueue", { QueueName: "jobs", Attributes: { DelaySeconds: "9" } });
  assert.equal(other.code, "QueueNameExists");
  assert.equal(other.queryCode, "QueueAlreadyExists");
  const code = async (QueueName: string, Attributes: object = {}) =>
    (await refusal("CreateQueue", { QueueName, Attributes })).code;
  assert.equal(await code("a b"), "InvalidParameterValueException");
  assert.equal(await code("jobs.fifo"), "InvalidParameterValueException");
  assert.equal(await code("fifo", { FifoQueue: "true" }), "InvalidParameterValueException");
  assert.equal(await code("x", { Speed: "9" }), "InvalidAttributeName");
  assert.equal(await code("x", { VisibilityTimeout: "43201" }), "InvalidAttributeValue");
  assert.equal(await code("x", { ContentBasedDeduplication: "true" }), "InvalidAttributeName");
});

Deno.test("memorySqs() takes a FIFO queue's FifoQueue again, in any case, and never another", async () => {
  const { call, refusal } = setUp();
  const Attributes = { FifoQueue: "True", ContentBasedDeduplication: "True" };
  const { QueueUrl } = await call("CreateQueue", { QueueName: "jobs.fifo", Attributes });
  await call("SetQueueAttributes", { QueueUrl, Attributes });
  const names = Object.keys(Attributes);
  assert.deepEqual(await call("GetQueueAttributes", { QueueUrl, AttributeNames: names }), {
    Attributes: { FifoQueue: "true", ContentBasedDeduplication: "true" },
  });
  for (const FifoQueue of ["false", ""]) {
    const refused = await refusal("SetQueueAttributes", { QueueUrl, Attributes: { FifoQueue } });
    assert.equal(refused.code, "InvalidAttributeValue");
  }
});

Deno.test("memorySqs() frees a deleted queue's name after 60 seconds", async () => {
  const { sqs, call, refusal } = setUp();
  const { QueueUrl } = await call("CreateQueue", { QueueName: "jobs" });
  const poll = refusal("ReceiveMessage", { QueueUrl, WaitTimeSeconds: 20 });
  await sqs.clock.settle();
  await call("DeleteQueue", { QueueUrl });
  assert.equal((await poll).code, "QueueDoesNotExist");
  assert.equal((await refusal("SendMessage", { QueueUrl, MessageBody: "a" })).code, "QueueDoesNotExist");
  assert.equal((await refusal("CreateQueue", { QueueName: "jobs" })).code, "QueueDeletedRecently");
  await sqs.clock.advance(60);
  assert.deepEqual(await call("CreateQueue", { QueueName: "jobs" }), { QueueUrl });
});

Deno.test("memorySqs() purges once in 60 seconds", async () => {
  const { sqs, call, refusal } = setUp();
  const QueueUrl = sqs.createQueue("jobs");
  for (const body of "abc") await sqs.sendMessage("jobs", body, { delaySeconds: body === "c" ? 9 : 0 });
  await call("ReceiveMessage", { QueueUrl });
  await call("PurgeQueue", { QueueUrl });
  assert.deepEqual(sqs.messages("jobs"), []);
  const { code, status } = await refusal("PurgeQueue", { QueueUrl });
  assert.deepEqual([code, status], ["PurgeQueueInProgress", 403]);
  await sqs.clock.advance(60);
  await call("PurgeQueue", { QueueUrl });
});

Deno.test("memorySqs() counts visible, hidden and delayed messages", async () => {
  const { sqs, call, refusal } = setUp();
  const QueueUrl = sqs.createQueue("jobs");
  for (const body of "abcd") await sqs.sendMessage("jobs", body, { delaySeconds: body === "d" ? 9 : 0 });
  await call("ReceiveMessage", { QueueUrl, MaxNumberOfMessages: 2 });
  const { Attributes } = await call("GetQueueAttributes", { QueueUrl, AttributeNames: ["All"] });
  assert.equal(Attributes.ApproximateNumberOfMessages, "1");
  assert.equal(Attributes.ApproximateNumberOfMessagesNotVisible, "2");
  assert.equal(Attributes.ApproximateNumberOfMessagesDelayed, "1");
  assert.equal(Attributes.QueueArn, "arn:aws:sqs:us-east-1:000000000000:jobs");
  assert.equal(Attributes.VisibilityTimeout, "30");
  assert.deepEqual(await call("GetQueueAttributes", { QueueUrl, AttributeNames: ["Policy"] }), {});
  const unknown = await refusal("GetQueueAttributes", { QueueUrl, AttributeNames: ["Size"] });
  assert.equal(unknown.code, "InvalidAttributeName");
});

Deno.test("memorySqs() lists queues by prefix, page by page", async () => {
  const { sqs, call } = setUp();
  const urls = ["a1", "a2", "a3"].map((name) => sqs.createQueue(name));
  sqs.createQueue("b");
  assert.deepEqual(await call("ListQueues", { QueueNamePrefix: "a" }), { QueueUrls: urls });
  const first = await call("ListQueues", { QueueNamePrefix: "a", MaxResults: 2 });
  assert.deepEqual(first.QueueUrls, urls.slice(0, 2));
  const second = await call("ListQueues", { QueueNamePrefix: "a", MaxResults: 2, NextToken: first.NextToken });
  assert.deepEqual(second, { QueueUrls: urls.slice(2) });
});

Deno.test("memorySqs() keeps tags and permissions", async () => {
  const { sqs, call, refusal } = setUp();
  const QueueUrl = sqs.createQueue("jobs");
  await call("TagQueue", { QueueUrl, Tags: { a: "1", b: "2" } });
  await call("UntagQueue", { QueueUrl, TagKeys: ["a"] });
  assert.deepEqual(await call("ListQueueTags", { QueueUrl }), { Tags: { b: "2" } });
  const permission = { QueueUrl, Label: "share", AWSAccountIds: ["111111111111"], Actions: ["SendMessage"] };
  await call("AddPermission", permission);
  assert.match((await refusal("AddPermission", permission)).message, /Already exists/);
  const { Attributes } = await call("GetQueueAttributes", { QueueUrl, AttributeNames: ["Policy"] });
  const { Version, Statement } = JSON.parse(Attributes.Policy);
  assert.deepEqual([Version, Statement[0].Action], ["2008-10-17", "SQS:SendMessage"]);
  await call("RemovePermission", { QueueUrl, Label: "share" });
  assert.deepEqual(await call("GetQueueAttributes", { QueueUrl, AttributeNames: ["Policy"] }), {});
});

Deno.test("memorySqs() refuses batches as a whole, or entry by entry", async () => {
  const { sqs, call, refusal } = setUp();
  const QueueUrl = sqs.createQueue("jobs");
  const entry = (Id: unknown, MessageBody: unknown = "a") => ({ Id, MessageBody });
  const code = async (Entries: unknown[]) => (await refusal("SendMessageBatch", { QueueUrl, Entries })).queryCode;
  assert.equal(await code([]), "AWS.SimpleQueueService.EmptyBatchRequest");
  const eleven = Array.from({ length: 11 }, (_, i) => entry(String(i)));
  assert.equal(await code(eleven), "AWS.SimpleQueueService.TooManyEntriesInBatchRequest");
  assert.equal(await code([entry("a"), entry("a")]), "AWS.SimpleQueueService.BatchEntryIdsNotDistinct");
  assert.equal(await code([entry("a b")]), "AWS.SimpleQueueService.InvalidBatchEntryId");
  const half = "x".repeat(524_289);
  assert.equal(await code([entry("1", half), entry("2", half)]), "AWS.SimpleQueueService.BatchRequestTooLong");
  const mixed = await call("SendMessageBatch", { QueueUrl, Entries: [entry("good"), entry("bad", "\u0001")] });
  assert.deepEqual(mixed.Successful.map(({ Id }: Output) => Id), ["good"]);
  assert.deepEqual(mixed.Failed.map(({ Id, Code, SenderFault }: Output) => [Id, Code, SenderFault]), [
    ["bad", "InvalidMessageContents", true],
  ]);
  assert.equal(sqs.messages("jobs").length, 1);
});
