/**
 * Fanout: an exchange that is an SNS topic, and every queue that is bound gets each message. The server is fauxqs, an SQS
 * and SNS inside this process; on AWS leave `server.options` out.
 *
 *     deno run -A examples/07_fanout.ts
 */
import { bind, connect, declareExchange, declareQueue, deleteExchange, get, publish } from "@dashi/sqs";
import { snsFanout } from "@dashi/sqs/fanout";
import { startServer } from "../tests/support/fauxqs.ts";

await using server = await startServer();
const broker = connect({ ...server.options, fanout: snsFanout() });

await declareExchange(broker, "news", { type: "fanout" });
for (const queue of ["mail", "search"]) {
  await declareQueue(broker, queue);
  await bind(broker, queue, { exchange: "news" }); // makes the topic, the subscription and the queue's policy
}

const { sent } = await publish(broker, { title: "Dashi" }, { exchange: "news", messageAttributes: { lang: "en" } });
console.log("sent to", sent[0].topic);

for (const queue of ["mail", "search"]) {
  const delivery = await get(broker, queue);
  console.log(queue, "got", delivery?.body, delivery?.messageAttributes.lang);
  await delivery?.ack();
}
await deleteExchange(broker, "news"); // the queues stay
