/** squiss-ts: one instance a poll, batches of ten, bodies read as plain text. */
import { Squiss } from "squiss-ts";
import { count, CREDENTIALS, queueUrls, REGION, run, type Task } from "../harness.ts";

await run({
  consume: async (task: Task) => {
    const urls = queueUrls(task);
    for (let at = 0; at < Math.max(task.polls, urls.length); at++) {
      const squiss = new Squiss({
        awsConfig: {
          region: REGION,
          endpoint: task.endpoint,
          credentials: CREDENTIALS,
        },
        queueUrl: urls[at % urls.length],
        bodyFormat: "plain",
        receiveBatchSize: 10,
        deleteBatchSize: 10,
        receiveWaitTimeSecs: 20,
        activePollIntervalMs: 0,
        deleteWaitMs: 10,
        maxInFlight: 20,
      });
      squiss.on("message", (message) => {
        count(1);
        message.del();
      });
      squiss.on("error", (error: Error) => {
        throw error;
      });
      await squiss.start();
    }
    return await new Promise(() => {});
  },
});
