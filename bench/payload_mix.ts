/**
 * How much later small messages come when large ones lie among them: 10,000 small ones alone, then the same beside 1,000
 * payloads of 300 KB in S3. A small one has come when the loop has it in hand.
 *
 * - **steady**: 1,000 small ones and 100 large ones a second, 20 ms for each request: how long a small one takes from its
 *   arrival in the queue into the loop. This is what a service sees.
 * - **backlog**: all are there when the loop begins, 20 ms for each request: seconds until the last small one has come.
 * - **backlog at once**: the same without any latency. The processor is all that there is to wait for, so the large ones'
 *   300 MB take their time from the small ones by arithmetic, however they are read: no aim, it shows what they cost.
 *
 * SQS and S3 are canned, each in a process of its own, so that neither their work nor a model of SQS counts. The loop acks
 * at once. Alone and beside take turns, and the best round of each is shown: other work on the machine only makes waits
 * longer.
 *
 * `deno run -A bench/payload_mix.ts [rounds] [small] [large]`, 3 rounds by default.
 *
 * @module
 */
import { createHash } from "node:crypto";
import process from "node:process";
import { connect, consume, kombu } from "@dashi/sqs";
import { s3Payloads } from "@dashi/sqs/payloads";
import { checksumText, crc32c } from "@dashi/sqs/s3";

/** What a queue holds and how it answers; its name on the wire is this as JSON in base64. */
interface Scenario {
  readonly name: string;
  /** Milliseconds that each answer takes. */
  readonly latency: number;
  /** Small messages that arrive a second; 0 is all at once. */
  readonly rate: number;
  readonly small: number;
  /** One large message for so many small ones; 0 is none. */
  readonly every: number;
  readonly id: string;
}

const SCENARIOS = [
  { name: "steady", latency: 20, rate: 1000 },
  { name: "backlog", latency: 20, rate: 0 },
  { name: "backlog at once", latency: 0, rate: 0 },
] as const;

const now = () => performance.timeOrigin + performance.now();
const md5 = (text: string) => createHash("md5").update(text).digest("hex");

async function envelope(body: unknown): Promise<string> {
  const parts = { headers: {}, properties: {}, exchange: "", routingKey: "mix", messageId: crypto.randomUUID() };
  return (await kombu().encode({ body, ...parts })).body;
}

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Speaks as much of SQS or S3 as it takes. */
async function serve(): Promise<void> {
  const object = new TextEncoder().encode(await envelope({ big: "x".repeat(300_000) }));
  const headers = { "x-amz-checksum-crc32c": checksumText(crc32c(object)) };
  const queues = new Map<string, { began: number; taken: number; messages: Promise<object>[] }>();
  const message = async (n: number, large: boolean, at: number, latency: number) => {
    const Body = large
      ? `["software.amazon.payloadoffloading.PayloadS3Pointer",{"s3BucketName":"mix${latency}","s3Key":"${n}"}]`
      : await envelope({ at });
    const size = { DataType: "Number", StringValue: `${object.length}` };
    return {
      MessageId: `9d6b1d8e-7b1c-4c55-9f0c-${n.toString().padStart(12, "0")}`,
      ReceiptHandle: `AQEB${n}`.padEnd(412, "x"),
      MD5OfBody: md5(Body),
      Body,
      Attributes: { ApproximateReceiveCount: "1", SentTimestamp: `${Math.floor(at)}` },
      ...large && { MessageAttributes: { ExtendedPayloadSize: size } },
    };
  };
  async function receive(url: string, most: number): Promise<object> {
    const { small, every, rate, latency } = scenarioOf(url);
    const queue = queues.get(url) ?? { began: now() + 200, taken: 0, messages: [] };
    queues.set(url, queue);
    const block = every + 1; // a large one, then `every` small ones
    const total = every ? small + small / every : small;
    // The n-th message is so many small ones late, of which each keeps its instant whether or not there are large ones.
    const arrives = (n: number) => rate && queue.began + (every ? n - Math.ceil(n / block) : n) * 1000 / rate;
    const take = () => {
      while (queue.messages.length < total && queue.messages.length - queue.taken < most) {
        const n = queue.messages.length;
        if (arrives(n) > now()) break;
        queue.messages.push(message(n, every > 0 && n % block === 0, arrives(n) || queue.began, latency));
      }
      return queue.messages.slice(queue.taken, queue.taken = Math.min(queue.messages.length, queue.taken + most));
    };
    let taken = take();
    for (const end = now() + 1000; !taken.length && now() < end && queue.taken < total; taken = take()) {
      await sleep(2);
    }
    return { Messages: await Promise.all(taken) };
  }
  async function answer(request: Request): Promise<Response> {
    const action = request.headers.get("x-amz-target")?.split(".")[1];
    if (!action) {
      await sleep(Number(/\d+$/.exec(new URL(request.url).pathname.split("/")[1] ?? "")?.[0] ?? 0));
      return request.method === "GET" ? new Response(object, { headers }) : new Response("<DeleteResult/>");
    }
    const body = await request.json();
    const output = action === "ReceiveMessage"
      ? await receive(body.QueueUrl, body.MaxNumberOfMessages)
      : action === "GetQueueAttributes"
      ? { Attributes: { VisibilityTimeout: "1800" } }
      : { Successful: (body.Entries ?? []).map(({ Id }: { Id: string }) => ({ Id })), Failed: [] };
    const { latency } = scenarioOf(body.QueueUrl);
    if (latency) await sleep(latency);
    return Response.json(output);
  }
  const options = { hostname: "127.0.0.1", port: 0, onListen: ({ port }: { port: number }) => console.log(port) };
  Deno.serve(options, answer);
}

