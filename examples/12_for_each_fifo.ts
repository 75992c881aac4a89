/**
 * Handlers side by side: `forEach` acks when one returns and keeps the message when it throws. In a FIFO group one runs
 * at a time, and a failure holds back the rest of its group, while the other groups go on.
 *
 *     deno run -A examples/12_for_each_fifo.ts
 */
import { connect, consume, declareQueue, forEach, publishMany } from "@dashi/sqs";
import { memorySqs } from "@dashi/sqs/testing";

const { clock, ...sqs } = memorySqs(); // the model's time: nobody waits
const broker = connect(sqs.connectOptions);
await declareQueue(broker, "accounts.fifo");
const steps = ["open", "deposit", "close"].flatMap((step) =>
  ["anna", "ben"].map((groupId) => ({ body: { step }, groupId }))
);
await publishMany(broker, steps, { queue: "accounts.fifo" });

const done: Record<string, string[]> = { anna: [], ben: [] };
let failed = false;
const result = await clock.run(() => {
  const deliveries = consume(broker, "accounts.fifo", {
    prefetch: 20,
    maxSeconds: 60,
    backoff: { 1: 10, 2: 30 }, // seconds, by receive count
  });
  return forEach(deliveries, async ({ body, groupId }) => {
    await clock.sleep(1);
    const { step } = body as { step: string };
    if (groupId === "anna" && step === "deposit" && !failed) {
      failed = true;
      throw new Error("the database is down"); // it comes again in 10 s, and "close" waits for it
    }
    done[groupId!].push(step);
  }, { concurrency: 8 });
});
console.log("anna:", done.anna.join(", "));
console.log("ben:", done.ben.join(", "));
console.log(`${result.acked} acked`);
