import assert from "node:assert/strict";
import * as sqs from "../../lib/sqs/mod.ts";
import { type AwsError, ConfigError } from "../../lib/errors.ts";

const queueUrl = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs";
const sourceArn = "arn:aws:sqs:eu-west-1:123456789012:dead";
const receiptHandle = "AQEB";
const attribute = { DataType: "String", StringValue: "x" };
const bytes = new TextEncoder().encode("hi");

/** Every builder with all its options, and the input that SQS's API model wants. */
const inputs: [sqs.AwsRequest<unknown>, Record<string, unknown>][] = [
  [
    sqs.sendMessage({
      queueUrl,
      messageBody: "hello",
      delaySeconds: 0,
      messageAttributes: { a: attribute },
      messageSystemAttributes: { AWSTraceHeader: attribute },
      messageGroupId: "g",
      messageDeduplicationId: "d",
    }),
    {
      QueueUrl: queueUrl,
      MessageBody: "hello",
      DelaySeconds: 0,
      MessageAttributes: { a: attribute },
      MessageSystemAttributes: { AWSTraceHeader: attribute },
      MessageGroupId: "g",
      MessageDeduplicationId: "d",
    },
  ],
  [
    sqs.sendMessage({
      queueUrl,
      messageBody: "hello",
      messageAttributes: { a: "x", b: 5, c: bytes, d: { DataType: "Binary.png", BinaryValue: bytes } },
    }),
    {
      QueueUrl: queueUrl,
      MessageBody: "hello",
      MessageAttributes: {
        a: attribute,
        b: { DataType: "Number", StringValue: "5" },
        c: { DataType: "Binary", BinaryValue: "aGk=" },
        d: { DataType: "Binary.png", BinaryValue: "aGk=" },
      },
    },
  ],
  [sqs.sendMessage({ queueUrl, messageBody: "hello", messageAttributes: {} }), {
    QueueUrl: queueUrl,
    MessageBody: "hello",
  }],
  [sqs.sendMessageBatch({ queueUrl, entries: [{ id: "a", messageBody: "x", delaySeconds: 900 }] }), {
    QueueUrl: queueUrl,
    Entries: [{ Id: "a", MessageBody: "x", DelaySeconds: 900 }],
  }],
  [
    sqs.receiveMessage({
      queueUrl,
      maxMessages: 1,
      waitTimeSeconds: 20,
      visibilityTimeout: 0,
      systemAttributes: ["All"],
      messageAttributes: ["a"],
      receiveRequestAttemptId: "r",
    }),
    {
      QueueUrl: queueUrl,
      MaxNumberOfMessages: 1,
      WaitTimeSeconds: 20,
      VisibilityTimeout: 0,
      MessageSystemAttributeNames: ["All"],
      MessageAttributeNames: ["a"],
      ReceiveRequestAttemptId: "r",
    },
  ],
  [sqs.deleteMessage({ queueUrl, receiptHandle }), { QueueUrl: queueUrl, ReceiptHandle: receiptHandle }],
  [sqs.deleteMessageBatch({ queueUrl, entries: [{ id: "a", receiptHandle }] }), {
    QueueUrl: queueUrl,
    Entries: [{ Id: "a", ReceiptHandle: receiptHandle }],
  }],
  [sqs.changeMessageVisibility({ queueUrl, receiptHandle, visibilityTimeout: 43_200 }), {
    QueueUrl: queueUrl,
    ReceiptHandle: receiptHandle,
    VisibilityTimeout: 43_200,
  }],
  [sqs.changeMessageVisibilityBatch({ queueUrl, entries: [{ id: "a", receiptHandle, visibilityTimeout: 0 }] }), {
    QueueUrl: queueUrl,
    Entries: [{ Id: "a", ReceiptHandle: receiptHandle, VisibilityTimeout: 0 }],
  }],
  [
    sqs.createQueue({
      queueName: "jobs.fifo",
      attributes: { FifoQueue: true, VisibilityTimeout: 60, Policy: "{}", DelaySeconds: undefined },
      tags: { team: "ramen" },
    }),
    {
      QueueName: "jobs.fifo",
      Attributes: { FifoQueue: "true", VisibilityTimeout: "60", Policy: "{}" },
      tags: { team: "ramen" },
    },
  ],
  [sqs.createQueue({ queueName: "jobs" }), { QueueName: "jobs" }],
  [sqs.deleteQueue({ queueUrl }), { QueueUrl: queueUrl }],
  [sqs.purgeQueue({ queueUrl }), { QueueUrl: queueUrl }],
  [sqs.getQueueUrl({ queueName: "jobs", queueOwnerAwsAccountId: "1" }), {
    QueueName: "jobs",
    QueueOwnerAWSAccountId: "1",
  }],
  [sqs.getQueueAttributes({ queueUrl }), { QueueUrl: queueUrl, AttributeNames: ["All"] }],
  [sqs.setQueueAttributes({ queueUrl, attributes: { DelaySeconds: 0, Policy: "" } }), {
    QueueUrl: queueUrl,
    Attributes: { DelaySeconds: "0", Policy: "" },
  }],
  [sqs.listQueues(), {}],
  [sqs.listQueues({ queueNamePrefix: "a", maxResults: 1000, nextToken: "t" }), {
    QueueNamePrefix: "a",
    MaxResults: 1000,
    NextToken: "t",
  }],
  [sqs.listDeadLetterSourceQueues({ queueUrl, maxResults: 1, nextToken: "t" }), {
    QueueUrl: queueUrl,
    MaxResults: 1,
    NextToken: "t",
  }],
  [sqs.tagQueue({ queueUrl, tags: { a: "b" } }), { QueueUrl: queueUrl, Tags: { a: "b" } }],
  [sqs.untagQueue({ queueUrl, tagKeys: ["a"] }), { QueueUrl: queueUrl, TagKeys: ["a"] }],
  [sqs.listQueueTags({ queueUrl }), { QueueUrl: queueUrl }],
  [sqs.addPermission({ queueUrl, label: "l", awsAccountIds: ["1"], actions: ["SendMessage"] }), {
    QueueUrl: queueUrl,
    Label: "l",
    AWSAccountIds: ["1"],
    Actions: ["SendMessage"],
  }],
  [sqs.removePermission({ queueUrl, label: "l" }), { QueueUrl: queueUrl, Label: "l" }],
  [sqs.startMessageMoveTask({ sourceArn, destinationArn: "arn:x", maxNumberOfMessagesPerSecond: 500 }), {
    SourceArn: sourceArn,
    DestinationArn: "arn:x",
    MaxNumberOfMessagesPerSecond: 500,
  }],
  [sqs.cancelMessageMoveTask({ taskHandle: "t" }), { TaskHandle: "t" }],
  [sqs.listMessageMoveTasks({ sourceArn, maxResults: 10 }), { SourceArn: sourceArn, MaxResults: 10 }],
];

