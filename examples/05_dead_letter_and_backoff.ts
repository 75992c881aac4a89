/**
 * A handler that always fails: its message is tried again after 10 s, then after 20 s, and then goes to the dead-letter
 * queue, from where `redrive` brings it back. Time is the model's, so nobody waits.
 *
 *     deno run -A examples/05_dead_letter_and_backoff.ts
 */
import { connect, consume, declareQueue, forEach, publish, queueSize, redrive } from "@dashi/sqs";
import { memorySqs } from "@dashi/sqs/testing";

const sqs = memorySqs();
const broker = connect(sqs.connectOptions);

await sqs.clock.run(async () => {
  await declareQueue(broker, "orders-dead");
  await declareQueue(broker, "orders", { deadLetter: { queue: "orders-dead", maxReceiveCount: 3 } });
  await publish(broker, { id: 1 }, { queue: "orders" });

  const began = +sqs.clock.now();
  const orders = consume(broker, "orders", { backoff: { 1: 10, 2: 20, 3: 40 }, maxSeconds: 120 });
  const counts = await forEach(orders, ({ receiveCount }) => {
    console.log(`receive ${receiveCount} after ${(+sqs.clock.now() - began) / 1000} s`);
    throw new Error("the database is away");
  });
  console.log(counts);
  console.log("dead letters:", (await queueSize(broker, "orders-dead")).visible);

  const { moved } = await redrive(broker, "orders-dead", { destination: "orders" });
  console.log("brought back:", moved);
});
