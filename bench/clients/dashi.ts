/** This library: `consume` signs, checks, decodes kombu's envelope and acks in batches; `publishAll` encodes it. */
import { connect, consume, publishAll } from "@dashi/sqs";
import { count, CREDENTIALS, queueUrls, REGION, run, type Task } from "../harness.ts";
import { HEADERS, order } from "../order.ts";

const brokerOf = ({ endpoint, checkMd5 }: Task) =>
  connect({ region: REGION, endpoint, credentials: CREDENTIALS, checkMd5 });

await run({
  consume: async (task: Task) => {
    const { polls } = task;
    const urls = queueUrls(task);
    // Room for the acks on their way beside what the receives under way may bring: neither holds the other up.
    const prefetch = 40 * Math.max(polls, urls.length);
    for await (
      const delivery of consume(brokerOf(task), urls, { polls, prefetch })
    ) {
      if (!delivery.body) throw new Error("a message was not decoded");
      count(1);
      delivery.ack();
    }
  },
  publish: async (task: Task) => {
    const [queue] = queueUrls(task);
    function* orders() {
      for (let id = 0;; id++) yield { body: order(id) };
    }
    const options = { queue, headers: HEADERS, concurrency: task.polls };
    for await (
      const { error } of publishAll(brokerOf(task), orders(), options)
    ) {
      if (error) throw error;
      count(1);
    }
  },
});
