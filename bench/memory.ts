/**
 * Consumes a million messages of a canned SQS, and prints the heap at the start, on the way and at the end: it must be
 * flat. Run it with a collector that can be called:
 *
 *     deno run -A --v8-flags=--expose-gc bench/memory.ts [messages]
 */
import { setImmediate } from "node:timers/promises";
import { connect, consume, forEach, json } from "../mod.ts";

const total = Number(Deno.args[0] ?? 1_000_000);
const collect = (globalThis as { gc?: () => void }).gc;
const body = JSON.stringify({ id: 1, item: "kelp" });
let given = 0;
let deleted = 0;
let requests = 0;

/** Answers as SQS does, from what it was asked for: it holds no message. */
async function cannedSqs(request: Request): Promise<Response> {
  requests++;
  await setImmediate(); // an answer never comes in the same turn: without turns nothing weak is collected
  const action = request.headers.get("x-amz-target")!.split(".")[1];
  const input = await request.json();
  switch (action) {
    case "GetQueueUrl":
      return Response.json({ QueueUrl: "https://sqs.eu-west-1.amazonaws.com/1/orders" });
    case "GetQueueAttributes":
      return Response.json({ Attributes: { VisibilityTimeout: "30" } });
    case "ReceiveMessage": {
      const count = Math.min(input.MaxNumberOfMessages, total - given);
      const Messages = Array.from({ length: count }, () => {
        const id = `${++given}`;
        const Attributes = { ApproximateReceiveCount: "1", SentTimestamp: `${Date.now()}` };
        return { MessageId: id, ReceiptHandle: `receipt-${id}`, Body: body, Attributes };
      });
      return Response.json({ Messages });
    }
    default: {
      const entries = input.Entries as { Id: string }[];
      if (action === "DeleteMessageBatch") deleted += entries.length;
      return Response.json({ Successful: entries.map(({ Id }) => ({ Id })), Failed: [] });
    }
  }
}

function heap(): string {
  collect?.();
  return `${(Deno.memoryUsage().heapUsed / 2 ** 20).toFixed(1)} MiB`;
}

const broker = connect({
  region: "eu-west-1",
  credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" },
  codec: json(),
  http: { fetch: cannedSqs },
});
console.log(`heap before: ${heap()}${collect ? "" : " (not collected: --v8-flags=--expose-gc)"}`);
const began = performance.now();
const deliveries = consume(broker, "orders", { prefetch: 200, untilEmpty: true, waitTimeSeconds: 0 });
let seen = 0;
await forEach(deliveries, () => {
  if (++seen % (total / 5) === 0) console.log(`heap after ${seen} messages: ${heap()}`);
}, { concurrency: 50 });
await deliveries.closed;
const seconds = (performance.now() - began) / 1000;
console.log(`heap at the end: ${heap()}`);
console.log(`${deleted} acked in ${seconds.toFixed(1)} s, ${(requests / deleted).toFixed(4)} requests a message`);
