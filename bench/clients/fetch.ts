/** The floor: `fetch` without a signature, `JSON.parse`, batched deletes; bodies stay as they are. */
import { byHand, queueUrls, run, sendByHand, type Task, written } from "../harness.ts";

interface Answer {
  readonly Messages?: readonly { readonly ReceiptHandle: string }[];
}

async function post(
  endpoint: string,
  action: string,
  input: unknown,
): Promise<Answer> {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": `AmazonSQS.${action}`,
    },
    body: JSON.stringify(input),
  });
  return JSON.parse(await response.text());
}

await run({
  consume: (task: Task) =>
    byHand(
      task,
      queueUrls(task),
      async (QueueUrl) =>
        (await post(task.endpoint, "ReceiveMessage", {
          QueueUrl,
          MaxNumberOfMessages: 10,
          WaitTimeSeconds: 20,
        }))
          .Messages ?? [],
      (QueueUrl, messages) =>
        post(task.endpoint, "DeleteMessageBatch", {
          QueueUrl,
          Entries: messages.map(({ ReceiptHandle }, at) => ({
            Id: String(at),
            ReceiptHandle,
          })),
        }),
    ),
  publish: (task: Task) => {
    const [QueueUrl] = queueUrls(task);
    const MessageBody = written();
    return sendByHand(task, () =>
      post(task.endpoint, "SendMessageBatch", {
        QueueUrl,
        Entries: Array.from(
          { length: 10 },
          (_, at) => ({ Id: String(at), MessageBody }),
        ),
      }));
  },
});
