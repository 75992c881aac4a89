/**
 * The benchmark: this library beside its peers, in one run, against one canned server.
 *
 * `deno task bench` writes `docs/benchmarks.md` and its plots. `deno task bench --short` prints what CI can measure in
 * two minutes. `INTEROP_PYTHON` names a Python that has kombu; without it kombu is skipped.
 * `BENCH_ROUNDS` (5), `BENCH_MESSAGES` (1,000,000, for the memory) and `BENCH_PAYLOAD_MIB` (1024) make a run shorter or
 * longer.
 *
 * @module
 */
import { bundle, path } from "./build.ts";
import { aims, report, type Results } from "./report.ts";
import { python, runClient, startServer } from "./run_client.ts";
import { compare, CONSUMERS, DASHI, type Effort, FLOOR, KOMBU, only, PUBLISHERS, SDK, starts } from "./scenarios.ts";

if (Deno.args.some((argument) => argument !== "--short")) {
  console.error(`There is no '${Deno.args.join(" ")}': only --short, which writes no page`);
  Deno.exit(2);
}
const short = Deno.args.includes("--short");
const effort: Effort = short
  ? { rounds: 1, warmUp: 0.6, seconds: 0.8 }
  : { rounds: Number(Deno.env.get("BENCH_ROUNDS") ?? 5), warmUp: 6, seconds: 1.5 };
const messages = Number(Deno.env.get("BENCH_MESSAGES") ?? 1_000_000);
const payloadMiB = Number(Deno.env.get("BENCH_PAYLOAD_MIB") ?? 1024);
const few: Effort = short ? effort : { ...effort, rounds: Math.ceil(effort.rounds / 2) };

if (!python) console.error("kombu is skipped: INTEROP_PYTHON is not set");
const began = performance.now();
await bundle();

async function measureAll(): Promise<Results> {
  await using server = await startServer();
  await using far = await startServer(20);
  const { endpoint } = server;
  const atPolls = (polls: number) => ({ endpoint, queues: 1, polls });
  const overQueues = (queues: number) => ({ endpoint, queues, polls: 8 });
  const consume = await compare("consume", CONSUMERS, short ? [8] : [1, 8], atPolls, effort);
  const publish = await compare("publish", PUBLISHERS, short ? [8] : [1, 8], atPolls, few);
  if (short) return { consume, publish };
  const distant = only(FLOOR, DASHI, SDK, "sqs-consumer", KOMBU);
  const latency = await compare(
    "consume",
    distant,
    [1, 8],
    (polls) => ({ ...atPolls(polls), endpoint: far.endpoint }),
    {
      ...few,
      warmUp: 1,
    },
  );
  const queues = await compare("consume", only(FLOOR, DASHI, SDK), [1, 8, 64, 256], overQueues, few);
  const start = await starts(CONSUMERS.filter(({ client }) => client !== "kombu"), server, 5);
  const memory = await runClient("dashi", "consume", { ...atPolls(8), warmUp: 2, seconds: 0, messages });
  const payloads = await printed("payload_stream.ts", payloadMiB);
  const payloadMix = await printed("payload_mix.ts", few.rounds);
  return { consume, publish, latency, queues, start, memory, payloadMiB, payloads, payloadMix };
}

/** What a benchmark of payloads prints. */
async function printed(file: string, argument: number): Promise<string> {
  const args = ["run", "-A", "--no-lock", "--config", path("deno.json"), path(file), String(argument)];
  const { stdout, success } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
  if (!success) throw new Error(`${file} failed`);
  return new TextDecoder().decode(stdout).trim();
}

const results = await measureAll();
const minutes = (performance.now() - began) / 60_000;
const saved = path(".build/results.json");
await Deno.writeTextFile(saved, JSON.stringify(results));
if (short) console.log(aims(results.consume));
else {
  const { text, plots } = await report(results, effort, minutes);
  const folder = path("../docs/benchmarks");
  await Deno.mkdir(folder, { recursive: true });
  for (const [name, svg] of Object.entries(plots)) await Deno.writeTextFile(`${folder}/${name}.svg`, svg + "\n");
  await Deno.writeTextFile(path("../docs/benchmarks.md"), text);
  console.log(aims(results.consume));
}
Deno.exit(0);
