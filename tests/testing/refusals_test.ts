/** What SQS refuses, and in which words: what a test lets pass fails in AWS. */
import assert from "node:assert/strict";
import { memorySqs } from "../../lib/testing/mod.ts";
import { type Output, rawSqs } from "./raw_sqs.ts";

const arn = (name: string) => `arn:aws:sqs:us-east-1:000000000000:${name}`;

function setUp() {
  const sqs = memorySqs();
  const [QueueUrl, fifoUrl] = ["jobs", "jobs.fifo"].map((name) => sqs.createQueue(name));
  const raw = rawSqs(sqs.fetch);
  return {
    sqs,
    QueueUrl,
    fifoUrl,
    ...raw,
    /** The older code of a refusal, and its message. */
    async told(action: string, input: object) {
      const { queryCode, message } = await raw.refusal(action, { QueueUrl, ...input });
      return `${queryCode}: ${message}`;
    },
  };
}

Deno.test("memorySqs() says which values a parameter may have", async () => {
  const { told } = setUp();
  const out = (value: number, parameter: string, reason: string) =>
    `InvalidParameterValue: Value ${value} for parameter ${parameter} is invalid. Reason: ${reason}`;
  assert.equal(
    await told("ReceiveMessage", { WaitTimeSeconds: 21 }),
    out(21, "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided."),
  );
  assert.equal(
    await told("ReceiveMessage", { VisibilityTimeout: 43_201 }),
    out(43_201, "VisibilityTimeout", "Must be >= 0 and <= 43200, if provided."),
  );
  assert.equal(
    await told("ReceiveMessage", { MaxNumberOfMessages: 11 }),
    out(11, "MaxNumberOfMessages", "Must be between 1 and 10, if provided."),
  );
  assert.equal(
    await told("SendMessage", { MessageBody: "a", DelaySeconds: 901 }),
    out(901, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900."),
  );
});

Deno.test("memorySqs() refuses attributes of a message that SQS can't keep", async () => {
  const { told, refusal, QueueUrl } = setUp();
  const send = (a: unknown, name = "MessageAttributes") =>
    told("SendMessage", { MessageBody: "a", [name]: { AWSTraceHeade: a } });
  assert.equal(
    await send({ DataType: "String", StringValue: "1", BinaryValue: "AQ==" }),
    "InvalidParameterValue: Message (user) attribute 'AWSTraceHeade' must have a single value.",
  );
  assert.match(await send({ DataType: "String", StringListValues: ["1"] }), /UnsupportedOperation: .* list values/);
  assert.equal(
    await send({ DataType: "String", StringValue: "1" }, "MessageSystemAttributes"),
    "InvalidParameterValue: Message system attribute name 'AWSTraceHeade' is invalid.",
  );
  for (const BinaryValue of ["!!!", "AQ"]) {
    const MessageAttributes = { a: { DataType: "Binary", BinaryValue } };
    const { code } = await refusal("SendMessage", { QueueUrl, MessageBody: "a", MessageAttributes });
    assert.equal(code, "SerializationException");
  }
});

Deno.test("memorySqs() answers a batch whose attributes are no attributes", async () => {
  const { call, QueueUrl } = setUp();
  const wrong = [null, "text", { DataType: 7, StringValue: 7, BinaryValue: 7 }];
  const Entries = wrong.map((a, i) => ({ Id: String(i), MessageBody: "a", MessageAttributes: { a } }));
  const { Failed } = await call("SendMessageBatch", { QueueUrl, Entries });
  assert.deepEqual(Failed.map(({ Code }: Output) => Code), Array(3).fill("InvalidParameterValue"));
});

Deno.test("memorySqs() words what is wrong with a batch and its entries as SQS does", async () => {
  const { sqs, told, call, QueueUrl, fifoUrl } = setUp();
  await call("SetQueueAttributes", { QueueUrl, Attributes: { MaximumMessageSize: "1024" } });
  const Entries = [{ Id: "1", MessageBody: "x".repeat(1025) }, { Id: "2" }, { Id: "3", MessageBody: "a" }];
  const { Failed, Successful } = await call("SendMessageBatch", { QueueUrl, Entries });
  assert.deepEqual(Failed.map(({ Message }: Output) => Message), [
    "One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes.",
    "The request must contain the parameter SendMessageBatchRequestEntry.2.MessageBody.",
  ]);
  assert.deepEqual(Successful.map(({ Id }: Output) => Id), ["3"]);
  for (
    const [action, type] of [
      ["SendMessageBatch", "SendMessageBatchRequestEntry"],
      ["DeleteMessageBatch", "DeleteMessageBatchRequestEntry"],
      ["ChangeMessageVisibilityBatch", "ChangeMessageVisibilityBatch"],
    ]
  ) {
    assert.equal(
      await told(action, { Entries: [] }),
      `AWS.SimpleQueueService.EmptyBatchRequest: There should be at least one ${type} in the request.`,
    );
    assert.equal(
      await told(action, { Entries: [{ Id: "1", ReceiptHandle: "x", MessageBody: "a" }, { MessageBody: "b" }] }),
      `MissingParameter: The request must contain the parameter ${type}.2.Id.`,
    );
  }
  // One wrong entry refuses all of a FIFO queue's.
  const good = { Id: "1", MessageBody: "a", MessageGroupId: "g", MessageDeduplicationId: "1" };
  const bad = [{ MessageBody: "" }, { DelaySeconds: 3 }, { MessageGroupId: "a b" }, { MessageBody: "\u0001" }];
  for (const wrong of bad) {
    const Entries = [good, { ...good, Id: "2", MessageDeduplicationId: "2", ...wrong }];
    await told("SendMessageBatch", { QueueUrl: fifoUrl, Entries });
  }
  assert.deepEqual(sqs.messages("jobs.fifo"), []);
});

Deno.test("memorySqs() refuses attributes of a queue that do not go together", async () => {
  const { told, call, QueueUrl, fifoUrl } = setUp();
  const set = (Attributes: object, url = QueueUrl) => told("SetQueueAttributes", { QueueUrl: url, Attributes });
  for (const name of ["DeduplicationScope", "FifoThroughputLimit"]) {
    assert.equal(
      await set({ [name]: "any" }),
      `InvalidAttributeName: You can specify the ${name} only when FifoQueue is set to true.`,
    );
  }
  assert.match(await set({ FifoQueue: "false" }, fifoUrl), /^InvalidAttributeValue: .* queue type is not supported\.$/);
  const high = { FifoThroughputLimit: "perMessageGroupId" };
  assert.match(await set(high, fifoUrl), /allowed only when the value for DeduplicationScope is messageGroup/);
  await call("SetQueueAttributes", { QueueUrl: fifoUrl, Attributes: { ...high, DeduplicationScope: "messageGroup" } });
  assert.match(await set({}), /^MissingParameter: /);
  const both = { KmsMasterKeyId: "key", SqsManagedSseEnabled: "true" };
  assert.match(await set(both), /^InvalidAttributeName: You can use one type of server-side encryption/);
  assert.match(await told("CreateQueue", { QueueName: "jobs", Attributes: { Speed: "9" } }), /Unknown Attribute Speed/);
});

Deno.test("memorySqs() ends one kind of encryption with the other", async () => {
  const { call, QueueUrl } = setUp();
  const names = ["KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled"];
  const set = async (Attributes: object) => {
    await call("SetQueueAttributes", { QueueUrl, Attributes });
    return (await call("GetQueueAttributes", { QueueUrl, AttributeNames: names })).Attributes;
  };
  const kms = { KmsMasterKeyId: "key", KmsDataKeyReusePeriodSeconds: "6000" };
  assert.deepEqual(await set(kms), { ...kms, SqsManagedSseEnabled: "false" });
  assert.deepEqual(await call("CreateQueue", { QueueName: "jobs", Attributes: kms }), { QueueUrl });
  assert.deepEqual(await set({ KmsMasterKeyId: "", KmsDataKeyReusePeriodSeconds: "300" }), {
    SqsManagedSseEnabled: "false",
  });
  assert.deepEqual(await set(kms), { ...kms, SqsManagedSseEnabled: "false" });
  assert.deepEqual(await set({ SqsManagedSseEnabled: "true" }), { SqsManagedSseEnabled: "true" });
});

Deno.test("memorySqs() refuses policies that SQS does not take", async () => {
  const { told, call, QueueUrl } = setUp();
  const set = (name: string, policy: unknown) =>
    told("SetQueueAttributes", { Attributes: { [name]: JSON.stringify(policy) } });
  const statements = (count: number) => Array(count).fill({ Effect: "Allow" });
  for (const policy of ["text", {}, { Statement: [] }, { Statement: "all" }, { Statement: { Effect: "Maybe" } }]) {
    assert.equal(await set("Policy", policy), "InvalidAttributeValue: Invalid value for the parameter Policy.");
  }
  assert.match(await set("Policy", { Statement: statements(21) }), /^OverLimit: 21 statements were found/);
  const Policy = JSON.stringify({ Statement: statements(20) });
  await call("SetQueueAttributes", { QueueUrl, Attributes: { Policy } });
  const permission = { Label: "one more", AWSAccountIds: ["111111111111"], Actions: ["SendMessage"] };
  assert.match(await told("AddPermission", permission), /^OverLimit: 21 Statements were found/);
  assert.match(await told("AddPermission", { ...permission, Actions: ["CreateQueue"] }), /SQS:CreateQueue .* invalid/);

  const target = { deadLetterTargetArn: arn("jobs"), maxReceiveCount: 3 };
  assert.match(await set("RedrivePolicy", 7), /^InvalidAttributeValue: .* not a valid JSON map/);
  assert.match(await set("RedrivePolicy", { maxReceiveCount: 3 }), /mandatory attribute: deadLetterTargetArn\.$/);
  assert.match(await set("RedrivePolicy", { ...target, colour: 1 }), /Only following attributes are supported/);
  assert.match(await set("RedrivePolicy", { ...target, deadLetterTargetArn: "jobs" }), /fully qualified ARN/);
  const topic = "arn:aws:sns:us-east-1:000000000000:news";
  assert.match(await set("RedrivePolicy", { ...target, deadLetterTargetArn: topic }), /Only SQS queues are valid/);

  const refused: readonly [policy: unknown, message: RegExp][] = [
    ["allowAll", /unsupported format/],
    [{ redrivePermission: "some" }, /unsupported format/],
    [{ redrivePermission: "byQueue", sourceQueueArns: arn("jobs") }, /unsupported format/],
    [{ redrivePermission: "byQueue", sourceQueueArns: [7] }, /unsupported format/],
    [{ redrivePermission: "allowAll", more: 1 }, /unsupported format/],
    [{ redrivePermission: "byQueue" }, /specify one or more sourceQueueArns values/],
    [{ redrivePermission: "denyAll", sourceQueueArns: [arn("jobs")] }, /must set redrivePermission to byQueue/],
    [{ redrivePermission: "byQueue", sourceQueueArns: Array(11).fill(arn("jobs")) }, /you can specify is 10/],
  ];
  for (const [policy, message] of refused) assert.match(await set("RedriveAllowPolicy", policy), message);
});

Deno.test("memorySqs() lets only those queues use a dead-letter queue that its policy allows", async () => {
  const { sqs, told, call, QueueUrl } = setUp();
  const dead = sqs.createQueue("dead");
  const Attributes = { RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arn("dead"), maxReceiveCount: 3 }) };
  const allow = (policy: object) =>
    call("SetQueueAttributes", { QueueUrl: dead, Attributes: { RedriveAllowPolicy: JSON.stringify(policy) } });
  for (const policy of [{ redrivePermission: "denyAll" }, { redrivePermission: "byQueue", sourceQueueArns: ["a"] }]) {
    await allow(policy);
    assert.match(await told("SetQueueAttributes", { Attributes }), /not allowed to use/);
  }
  for (
    const policy of [{ redrivePermission: "allowAll" }, {
      redrivePermission: "byQueue",
      sourceQueueArns: [arn("jobs")],
    }]
  ) {
    await allow(policy);
    await call("SetQueueAttributes", { QueueUrl, Attributes });
  }
});

Deno.test("memorySqs() refuses tags, tokens and ARNs that are none", async () => {
  const { sqs, told, call, QueueUrl } = setUp();
  assert.match(await told("TagQueue", { Tags: {} }), /^MissingParameter: .* Tags\.$/);
  assert.match(await told("UntagQueue", {}), /^MissingParameter: .* TagKeys\.$/);
  assert.match(await told("ListQueues", { MaxResults: 1, NextToken: "%" }), /Invalid or expired next token/);
  assert.match(await told("ListMessageMoveTasks", { SourceArn: "jobs" }), /use this format to specify the SourceArn/);
  sqs.createQueue("dead");
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: arn("dead"), maxReceiveCount: 3 });
  await call("SetQueueAttributes", { QueueUrl, Attributes: { RedrivePolicy } });
  const task = { SourceArn: arn("dead"), DestinationArn: arn("jobs.fifo") };
  assert.match(await told("StartMessageMoveTask", task), /must be of the same queue type/);
});
