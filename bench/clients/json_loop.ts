/**
 * The loop of the clients that are a `fetch` and nothing more: SQS's JSON protocol by hand.
 *
 * @module
 */
import { byHand, queueUrls, run, sendByHand, type Task } from "../harness.ts";
import { envelope } from "../order.ts";

interface Answer {
  readonly Messages?: readonly { readonly ReceiptHandle: string }[];
}

/** Runs the loop over a `fetch`, which may sign. */
export async function runJsonLoop(fetch: (url: string, init: RequestInit) => Promise<Response>): Promise<void> {
  async function post(endpoint: string, action: string, input: unknown): Promise<Answer> {
    const response = await fetch(endpoint, {
      method: "POST",
      headers: { "content-type": "application/x-amz-json-1.0", "x-amz-target": `AmazonSQS.${action}` },
      body: JSON.stringify(input),
    });
    return JSON.parse(await response.text());
  }

  await run({
    consume: (task: Task) =>
      byHand(
        task,
        queueUrls(task),
        async (QueueUrl) => {
          const input = { QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 20 };
          return (await post(task.endpoint, "ReceiveMessage", input)).Messages ?? [];
        },
        (QueueUrl, messages) => {
          const Entries = messages.map(({ ReceiptHandle }, at) => ({ Id: String(at), ReceiptHandle }));
          return post(task.endpoint, "DeleteMessageBatch", { QueueUrl, Entries });
        },
      ),
    publish: (task: Task) => {
      const [QueueUrl] = queueUrls(task);
      const MessageBody = envelope(123_456);
      return sendByHand(task, () => {
        const Entries = Array.from({ length: 10 }, (_, at) => ({ Id: String(at), MessageBody }));
        return post(task.endpoint, "SendMessageBatch", { QueueUrl, Entries });
      });
    },
  });
}
