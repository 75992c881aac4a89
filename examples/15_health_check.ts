/**
 * A health check. A consumer is broken while its receives fail, and one that hangs fails too, as each has a deadline. It is
 * healthy while it idles, and while it works: with a full prefetch it asks for nothing, however old `lastPollAt` gets. So
 * what a probe of Kubernetes or a load balancer asks is how many receives failed in a row.
 *
 *     deno run -A examples/15_health_check.ts
 */
import { connect, consume, declareQueue, forEach, publish } from "@dashi/sqs";
import { memorySqs } from "@dashi/sqs/testing";

const sqs = memorySqs();
const { clock } = sqs; // the model's time: nobody waits
const failures = new Map<string, number>(); // of each queue, in a row
const broker = connect({
  ...sqs.connectOptions,
  onEvent(event) {
    if (event.type === "poll-failed") failures.set(event.queue, (failures.get(event.queue) ?? 0) + 1);
    if (event.type === "receive") failures.delete(event.queue);
  },
});
await declareQueue(broker, "orders");

/** Healthy while no queue has failed five times in a row. */
function health(): Response {
  const failed = Math.max(0, ...failures.values());
  return Response.json({ failed }, { status: failed < 5 ? 200 : 503 });
}

await clock.run(async () => {
  const deliveries = consume(broker, "orders", { maxSeconds: 1200, prefetch: 1 });
  const probe = (what: string) => {
    const response = health(); // in a service: Deno.serve(health)
    const age = Math.round((+clock.now() - +deliveries.lastPollAt!) / 1000);
    console.log(`${what}: ${response.status}, the last receive was answered ${age} s ago`);
  };
  const work = forEach(deliveries, () => clock.sleep(300), { concurrency: 1 });
  await clock.sleep(50);
  probe("idle");
  await publish(broker, { id: 1 }, { queue: "orders" });
  await clock.sleep(290);
  probe("at work for five minutes");
  await clock.sleep(60);
  sqs.setFaults(({ action }) => action === "ReceiveMessage" ? { type: "network" } : undefined);
  await clock.sleep(300);
  probe("SQS is out of reach for five minutes");
  sqs.setFaults(undefined);
  await clock.sleep(60);
  probe("it is back");
  await work;
  await deliveries.closed;
});
