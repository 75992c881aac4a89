import assert from "node:assert/strict";
import { connect } from "../../lib/connect.ts";
import { type AwsError, DoesNotExistQueueError, ReceiptExpiredError } from "../../lib/errors.ts";
import { send } from "../../lib/http/send.ts";
import * as sqs from "../../lib/sqs/mod.ts";
import { memorySqs } from "../../lib/testing/mod.ts";
import type { AwsRequest, Broker } from "../../lib/types.ts";
import { startServer } from "../support/fauxqs.ts";

/** Runs a test at a server of its own. */
type Use = (work: (broker: Broker) => Promise<void>) => Promise<void>;

const servers: Record<string, Use> = {
  async fauxqs(work) {
    await using server = await startServer();
    await work(connect(server.options));
  },
  async memorySqs(work) {
    await work(connect(memorySqs().connectOptions));
  },
};

for (const [server, use] of Object.entries(servers)) {
  const test = (name: string, work: (ask: <T>(request: AwsRequest<T>) => Promise<T>) => Promise<void>) =>
    Deno.test(`${server}: ${name}`, () => use((broker) => work((request) => send(broker, request))));

  test("queues are created, found, listed, described, changed, tagged and deleted", async (ask) => {
    const attributes = { VisibilityTimeout: 60 };
    const { queueUrl } = await ask(sqs.createQueue({ queueName: "jobs", attributes, tags: { team: "ramen" } }));
    assert.match(queueUrl, /\/jobs$/);
    assert.deepEqual(await ask(sqs.getQueueUrl({ queueName: "jobs" })), { queueUrl });
    await ask(sqs.createQueue({ queueName: "other" }));
    const { queueUrls } = await ask(sqs.listQueues({ queueNamePrefix: "jo" }));
    assert.deepEqual(queueUrls, [queueUrl]);

    await ask(sqs.setQueueAttributes({ queueUrl, attributes: { DelaySeconds: 1 } }));
    const described = await ask(sqs.getQueueAttributes({ queueUrl }));
    assert.equal(described.attributes.VisibilityTimeout, "60");
    assert.equal(described.attributes.DelaySeconds, "1");
    const one = await ask(sqs.getQueueAttributes({ queueUrl, attributeNames: ["QueueArn"] }));
    assert.deepEqual(Object.keys(one.attributes), ["QueueArn"]);

    await ask(sqs.tagQueue({ queueUrl, tags: { stage: "test", gone: "soon" } }));
    await ask(sqs.untagQueue({ queueUrl, tagKeys: ["gone"] }));
    assert.deepEqual(await ask(sqs.listQueueTags({ queueUrl })), { tags: { team: "ramen", stage: "test" } });

    assert.equal(await ask(sqs.deleteQueue({ queueUrl })), undefined);
    await assert.rejects(ask(sqs.getQueueUrl({ queueName: "jobs" })), DoesNotExistQueueError);
  });

  test("a message is sent, received, kept hidden, given back and deleted", async (ask) => {
    const { queueUrl } = await ask(sqs.createQueue({ queueName: "jobs" }));
    const sent = await ask(sqs.sendMessage({
      queueUrl,
      messageBody: "two bowls of 拉麺",
      messageAttributes: {
        size: { DataType: "Number", StringValue: "2" },
        raw: { DataType: "Binary", BinaryValue: "AAE=" },
      },
    }));
    assert.match(sent.md5OfMessageBody!, /^[\da-f]{32}$/);
    assert.match(sent.md5OfMessageAttributes!, /^[\da-f]{32}$/);
    const receive = sqs.receiveMessage({ queueUrl, systemAttributes: ["All"], messageAttributes: ["All"] });
    const { messages: [message] } = await ask(receive);
    assert.deepEqual(
      [message.MessageId, message.Body, message.MD5OfBody, message.MD5OfMessageAttributes],
      [sent.messageId, "two bowls of 拉麺", sent.md5OfMessageBody, sent.md5OfMessageAttributes],
    );
    assert.equal(message.Attributes?.ApproximateReceiveCount, "1");
    assert.equal(message.MessageAttributes?.size.StringValue, "2");
    assert.equal(message.MessageAttributes?.raw.BinaryValue, "AAE=");
    assert.deepEqual(await ask(receive), { messages: [] });

    const receiptHandle = message.ReceiptHandle;
    await ask(sqs.changeMessageVisibility({ queueUrl, receiptHandle, visibilityTimeout: 100 }));
    assert.deepEqual(await ask(receive), { messages: [] });
    await ask(sqs.changeMessageVisibility({ queueUrl, receiptHandle, visibilityTimeout: 0 }));
    const { messages: [again] } = await ask(receive);
    assert.equal(again.Attributes?.ApproximateReceiveCount, "2");
    assert.equal(await ask(sqs.deleteMessage({ queueUrl, receiptHandle: again.ReceiptHandle })), undefined);
    const { attributes } = await ask(sqs.getQueueAttributes({ queueUrl }));
    assert.equal(attributes.ApproximateNumberOfMessagesNotVisible, "0");
  });

  test("batches of ten are sent, hidden, given back and deleted, and failed entries are told", async (ask) => {
    const { queueUrl } = await ask(sqs.createQueue({ queueName: "jobs" }));
    const ids = Array.from({ length: 10 }, (_, index) => `id-${index}`);
    const sent = await ask(
      sqs.sendMessageBatch({ queueUrl, entries: ids.map((id) => ({ id, messageBody: `body of ${id}` })) }),
    );
    assert.deepEqual(sent.successful.map(({ id }) => id), ids);
    assert.equal(new Set(sent.successful.map(({ messageId }) => messageId)).size, 10);
    assert.deepEqual(sent.failed, []);
    const { messages } = await ask(sqs.receiveMessage({ queueUrl }));
    assert.equal(messages.length, 10);
    const entries = messages.map(({ ReceiptHandle }, index) => ({ id: ids[index], receiptHandle: ReceiptHandle }));
    const hidden = await ask(sqs.changeMessageVisibilityBatch({
      queueUrl,
      entries: entries.map((entry) => ({ ...entry, visibilityTimeout: 100 })),
    }));
    assert.deepEqual([hidden.successful.length, hidden.failed], [10, []]);
    const deleted = await ask(sqs.deleteMessageBatch({ queueUrl, entries: entries.slice(0, 9) }));
    assert.deepEqual(deleted, { successful: ids.slice(0, 9).map((id) => ({ id })), failed: [] });
    const mixed = await ask(sqs.changeMessageVisibilityBatch({
      queueUrl,
      entries: [{ ...entries[9], visibilityTimeout: 0 }, { id: "bad", receiptHandle: "no", visibilityTimeout: 0 }],
    }));
    assert.deepEqual(mixed.successful, [{ id: "id-9" }]);
    assert.deepEqual(mixed.failed.map(({ id, senderFault }) => [id, senderFault]), [["bad", true]]);
  });

  test("a FIFO queue numbers its messages and knows one it has", async (ask) => {
    const { queueUrl } = await ask(sqs.createQueue({ queueName: "jobs.fifo", attributes: { FifoQueue: true } }));
    const message = { queueUrl, messageBody: "x", messageGroupId: "g", messageDeduplicationId: "d" };
    const first = await ask(sqs.sendMessage(message));
    const second = await ask(sqs.sendMessage(message));
    assert.match(first.sequenceNumber!, /^\d{20}$/);
    assert.equal(second.messageId, first.messageId);
    const { messages } = await ask(
      sqs.receiveMessage({ queueUrl, systemAttributes: ["MessageGroupId"], receiveRequestAttemptId: "r" }),
    );
    assert.deepEqual(messages.map(({ Attributes }) => Attributes?.MessageGroupId), ["g"]);
  });

  test("a purged queue is empty", async (ask) => {
    const { queueUrl } = await ask(sqs.createQueue({ queueName: "jobs" }));
    await ask(sqs.sendMessage({ queueUrl, messageBody: "x" }));
    assert.equal(await ask(sqs.purgeQueue({ queueUrl })), undefined);
    assert.deepEqual(await ask(sqs.receiveMessage({ queueUrl })), { messages: [] });
  });

  test("what is wrong is a typed error", async (ask) => {
    const { queueUrl } = await ask(sqs.createQueue({ queueName: "jobs" }));
    const gone = queueUrl.replace(/jobs$/, "gone");
    await assert.rejects(ask(sqs.receiveMessage({ queueUrl: gone })), DoesNotExistQueueError);
    const hide = sqs.changeMessageVisibility({ queueUrl, receiptHandle: "no", visibilityTimeout: 1 });
    await assert.rejects(ask(hide), ReceiptExpiredError);
    const other = sqs.createQueue({ queueName: "jobs", attributes: { VisibilityTimeout: 7 } });
    await assert.rejects(ask(other), (error: AwsError) => error.awsCode === "QueueNameExists");
  });
}

