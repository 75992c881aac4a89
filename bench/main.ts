/**
 * The benchmark: this library beside its peers, in one run, against one canned server.
 *
 * `deno task bench` writes `docs/benchmarks.md` and its plots. `deno task bench --short` is for CI: one short round at
 * one setting, to see that all of it works; the page is made and thrown away. `INTEROP_PYTHON` names a Python that has
 * kombu; without it kombu is skipped. `BENCH_ROUNDS` (5), `BENCH_MESSAGES` (1,000,000, for the memory) and
 * `BENCH_PAYLOAD_MIB` (1024) make a run shorter or longer.
 *
 * @module
 */
import { numberOf, readArguments } from "../tools/arguments.ts";
import { bundle, path } from "./build.ts";
import { aims, report, type Results } from "./report.ts";
import { kombuVersion, python, runClient, startServer } from "./run_client.ts";
import { compare, CONSUMERS, DASHI, type Effort, FLOOR, KOMBU, only, PUBLISHERS, SDK, starts } from "./scenarios.ts";

const { values: { short = false } } = readArguments(
  `Usage: deno task bench [--short]

Measures this library beside its peers and writes docs/benchmarks.md; --short is one short round that writes no page.`,
  { short: { type: "boolean" } },
);
const effort: Effort = short
  ? { rounds: 1, warmUp: 0.6, seconds: 0.8 }
  : { rounds: numberOf("BENCH_ROUNDS", 5, 1), warmUp: 6, seconds: 1.5 };
const few: Effort = { ...effort, rounds: Math.ceil(effort.rounds / 2) };
const messages = short ? 20_000 : numberOf("BENCH_MESSAGES", 1_000_000, 1);
const payloadMiB = short ? 32 : numberOf("BENCH_PAYLOAD_MIB", 1024, 1);
const polls = short ? [8] : [1, 8];

if (!python) console.error("kombu is skipped: INTEROP_PYTHON is not set");
const began = performance.now();
await bundle();

async function measureAll(): Promise<Results> {
  await using server = await startServer();
  await using far = await startServer(20);
  const { endpoint } = server;
  const atPolls = (polls: number) => ({ endpoint, queues: 1, polls });
  const overQueues = (queues: number) => ({ endpoint, queues, polls: 8 });
  const consume = await compare("consume", CONSUMERS, polls, atPolls, effort);
  const publish = await compare("publish", PUBLISHERS, polls, atPolls, few);
  const distant = only(FLOOR, DASHI, SDK, "sqs-consumer", KOMBU);
  const atDistance = (polls: number) => ({ ...atPolls(polls), endpoint: far.endpoint });
  const latency = short ? [] : await compare("consume", distant, polls, atDistance, few);
  const queues = short ? [] : await compare("consume", only(FLOOR, DASHI, SDK), [1, 8, 64, 256], overQueues, few);
  const start = await starts(CONSUMERS.filter(({ client }) => client !== "kombu"), server, short ? 1 : 5);
  const memory = await runClient("dashi", "consume", { ...atPolls(8), warmUp: 2, seconds: 0, messages });
  const payloads = await printed("payload_stream.ts", payloadMiB, short ? 1 : 3);
  const payloadMix = await printed("payload_mix.ts", few.rounds, ...short ? [500, 50] : []);
  return { consume, publish, latency, queues, start, memory, payloadMiB, payloads, payloadMix };
}

/** What a benchmark of payloads prints. */
async function printed(file: string, ...given: number[]): Promise<string> {
  const args = ["run", "-A", "--no-lock", "--config", path("deno.json"), path(file), ...given.map(String)];
  const { stdout, success } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
  if (!success) throw new Error(`${file} failed`);
  return new TextDecoder().decode(stdout).trim();
}

const results = await measureAll();
const minutes = (performance.now() - began) / 60_000;
await Deno.writeTextFile(path(".build/results.json"), JSON.stringify(results));
const { text, plots } = await report(results, { effort, few, minutes, kombu: await kombuVersion() });
if (!short) {
  const folder = path("../docs/benchmarks");
  await Deno.mkdir(folder, { recursive: true });
  for (const [name, svg] of Object.entries(plots)) await Deno.writeTextFile(`${folder}/${name}.svg`, svg + "\n");
  await Deno.writeTextFile(path("../docs/benchmarks.md"), text);
}
console.log(aims(results.consume));
Deno.exit(0);
