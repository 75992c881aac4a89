/**
 * A health check: `lastPollAt` says when SQS last answered a receive, also with nothing. An idle consumer is healthy, one
 * whose receives fail or hang is not. What a probe of Kubernetes or a load balancer asks is one comparison.
 *
 *     deno run -A examples/15_health_check.ts
 */
import { connect, consume, declareQueue, type Deliveries } from "@dashi/sqs";
import { memorySqs } from "@dashi/sqs/testing";

const sqs = memorySqs();
const { clock } = sqs; // the model's time: nobody waits
const broker = connect(sqs.connectOptions);
await declareQueue(broker, "orders");

/** Healthy while the last answer is no older than three waits. */
function health(deliveries: Deliveries<unknown>, now: number): Response {
  const age = Math.round((now - +(deliveries.lastPollAt ?? 0)) / 1000);
  return Response.json({ age, requests: deliveries.requests }, { status: age <= 60 ? 200 : 503 });
}

await clock.run(async () => {
  const deliveries = consume(broker, "orders", { maxSeconds: 600 });
  const probe = async (what: string) => {
    const response = health(deliveries, +clock.now()); // in a service: Deno.serve(() => health(deliveries, Date.now()))
    console.log(`${what}: ${response.status}, ${JSON.stringify(await response.json())}`);
  };
  const loop = (async () => {
    for await (const delivery of deliveries) await delivery.ack();
  })();
  await clock.sleep(50);
  await probe("idle");
  sqs.setFaults(({ action }) => action === "ReceiveMessage" ? { type: "network" } : undefined);
  await clock.sleep(300);
  await probe("SQS is out of reach for five minutes");
  sqs.setFaults(undefined);
  await clock.sleep(60);
  await probe("it is back");
  await loop;
  await deliveries.closed;
});