Deno.test("memorySqs: permissions, dead-letter sources and move tasks go there and back", () =>
  servers.memorySqs(async (broker) => {
    const ask = <T>(request: AwsRequest<T>): Promise<T> => send(broker, request);
    const dead = await ask(sqs.createQueue({ queueName: "dead" }));
    const { attributes: { QueueArn: sourceArn } } = await ask(sqs.getQueueAttributes(dead));
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: sourceArn, maxReceiveCount: 1 });
    const jobs = await ask(sqs.createQueue({ queueName: "jobs", attributes: { RedrivePolicy } }));
    assert.deepEqual((await ask(sqs.listDeadLetterSourceQueues(dead))).queueUrls, [jobs.queueUrl]);

    await ask(
      sqs.addPermission({ ...jobs, label: "partner", awsAccountIds: ["123456789012"], actions: ["SendMessage"] }),
    );
    const policy = async () => (await ask(sqs.getQueueAttributes(jobs))).attributes.Policy ?? "";
    assert.match(await policy(), /partner/);
    await ask(sqs.removePermission({ ...jobs, label: "partner" }));
    assert.doesNotMatch(await policy(), /partner/);

    const { attributes: { QueueArn: destinationArn } } = await ask(sqs.getQueueAttributes(jobs));
    for (const messageBody of ["x", "y"]) await ask(sqs.sendMessage({ ...dead, messageBody }));
    const { taskHandle } = await ask(
      sqs.startMessageMoveTask({ sourceArn, destinationArn, maxNumberOfMessagesPerSecond: 1 }),
    );
    const { tasks: [task] } = await ask(sqs.listMessageMoveTasks({ sourceArn }));
    assert.equal(task.sourceArn, sourceArn);
    assert.equal(task.destinationArn, destinationArn);
    assert.equal(task.startedAt instanceof Date, true);
    assert.deepEqual([task.status, task.taskHandle], ["RUNNING", taskHandle]);
    const { approximateNumberOfMessagesMoved } = await ask(sqs.cancelMessageMoveTask({ taskHandle }));
    assert.equal(approximateNumberOfMessagesMoved, 0);
    assert.equal((await ask(sqs.listMessageMoveTasks({ sourceArn }))).tasks[0].status, "CANCELLED");
  }));