Deno.test("each of SQS's 23 actions has a builder", () => {
  assert.equal(new Set(inputs.map(([request]) => request.action)).size, 23);
});

for (const [request, input] of inputs) {
  Deno.test(`${request.action}: the request is SQS's JSON protocol, ${Object.keys(input).length} fields`, () => {
    assert.deepEqual(JSON.parse(request.body), input);
    assert.equal(request.service, "sqs");
    assert.equal(request.method, "POST");
    assert.equal(request.path, "/");
    assert.deepEqual(request.headers, {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": `AmazonSQS.${request.action}`,
    });
    assert.equal(request.target, input.QueueUrl ?? input.SourceArn);
  });
}

const text = (length: number) => "a".repeat(length);
const wrong: [string, () => unknown, RegExp][] = [
  ["an empty body", () => sqs.sendMessage({ queueUrl, messageBody: "" }), /'messageBody'/],
  ["a body that is no text", () => sqs.sendMessage({ queueUrl, messageBody: 1 as never }), /'messageBody'/],
  ["a NUL", () => sqs.sendMessage({ queueUrl, messageBody: "ab\0" }), /'messageBody'.*U\+0000 at offset 2.*base64/],
  ["a lone surrogate", () => sqs.sendMessage({ queueUrl, messageBody: "\ud800" }), /U\+D800/],
  ["a U+FFFE", () => sqs.sendMessage({ queueUrl, messageBody: "\ufffe" }), /U\+FFFE/],
  [
    "a delay of 901",
    () => sqs.sendMessage({ queueUrl, messageBody: "x", delaySeconds: 901 }),
    /'delaySeconds'.*900.*901/,
  ],
  ["half a second", () => sqs.sendMessage({ queueUrl, messageBody: "x", delaySeconds: 0.5 }), /'delaySeconds'/],
  [
    "eleven attributes",
    () =>
      sqs.sendMessage({
        queueUrl,
        messageBody: "x",
        messageAttributes: Object.fromEntries(Array.from(text(11), (_, i) => [`a${i}`, attribute])),
      }),
    /'messageAttributes'.*10.*11/,
  ],
  [
    "an attribute that is neither plain nor typed",
    () =>
      sqs.sendMessageBatch({
        queueUrl,
        entries: [{ id: "a", messageBody: "x", messageAttributes: { a: { StringValue: "x" } as never } }],
      }),
    /'entries\.0\.messageAttributes\.a'.*typed form/,
  ],
  [
    "a long group",
    () => sqs.sendMessage({ queueUrl, messageBody: "x", messageGroupId: text(129) }),
    /'messageGroupId'/,
  ],
  ["an empty group", () => sqs.sendMessage({ queueUrl, messageBody: "x", messageGroupId: "" }), /'messageGroupId'/],
  [
    "a space in a deduplication id",
    () => sqs.sendMessage({ queueUrl, messageBody: "x", messageDeduplicationId: "a b" }),
    /'messageDeduplicationId'/,
  ],
  ["no tags", () => sqs.tagQueue({ queueUrl } as never), /'tags'/],
  ["a tag that is no text", () => sqs.tagQueue({ queueUrl, tags: { a: 1 as never } }), /'tags.a'/],
  [
    "a permission for nobody",
    () => sqs.addPermission({ queueUrl, label: "l", actions: ["SendMessage"] } as never),
    /'awsAccountIds'/,
  ],
  [
    "a permission for no list of actions",
    () => sqs.addPermission({ queueUrl, label: "l", awsAccountIds: ["1"], actions: "SendMessage" as never }),
    /'actions'/,
  ],
  ["no tag keys", () => sqs.untagQueue({ queueUrl } as never), /'tagKeys'/],
  ["no attributes to set", () => sqs.setQueueAttributes({ queueUrl } as never), /'attributes'/],
  ["no receipt handle", () => sqs.deleteMessage({ queueUrl, receiptHandle: "" }), /'receiptHandle'/],
  [
    "a visibility over 12 hours",
    () => sqs.changeMessageVisibility({ queueUrl, receiptHandle, visibilityTimeout: 43_201 }),
    /'visibilityTimeout'.*43200/,
  ],
  ["a wait of 21 s", () => sqs.receiveMessage({ queueUrl, waitTimeSeconds: 21 }), /'waitTimeSeconds'/],
  ["eleven messages", () => sqs.receiveMessage({ queueUrl, maxMessages: 11 }), /'maxMessages'/],
  ["a name with a dot", () => sqs.createQueue({ queueName: "a.b" }), /'queueName'/],
  ["a name of 81", () => sqs.getQueueUrl({ queueName: text(81) }), /'queueName'/],
  ["a FIFO name of 81", () => sqs.getQueueUrl({ queueName: text(76) + ".fifo" }), /'queueName'/],
  [
    "FIFO without .fifo",
    () => sqs.createQueue({ queueName: "a", attributes: { FifoQueue: true } }),
    /FifoQueue.*\.fifo/,
  ],
  [".fifo without FIFO", () => sqs.createQueue({ queueName: "a.fifo" }), /FifoQueue.*\.fifo/],
  [
    "an attribute that is an object",
    () => sqs.createQueue({ queueName: "a", attributes: { Policy: {} as never } }),
    /'attributes.Policy'.*JSON text/,
  ],
  ["a page of 1,001", () => sqs.listQueues({ maxResults: 1001 }), /'maxResults'/],
  ["a move of 501 a second", () => sqs.startMessageMoveTask({ sourceArn, maxNumberOfMessagesPerSecond: 501 }), /500/],
  ["eleven tasks", () => sqs.listMessageMoveTasks({ sourceArn, maxResults: 11 }), /'maxResults'/],
];

