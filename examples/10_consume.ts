/**
 * A consumer as it runs in production: typed bodies, a prefetch, news, and an end on a signal that loses nothing.
 *
 *     deno run -A examples/10_consume.ts
 */
import * as v from "valibot";
import { connect, consume, declareQueue, json, publishMany } from "@dashi/sqs";
import { memorySqs } from "@dashi/sqs/testing";

const sqs = memorySqs();
const broker = connect({
  ...sqs.connectOptions,
  codec: json(),
  onEvent: (event) => event.type === "drop" && console.log(`one is ${event.reason}, it stays in the queue`),
});
await declareQueue(broker, "orders");
const bodies = [{ id: 1 }, { id: 2 }, { id: 3 }, { id: 4 }, { id: 5 }, "not an order"];
await publishMany(broker, bodies.map((body) => ({ body })), { queue: "orders" });

const Order = v.object({ id: v.number() });
const stop = new AbortController(); // in a service: Deno.addSignalListener("SIGTERM", () => stop.abort())

await sqs.clock.run(async () => { // the model's time: nobody waits for the last long poll
  const orders = consume(broker, "orders", { schema: Order, prefetch: 50, signal: stop.signal });
  let sum = 0;
  let count = 0;
  for await (const delivery of orders) {
    sum += delivery.body.id; // a number: the schema says so
    await delivery.ack();
    if (++count === 5) stop.abort(); // the loop ends quietly
  }
  await orders.closed; // nothing is held, no request is under way
  console.log(`${count} orders, the sum of their ids is ${sum}`);
});
