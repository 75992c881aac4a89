import assert from "node:assert/strict";
import { connect, consume, declareQueue, publishMany } from "@dashi/sqs";
import { memorySqs } from "@dashi/sqs/testing";

Deno.test("consume() fills its receives and acks, also where rejected messages keep the slots uneven", async () => {
  const sqs = memorySqs();
  // Answers take 10 to 40 ms, so that slots are freed one by one and not all at once.
  let turn = 0;
  sqs.setFaults(() => ({ type: "slow", seconds: 0.01 + turn++ * 7 % 31 / 1000 }));
  let messages = 0;
  let receives = 0;
  let deletes = 0;
  const broker = connect({
    ...sqs.connectOptions,
    onEvent(event) {
      if (event.type === "request" && event.action === "DeleteMessageBatch") deletes++;
      if (event.type !== "receive" || event.count === 0) return;
      receives++;
      messages += event.count;
    },
  });
  let acked = 0;
  await sqs.clock.run(async () => {
    await declareQueue(broker, "dead");
    await declareQueue(broker, "orders", { deadLetter: { queue: "dead", maxReceiveCount: 1 } });
    await publishMany(broker, Array.from({ length: 1000 }, (_, body) => ({ body })), { queue: "orders" });
    const deliveries = consume(broker, "orders", { prefetch: 80, ackLinger: 0.2, untilEmpty: true });
    for await (const delivery of deliveries) {
      if (delivery.body as number % 20 === 7) delivery.reject();
      else delivery.ack().then(() => acked++);
    }
    await deliveries.closed;
    assert.equal(acked, 950);
    assert.equal(messages, 1000);
    assert.ok(receives <= 105, `${receives} receives brought 1,000 messages`);
    assert.ok(deletes <= 97, `${deletes} requests acked 950`);
  });
});
