/**
 * A soak: a million messages are published and consumed in one process, and the heap is looked at as they go.
 *
 * SOAK_MESSAGES (default 1,000,000). The server is an array behind `fetch`: what grows is the library.
 *
 *     deno run -A --v8-flags=--expose-gc tests/ledger/soak.ts
 */
import { connect, consume, forEach, publishAll } from "@dashi/sqs";
import { numberOf } from "../../tools/arguments.ts";

const total = numberOf("SOAK_MESSAGES", 1_000_000, 1);
const LEAST_WAITING = 2000;

interface Kept {
  readonly id: number;
  readonly body: string;
}

const waiting: Kept[] = [];
const hidden = new Map<string, Kept>();
let received = 0;
let requests = 0;

async function serve(request: Request): Promise<Response> {
  requests++;
  const input = await request.json();
  switch (request.headers.get("x-amz-target")!.split(".")[1]) {
    case "GetQueueUrl":
      return Response.json({ QueueUrl: "https://sqs.us-east-1.amazonaws.com/000000000000/soak" });
    case "GetQueueAttributes":
      return Response.json({ Attributes: { VisibilityTimeout: "300" } });
    case "SendMessageBatch":
      return Response.json({
        Successful: input.Entries.map(({ Id, MessageBody }: { Id: string; MessageBody: string }) => {
          waiting.push({ id: received++, body: MessageBody });
          return { Id, MessageId: `m${received}` };
        }),
      });
    case "ReceiveMessage": {
      const taken = waiting.splice(0, input.MaxNumberOfMessages);
      return Response.json({
        Messages: taken.map((kept) => {
          const ReceiptHandle = `r${kept.id}`;
          hidden.set(ReceiptHandle, kept);
          const Attributes = { ApproximateReceiveCount: "1", SentTimestamp: "1893456000000" };
          return { MessageId: `m${kept.id}`, ReceiptHandle, Body: kept.body, Attributes };
        }),
      });
    }
    case "DeleteMessageBatch":
      return Response.json({
        Successful: input.Entries.map(({ Id, ReceiptHandle }: { Id: string; ReceiptHandle: string }) => {
          hidden.delete(ReceiptHandle);
          return { Id };
        }),
      });
  }
  return Response.json({ Successful: [], Failed: [] });
}

const broker = connect({
  region: "us-east-1",
  credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "an-example-of-a-secret-key" },
  http: { fetch: serve },
});
const { gc } = globalThis as { gc?: () => void };
const heapNow = () => {
  gc?.();
  return Math.round(Deno.memoryUsage().heapUsed / 2 ** 20 * 10) / 10;
};

let sent = 0;
let handled = 0;
const heap: number[] = [];
async function* messages() {
  for (let id = 0; id < total; id++) {
    while (waiting.length > LEAST_WAITING) await new Promise((resolve) => setTimeout(resolve, 1));
    yield { body: { id, text: "x".repeat(100) } };
  }
}

const began = Date.now();
const publishing = (async () => {
  for await (const { error } of publishAll(broker, messages(), { queue: "soak" })) {
    if (error) throw error;
    sent++;
  }
})();
const deliveries = consume(broker, "soak", { prefetch: 100, maxMessages: total, waitTimeSeconds: 1 });
const { acked } = await forEach(deliveries, () => {
  if (++handled % Math.ceil(total / 20) === 0) heap.push(heapNow());
}, { concurrency: 50 });
await publishing;
await deliveries.closed;

const seconds = (Date.now() - began) / 1000;
const [first, last] = [Math.min(...heap.slice(0, 5)), Math.min(...heap.slice(-5))];
console.log(JSON.stringify({
  messages: total,
  sent,
  handled,
  acked,
  left: waiting.length + hidden.size,
  requests,
  seconds: Math.round(seconds),
  messagesPerSecond: Math.round(total / seconds),
  heapMegabytes: { first, last, all: heap },
}));
const flat = last < first * 1.2 + 3;
const complete = acked === total && sent === total && !waiting.length && !hidden.size;
if (!flat) console.error(`FAILED: the heap grew from ${first} to ${last} MB`);
if (!complete) console.error("FAILED: the counts differ");
Deno.exitCode = flat && complete ? 0 : 1;
