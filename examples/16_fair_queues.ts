/**
 * Message groups, in kombu's three cases: a FIFO queue without one, a standard queue without, and a standard queue with.
 * On a standard queue the group makes SQS share the queue fairly: a tenant with a million messages does not hold up one
 * with three. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
 *
 *     deno run -A examples/16_fair_queues.ts
 */
import { connect, consume, declareQueue, publish } from "@dashi/sqs";
import { memorySqs } from "@dashi/sqs/testing";

const broker = connect(memorySqs().connectOptions);
for (const queue of ["jobs.fifo", "jobs"]) await declareQueue(broker, queue);

await publish(broker, "FIFO without a group", { queue: "jobs.fifo" });
await publish(broker, "standard without", { queue: "jobs" });
await publish(broker, "standard with", { queue: "jobs", groupId: "customer-123" });
await publish(broker, "standard with, in kombu's words", {
  queue: "jobs",
  properties: { MessageGroupId: "customer-123" },
});

const lines: string[] = [];
for await (const delivery of consume(broker, ["jobs.fifo", "jobs"], { maxMessages: 4 })) {
  lines.push(`${delivery.body}: ${delivery.groupId ?? "no group"}`);
  await delivery.ack();
}
console.log(lines.sort().join("\n"));
