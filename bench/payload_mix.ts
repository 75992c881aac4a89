/**
 * How much later small messages come when large ones lie among them: 10,000 small ones alone, then beside 1,000 payloads
 * of 300 KB in S3, on a server in a process of its own.
 *
 * `deno run -A bench/payload_mix.ts [small] [large]`
 *
 * @module
 */
import process from "node:process";
import { connect, consume, declareQueue, publishMany } from "@dashi/sqs";
import { s3Payloads } from "@dashi/sqs/payloads";
import { startServer } from "../tests/support/fauxqs.ts";

if (process.argv[2] === "serve") {
  const { endpoint } = await startServer();
  console.log(endpoint);
} else {
  await main(
    Number(process.argv[2] ?? 10_000),
    Number(process.argv[3] ?? 1000),
  );
}

async function main(small: number, large: number): Promise<void> {
  const server = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", import.meta.filename!, "serve"],
    stdout: "piped",
  }).spawn();
  const reader = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const endpoint = (await reader.read()).value!.trim();
  try {
    const rounds: { alone: number; beside: number }[] = [];
    for (let round = 0; round < 3; round++) {
      rounds.push({
        alone: await run(endpoint, small, 0),
        beside: await run(endpoint, small, large),
      });
    }
    console.table(rounds.map(({ alone, beside }) => ({
      "small ones alone, s": alone.toFixed(2),
      "beside the large ones, s": beside.toFixed(2),
      later: `${Math.round((beside / alone - 1) * 100)} %`,
    })));
  } finally {
    await reader.cancel();
    server.kill();
    await server.status;
  }
}

/** Seconds until the last small message was in hand. */
async function run(
  endpoint: string,
  small: number,
  large: number,
): Promise<number> {
  const name = `mix-${crypto.randomUUID()}`;
  const credentials = { accessKeyId: "bench", secretAccessKey: "bench-secret" };
  const plain = { endpoint, region: "us-east-1", credentials };
  await (await fetch(`${endpoint}/${name}`, { method: "PUT" })).body?.cancel(); // it checks no signature
  const broker = connect({ ...plain, payloads: s3Payloads({ bucket: name }) });
  await declareQueue(broker, name);
  const big = "x".repeat(300_000);
  const every = large ? Math.round(small / large) : Infinity;
  const bodies = Array.from(
    { length: small },
    (_, n) => n % every === 0 ? [{ n }, { n, big }] : [{ n }],
  ).flat();
  await publishMany(broker, bodies.map((body) => ({ body })), {
    queue: name,
    concurrency: 8,
  });
  const began = performance.now();
  let left = small;
  let last = began;
  const deliveries = consume(broker, name, {
    prefetch: 500,
    ackLinger: 0.2,
    untilEmpty: true,
    waitTimeSeconds: 1,
  });
  for await (const delivery of deliveries) {
    delivery.ack();
    if (!(delivery.body as { big?: string }).big && --left === 0) {
      last = performance.now();
    }
  }
  await deliveries.closed;
  if (left) throw new Error(`${left} small messages did not come`);
  return (last - began) / 1000;
}