for (const [name, build, says] of wrong) {
  Deno.test(`a builder refuses ${name} at once`, () => {
    assert.throws(build, (error: Error) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, says);
      return true;
    });
  });
}

const about: Readonly<Record<string, string>> = {
  cancelMessageMoveTask: "taskHandle",
  createQueue: "queueName",
  getQueueUrl: "queueName",
  listMessageMoveTasks: "sourceArn",
  startMessageMoveTask: "sourceArn",
};

Deno.test("each builder says first that what it is about is missing", () => {
  for (const [name, build] of Object.entries<(options: never) => unknown>(sqs)) {
    if (name === "listQueues") continue;
    const message = new RegExp(`^Cannot use '${about[name] ?? "queueUrl"}' as it must be`);
    assert.throws(() => build({} as never), { name: "ConfigError", message }, name);
  }
});

Deno.test("sendMessage() takes every character that SQS takes", () => {
  const messageBody = "\t\n\r \x7f\x85é漢\ud7ff\ue000\ufffd😀\u{10ffff}";
  assert.equal(JSON.parse(sqs.sendMessage({ queueUrl, messageBody }).body).MessageBody, messageBody);
});

Deno.test("an answer that is not what SQS answers is an error with the path to what is wrong", async () => {
  const message = { MessageId: "1", ReceiptHandle: "AQEB", Body: "x" };
  const attribute = { DataType: "String", StringValue: "x" };
  const wrong: [unknown, string][] = [
    [null, ""],
    ["text", ""],
    [{ Messages: {} }, "Messages"],
    [{ Messages: ["text"] }, "Messages.0"],
    [{ Messages: [message, { ...message, Body: undefined }] }, "Messages.1.Body"],
    [{ Messages: [{ ...message, MessageId: 1 }] }, "Messages.0.MessageId"],
    [{ Messages: [{ ...message, ReceiptHandle: "" }] }, "Messages.0.ReceiptHandle"],
    [{ Messages: [{ ...message, MD5OfBody: 5 }] }, "Messages.0.MD5OfBody"],
    [{ Messages: [{ ...message, Attributes: [] }] }, "Messages.0.Attributes"],
    [{ Messages: [{ ...message, Attributes: { SentTimestamp: 1 } }] }, "Messages.0.Attributes.SentTimestamp"],
    [{ Messages: [{ ...message, MessageAttributes: { a: {} } }] }, "Messages.0.MessageAttributes.a"],
    [
      { Messages: [{ ...message, MessageAttributes: { a: { ...attribute, StringValue: null } } }] },
      "Messages.0.MessageAttributes.a",
    ],
  ];
  const parse = (json: unknown) => sqs.receiveMessage({ queueUrl }).parse(new Response(JSON.stringify(json)));
  for (const [json, path] of wrong) {
    await assert.rejects(
      parse(json),
      (error: AwsError) =>
        error.awsCode === "InvalidAnswer" && error.message.includes(`its '${path}' is not what SQS answers`),
    );
  }
  const odd = {
    ...message,
    MD5OfBody: null,
    Attributes: null,
    MessageAttributes: { ["__proto__"]: attribute },
    More: 1,
  };
  assert.equal((await parse({ Messages: [odd] })).messages.length, 1);
  assert.deepEqual((await parse({ Messages: null })).messages, []);
});
