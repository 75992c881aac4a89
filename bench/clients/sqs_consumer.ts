/** sqs-consumer: one consumer a poll, batches of ten, bodies as they are. */
import { SQSClient } from "@aws-sdk/client-sqs";
import { Consumer } from "sqs-consumer";
import { count, CREDENTIALS, queueUrls, REGION, run, type Task } from "../harness.ts";

await run({
  consume: (task: Task) => {
    const sqs = new SQSClient({
      region: REGION,
      endpoint: task.endpoint,
      credentials: CREDENTIALS,
    });
    const urls = queueUrls(task);
    for (let at = 0; at < Math.max(task.polls, urls.length); at++) {
      const consumer = Consumer.create({
        sqs,
        queueUrl: urls[at % urls.length],
        batchSize: 10,
        waitTimeSeconds: 20,
        handleMessageBatch: (messages) => {
          count(messages.length);
          return Promise.resolve(messages);
        },
      });
      consumer.on("error", (error) => {
        throw error;
      });
      consumer.start();
    }
    return new Promise(() => {});
  },
});