Deno.test("what SQS leaves out of an answer is empty, and a list has the token of its next page", async () => {
  const queueUrl = "https://sqs.eu-west-1.amazonaws.com/1/jobs";
  const read = <T>({ parse }: AwsRequest<T>, json: unknown) => parse(new Response(JSON.stringify(json)));
  const nothing = { queueUrls: [], nextToken: undefined };
  const page = { queueUrls: [queueUrl], nextToken: "more" };
  for (const left of [{}, { QueueUrls: null, queueUrls: null, NextToken: null }]) {
    assert.deepEqual(await read(sqs.listQueues(), left), nothing);
    assert.deepEqual(await read(sqs.listDeadLetterSourceQueues({ queueUrl }), left), nothing);
  }
  assert.deepEqual(await read(sqs.listQueues(), { QueueUrls: [queueUrl], NextToken: "more" }), page);
  const sources = { queueUrls: [queueUrl], NextToken: "more" };
  assert.deepEqual(await read(sqs.listDeadLetterSourceQueues({ queueUrl }), sources), page);
  assert.deepEqual(await read(sqs.getQueueAttributes({ queueUrl }), {}), { attributes: {} });
  assert.deepEqual(await read(sqs.listQueueTags({ queueUrl }), {}), { tags: {} });
  assert.deepEqual(await read(sqs.receiveMessage({ queueUrl }), {}), { messages: [] });
  assert.deepEqual(await read(sqs.cancelMessageMoveTask({ taskHandle: "t" }), {}), {
    approximateNumberOfMessagesMoved: 0,
  });
  const { tasks } = await read(sqs.listMessageMoveTasks({ sourceArn: "arn" }), { Results: [{ Status: "RUNNING" }] });
  assert.deepEqual(JSON.parse(JSON.stringify(tasks)), [{ status: "RUNNING", approximateNumberOfMessagesMoved: 0 }]);
});

Deno.test("move tasks are read as SQS writes them", async () => {
  const sourceArn = "arn:aws:sqs:eu-west-1:1:dead";
  const answer = (json: unknown) => new Response(JSON.stringify(json));
  const { tasks } = await sqs.listMessageMoveTasks({ sourceArn }).parse(answer({
    Results: [{
      ...{ Status: "FAILED", FailureReason: "CouldNotDetermineMessageSource", SourceArn: sourceArn },
      ...{ ApproximateNumberOfMessagesMoved: 3, ApproximateNumberOfMessagesToMove: 5, StartedTimestamp: 1442428276921 },
      ...{ DestinationArn: null, MaxNumberOfMessagesPerSecond: null, TaskHandle: null },
    }],
  }));
  assert.deepEqual(JSON.parse(JSON.stringify(tasks)), [{
    status: "FAILED",
    sourceArn,
    approximateNumberOfMessagesMoved: 3,
    approximateNumberOfMessagesToMove: 5,
    failureReason: "CouldNotDetermineMessageSource",
    startedAt: "2015-09-16T18:31:16.921Z",
  }]);
  assert.deepEqual(await sqs.listMessageMoveTasks({ sourceArn }).parse(answer({})), { tasks: [] });
  const started = sqs.startMessageMoveTask({ sourceArn }).parse(answer({ TaskHandle: "t" }));
  assert.deepEqual(await started, { taskHandle: "t" });
  const cancelled = sqs.cancelMessageMoveTask({ taskHandle: "t" }).parse(
    answer({ ApproximateNumberOfMessagesMoved: 3 }),
  );
  assert.deepEqual(await cancelled, { approximateNumberOfMessagesMoved: 3 });
});
