/**
 * Several queues under one prefetch. Priorities are queues: `"strict"` empties the higher one first, `"weighted"` gives
 * each its share, and a long poll on an empty queue never delays a full one.
 *
 *     deno run -A examples/11_priorities.ts
 */
import { connect, consume, declareQueue, publishMany } from "@dashi/sqs";
import { memorySqs } from "@dashi/sqs/testing";

const broker = connect(memorySqs().connectOptions);
for (const queue of ["urgent", "normal", "bulk"]) {
  await declareQueue(broker, queue);
  await publishMany(broker, Array.from({ length: 100 }, (_, id) => ({ body: { id } })), { queue });
}

const strict = [{ queue: "bulk", priority: -1 }, { queue: "normal" }, { queue: "urgent", priority: 1 }];
const order: string[] = [];
for await (const delivery of consume(broker, strict, { strategy: "strict", maxMessages: 150 })) {
  if (delivery.queue !== order.at(-1)) order.push(delivery.queue);
  await delivery.ack();
}
console.log("strict:", order.join(", then "));

const weighted = [{ queue: "bulk", weight: 3 }, { queue: "normal", weight: 1 }];
const counts: Record<string, number> = { bulk: 0, normal: 0 };
for await (const delivery of consume(broker, weighted, { strategy: "weighted", maxMessages: 40 })) {
  counts[delivery.queue]++;
  await delivery.ack();
}
console.log("weighted:", counts.bulk > 2 * counts.normal ? "bulk goes about three times as often" : counts);
