/**
 * One message into a queue and out of it. On AWS the broker is `connect({ region: "eu-west-1" })`; the rest stays.
 *
 *     deno run -A examples/01_publish_and_consume.ts
 */
import { connect, consume, declareQueue, publish } from "@dashi/sqs";
import { memorySqs } from "@dashi/sqs/testing";

const broker = connect(memorySqs().connectOptions);
await declareQueue(broker, "orders");

const { messageId } = await publish(broker, { id: 1, item: "kelp" }, { queue: "orders" });

for await (const delivery of consume(broker, "orders", { maxMessages: 1 })) {
  console.log(delivery.body, delivery.messageId === messageId ? "is the message that was sent" : "is another one");
  await delivery.ack();
}
