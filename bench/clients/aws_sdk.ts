/** The AWS SDK v3's client in a loop by hand: it signs, checks MD5s and reads JSON; bodies stay as they are. */
import {
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { byHand, CREDENTIALS, queueUrls, REGION, run, sendByHand, type Task } from "../harness.ts";
import { envelope } from "../order.ts";

const clientOf = ({ endpoint }: Task) => new SQSClient({ region: REGION, endpoint, credentials: CREDENTIALS });

await run({
  consume: (task: Task) => {
    const client = clientOf(task);
    return byHand<Message>(
      task,
      queueUrls(task),
      async (QueueUrl) => {
        const input = {
          QueueUrl,
          MaxNumberOfMessages: 10,
          WaitTimeSeconds: 20,
        };
        return (await client.send(new ReceiveMessageCommand(input))).Messages ??
          [];
      },
      (QueueUrl, messages) =>
        client.send(
          new DeleteMessageBatchCommand({
            QueueUrl,
            Entries: messages.map(({ ReceiptHandle }, at) => ({
              Id: String(at),
              ReceiptHandle,
            })),
          }),
        ),
    );
  },
  publish: (task: Task) => {
    const client = clientOf(task);
    const [QueueUrl] = queueUrls(task);
    const MessageBody = envelope(123_456);
    return sendByHand(task, () =>
      client.send(
        new SendMessageBatchCommand({
          QueueUrl,
          Entries: Array.from(
            { length: 10 },
            (_, at) => ({ Id: String(at), MessageBody }),
          ),
        }),
      ));
  },
});
