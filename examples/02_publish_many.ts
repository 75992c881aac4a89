/**
 * A thousand messages in a hundred requests: `publishAll` fills the batches and gives one result for each message.
 *
 *     deno run -A examples/02_publish_many.ts
 */
import { connect, declareQueue, publishAll, queueSize } from "@dashi/sqs";
import { memorySqs } from "@dashi/sqs/testing";

const broker = connect(memorySqs().connectOptions);
await declareQueue(broker, "orders");

function* orders() {
  for (let id = 0; id < 1000; id++) yield { body: { id } };
  yield { body: { id: 1000, note: "x".repeat(2 ** 20) } }; // larger than SQS takes: it fails alone
}

const before = broker.requests;
let sent = 0;
for await (const { error } of publishAll(broker, orders(), { queue: "orders", concurrency: 4 })) {
  if (error) console.log(`${error.name}: ${error.message}`);
  else sent++;
}

const { visible } = await queueSize(broker, "orders");
console.log(`${sent} sent in ${broker.requests - before - 1} requests, ${visible} in the queue`);
