import assert from "node:assert/strict";
import { memorySqs } from "../../lib/testing/mod.ts";
import { type Output, rawSqs } from "./raw_sqs.ts";

const arn = (name: string) => `arn:aws:sqs:us-east-1:000000000000:${name}`;

function setUp(maxReceiveCount = 2) {
  const sqs = memorySqs();
  const deadUrl = sqs.createQueue("dead");
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: arn("dead"), maxReceiveCount });
  const QueueUrl = sqs.createQueue("jobs", { RedrivePolicy, VisibilityTimeout: 1 });
  return { sqs, QueueUrl, deadUrl, ...rawSqs(sqs.fetch) };
}

Deno.test("memorySqs() moves a message to its dead-letter queue at the receive after the last one", async () => {
  const { sqs, QueueUrl, deadUrl, call } = setUp(2);
  await sqs.sendMessage("jobs", "poison");
  for (let receive = 0; receive < 2; receive++) {
    assert.equal((await call("ReceiveMessage", { QueueUrl })).Messages.length, 1);
    await sqs.clock.advance(1);
  }
  assert.equal(sqs.messages("jobs").length, 1, "it moves at a receive, not before");
  assert.deepEqual(await call("ReceiveMessage", { QueueUrl }), {});
  assert.equal(sqs.messages("jobs").length, 0);
  const { Messages: [message] } = await call("ReceiveMessage", { QueueUrl: deadUrl, AttributeNames: ["All"] });
  assert.equal(message.Body, "poison");
  assert.equal(message.Attributes.DeadLetterQueueSourceArn, arn("jobs"));
  assert.equal(message.Attributes.SentTimestamp, String(Date.UTC(2030, 0, 1)));
  assert.deepEqual(await call("ListDeadLetterSourceQueues", { QueueUrl: deadUrl }), { queueUrls: [QueueUrl] });
});

Deno.test("memorySqs() checks a redrive policy", async () => {
  const { QueueUrl, refusal, call } = setUp();
  const set = async (policy: object) => {
    const Attributes = { RedrivePolicy: JSON.stringify(policy) };
    return (await refusal("SetQueueAttributes", { QueueUrl, Attributes })).message;
  };
  assert.match(await set({ deadLetterTargetArn: arn("none"), maxReceiveCount: 1 }), /does not exist/);
  assert.match(await set({ deadLetterTargetArn: arn("dead"), maxReceiveCount: 0 }), /maxReceiveCount/);
  assert.match(await set({ maxReceiveCount: 1 }), /mandatory/);
  await call("CreateQueue", { QueueName: "dead.fifo", Attributes: { FifoQueue: "true" } });
  assert.match(await set({ deadLetterTargetArn: arn("dead.fifo"), maxReceiveCount: 1 }), /same type/);
  await call("SetQueueAttributes", { QueueUrl, Attributes: { RedrivePolicy: "" } });
  assert.deepEqual(await call("GetQueueAttributes", { QueueUrl, AttributeNames: ["RedrivePolicy"] }), {});
});

Deno.test("memorySqs() moves messages back in virtual time, at the rate of the task", async () => {
  const { sqs, QueueUrl, call, refusal } = setUp(1);
  for (let i = 0; i < 5; i++) await sqs.sendMessage("jobs", String(i));
  await call("ReceiveMessage", { QueueUrl, MaxNumberOfMessages: 10 });
  await sqs.clock.advance(1);
  await call("ReceiveMessage", { QueueUrl });
  assert.equal(sqs.messages("dead").length, 5);
  const SourceArn = arn("dead");
  const { TaskHandle } = await call("StartMessageMoveTask", { SourceArn, MaxNumberOfMessagesPerSecond: 2 });
  await sqs.clock.advance(1);
  const { Results: [running] } = await call("ListMessageMoveTasks", { SourceArn });
  assert.deepEqual([running.Status, running.TaskHandle, running.ApproximateNumberOfMessagesMoved], [
    "RUNNING",
    TaskHandle,
    2,
  ]);
  assert.match((await refusal("StartMessageMoveTask", { SourceArn })).message, /already a task running/);
  assert.deepEqual(await call("CancelMessageMoveTask", { TaskHandle }), { ApproximateNumberOfMessagesMoved: 2 });
  await sqs.clock.advance(10);
  assert.equal(sqs.messages("dead").length, 3);
  await call("StartMessageMoveTask", { SourceArn });
  await sqs.clock.advance(2);
  assert.deepEqual(sqs.messages("jobs").map(({ receiveCount }) => receiveCount), [0, 0, 0, 0, 0]);
  const { Results } = await call("ListMessageMoveTasks", { SourceArn, MaxResults: 10 });
  assert.deepEqual(Results.map(({ Status }: Output) => Status), ["COMPLETED", "CANCELLED"]);
  assert.equal((await refusal("StartMessageMoveTask", { SourceArn: arn("none") })).code, "ResourceNotFoundException");
});

Deno.test("memorySqs() ends a task whose destination is deleted, and says why", async () => {
  const { sqs, QueueUrl, call } = setUp(1);
  for (let i = 0; i < 3; i++) await sqs.sendMessage("jobs", String(i));
  await call("ReceiveMessage", { QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 0 });
  await call("ReceiveMessage", { QueueUrl });
  const there = await call("CreateQueue", { QueueName: "there" });
  const SourceArn = arn("dead");
  const task = { SourceArn, DestinationArn: arn("there"), MaxNumberOfMessagesPerSecond: 1 };
  await call("StartMessageMoveTask", task);
  await sqs.clock.advance(1);
  await call("DeleteQueue", there);
  await sqs.clock.advance(1);
  const { Results: [{ Status, FailureReason, ApproximateNumberOfMessagesMoved }] } = await call(
    "ListMessageMoveTasks",
    {
      SourceArn,
    },
  );
  assert.deepEqual([Status, FailureReason, ApproximateNumberOfMessagesMoved], [
    "FAILED",
    "AWS.SimpleQueueService.NonExistentQueue",
    1,
  ]);
});

Deno.test("memorySqs() tells a move task's handle that is none from one of a queue or a task that is not there", async () => {
  const { refusal } = setUp();
  const cancel = async (TaskHandle: string) => {
    const { code, status, message } = await refusal("CancelMessageMoveTask", { TaskHandle });
    return [code, status, message];
  };
  const handle = (name: string) => btoa(JSON.stringify({ taskId: "1", sourceArn: arn(name) }));
  const none = "Value for parameter TaskHandle is invalid.";
  assert.deepEqual(await cancel("none"), ["InvalidParameterValueException", 400, none]);
  const gone = "The resource that you specified for the SourceArn parameter doesn't exist.";
  assert.deepEqual(await cancel(handle("gone")), ["ResourceNotFoundException", 404, gone]);
  assert.deepEqual(await cancel(handle("dead")), ["ResourceNotFoundException", 404, "Task does not exist."]);
});

Deno.test("memorySqs() has no end of moves where a queue is its own dead-letter queue, which SQS takes", async () => {
  const { sqs, call, deadUrl: QueueUrl } = setUp();
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: arn("dead"), maxReceiveCount: 1 });
  await call("SetQueueAttributes", { QueueUrl, Attributes: { RedrivePolicy } });
  await sqs.sendMessage("dead", "a");
  for (let receive = 1; receive <= 3; receive++) {
    const { Messages: [{ Body }] } = await call("ReceiveMessage", { QueueUrl, VisibilityTimeout: 0 });
    assert.deepEqual([Body, sqs.messages("dead")[0].receiveCount], ["a", receive]);
  }
});