function scenarioOf(queueUrl: string): Scenario {
  return JSON.parse(atob(queueUrl.split("/").at(-1)!));
}

/** Starts a server. */
async function start(): Promise<AsyncDisposable & { readonly endpoint: string }> {
  const server = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", import.meta.filename!, "serve"],
    stdout: "piped",
  }).spawn();
  const reader = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
  return {
    endpoint: `http://127.0.0.1:${(await reader.read()).value!.trim()}`,
    async [Symbol.asyncDispose]() {
      await reader.cancel();
      server.kill();
      await server.status;
    },
  };
}

/** What small messages went through, in milliseconds. */
interface Run {
  /** From the arrival in the queue to the loop, each, in order of length. */
  readonly waits: readonly number[];
  /** From the first poll to the last small one. */
  readonly last: number;
}

async function run(endpoint: { sqs: string; s3: string }, scenario: Scenario): Promise<Run> {
  const { small, every, latency } = scenario;
  const broker = connect({
    endpoint,
    region: "eu-west-1",
    credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" },
    payloads: s3Payloads({ bucket: `mix${latency}` }),
  });
  const total = every ? small + small / every : small;
  const queue = `${endpoint.sqs}/000000000000/${btoa(JSON.stringify(scenario)).replaceAll("=", "")}`;
  const deliveries = consume(broker, queue, { prefetch: 500, ackLinger: 0.2, waitTimeSeconds: 1, maxMessages: total });
  const began = now();
  const waits: number[] = [];
  let last = 0;
  for await (const delivery of deliveries) {
    delivery.ack();
    const { at } = delivery.body as { at?: number };
    if (at === undefined) continue;
    last = now() - began;
    waits.push(began + last - at);
  }
  await deliveries.closed;
  if (waits.length !== small) throw new Error(`${small - waits.length} small messages did not come`);
  return { waits: waits.sort((a, b) => a - b), last };
}

const median = (figures: readonly number[]) => figures.toSorted((a, b) => a - b)[figures.length >> 1];
const mean = (figures: readonly number[]) => figures.reduce((sum, figure) => sum + figure, 0) / figures.length;

async function main(rounds: number, small: number, large: number): Promise<void> {
  await using sqs = await start();
  await using s3 = await start();
  const endpoint = { sqs: sqs.endpoint, s3: s3.endpoint };
  const every = Math.round(small / large);
  const attempt = (scenario: typeof SCENARIOS[number], every: number, count = small) =>
    run(endpoint, { ...scenario, small: count, every, id: crypto.randomUUID() });
  await attempt(SCENARIOS[2], every, small / 10); // warms up
  for (const scenario of SCENARIOS) {
    const runs: { alone: Run; beside: Run }[] = [];
    while (runs.length < rounds) {
      runs.push({ alone: await attempt(scenario, 0), beside: await attempt(scenario, every) });
    }
    const figures: Record<string, (run: Run) => number> = scenario.rate
      ? {
        "mean wait, ms": ({ waits }) => mean(waits),
        "median wait, ms": ({ waits }) => median(waits),
        "99th of 100, ms": ({ waits }) => waits[Math.floor(waits.length * 0.99)],
      }
      : { "last small one, ms": ({ last }) => last };
    for (const [name, figure] of Object.entries(figures)) {
      const [alone, beside] = (["alone", "beside"] as const).map((way) =>
        Math.min(...runs.map((run) => figure(run[way])))
      );
      console.log(
        `${scenario.name.padEnd(16)} ${name.padEnd(20)} alone ${alone.toFixed(1).padStart(8)}` +
          `  beside ${beside.toFixed(1).padStart(8)}  ${((beside / alone - 1) * 100).toFixed(0).padStart(4)} % later`,
      );
    }
  }
}

if (process.argv[2] === "serve") await serve();
else await main(Number(process.argv[2] ?? 3), Number(process.argv[3] ?? 10_000), Number(process.argv[4] ?? 1000));
