/**
 * A delay, an expiration, message attributes and headers. Time is the model's, so nobody waits.
 *
 *     deno run -A examples/03_delay_expiration_attributes.ts
 */
import { connect, consume, declareQueue, publish } from "@dashi/sqs";
import { memorySqs } from "@dashi/sqs/testing";

const sqs = memorySqs();
const broker = connect({
  ...sqs.connectOptions,
  fetchAttributes: { message: ["tenant", "priority"] },
  onEvent: (event) => event.type === "drop" && console.log(`dropped, as it was ${event.reason}`),
});

await sqs.clock.run(async () => {
  await declareQueue(broker, "orders");
  const began = +sqs.clock.now();
  const messageAttributes = { tenant: "kelp", priority: 7 };
  await publish(broker, "at once", { queue: "orders", messageAttributes, headers: { source: "shop" } });
  await publish(broker, "too late", { queue: "orders", delaySeconds: 60, expiration: 30 });
  await publish(broker, "later", { queue: "orders", delaySeconds: 900 });

  for await (const delivery of consume(broker, "orders", { maxMessages: 2 })) {
    const { body, headers, messageAttributes } = delivery;
    console.log(`after ${(+sqs.clock.now() - began) / 1000} s:`, body, { ...headers }, { ...messageAttributes });
    await delivery.ack();
  }
});
