/**
 * The ledger test: numbered messages go through a server behind a proxy that breaks requests at random, from two
 * publishers to three consumers, two of which are killed again and again. It ends when the queues are empty, and then
 * compares what was sent with what was handled.
 *
 * LEDGER_SECONDS (default 60; 600 is the long form), LEDGER_MESSAGES (default 100 a second, 100,000 in the long form),
 * LEDGER_FAULTS (share of requests, default 0.04), LEDGER_SEED.
 *
 *     deno task test:ledger
 */
import { connect, declareQueue, queueSize } from "@dashi/sqs";
import { numberOf, readArguments } from "../../tools/arguments.ts";
import { startServer } from "../support/fauxqs.ts";
import { BREAKING, type ProxyFault, startProxy } from "../faults/proxy.ts";
import { account } from "./account.ts";
import { openLedger, readLedger } from "./log.ts";

readArguments(
  `Usage: deno task test:ledger

LEDGER_SECONDS (60) is how long messages are sent, LEDGER_MESSAGES (100 a second) how many, LEDGER_FAULTS (0.04) the
share of requests that break, and LEDGER_SEED which ones.`,
  {},
);
const seconds = numberOf("LEDGER_SECONDS", 60);
const total = numberOf("LEDGER_MESSAGES", seconds >= 600 ? 100_000 : seconds * 100);
const share = numberOf("LEDGER_FAULTS", 0.04);
const seed = numberOf("LEDGER_SEED", Math.floor(Math.random() * 2 ** 31));
const FIFO_PERCENT = 10;
const VISIBILITY = 6;

/** Twice as many lost answers as others: what they do to a ledger is what it is for. */
const FAULTS: readonly ProxyFault[] = [
  ...BREAKING,
  { type: "reset" },
  { type: "slow", seconds: 0.3 },
  { type: "slow", seconds: 3 },
];

/** Mulberry32: the same seed breaks the same requests, as far as they come in the same order. */
function randomFrom(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = randomFrom(seed);
const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

await using server = await startServer();
const direct = connect(server.options);
const attributes = { VisibilityTimeout: VISIBILITY };
await declareQueue(direct, "ledger", { attributes });
await declareQueue(direct, "ledger.fifo", { attributes: { ...attributes, FifoQueue: true } });
await using proxy = await startProxy(
  server.endpoint,
  () => random() < share ? FAULTS[Math.floor(random() * FAULTS.length)] : undefined,
);
const directory = await Deno.makeTempDir();
const ledger = `${directory}/ledger.jsonl`;
const note = openLedger(ledger);
const sockets: number[] = [];
const sampling = setInterval(() => sockets.push(proxy.sockets.now), 500);
const began = Date.now();

const children = new Set<Deno.ChildProcess>();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    for (const child of children) child.kill("SIGKILL");
    Deno.removeSync(directory, { recursive: true });
    Deno.exit(130);
  });
}

function start(file: string, ...args: (string | number)[]): Deno.ChildProcess {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      "--v8-flags=--expose-gc",
      `${import.meta.dirname}/${file}`,
      proxy.endpoint,
      ledger,
      ...args.map(String),
    ],
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  children.add(child);
  child.status.then(() => children.delete(child));
  return child;
}

const consumers = new Map<string, Deno.ChildProcess>();
let made = 0;
const startConsumer = () => {
  const name = `consumer-${made++}`;
  consumers.set(name, start("consumer.ts", name));
  return name;
};
const survivor = startConsumer();
startConsumer();
startConsumer();
const half = Math.ceil(total / 2);
const publishers = [
  start("publisher.ts", "publisher-0", 0, half, seconds * 0.7, FIFO_PERCENT),
  start("publisher.ts", "publisher-1", half, total, seconds * 0.7, FIFO_PERCENT),
];

let killed = 0;
let publishing = true;
const killing = (async () => {
  while (publishing) {
    await later(1000 * Math.max(3, seconds / 20) * (0.5 + random()));
    const victim = [...consumers.keys()].find((name) => name !== survivor)!;
    if (!publishing) break;
    const child = consumers.get(victim)!;
    child.kill("SIGKILL");
    await child.status;
    note("killed", victim);
    consumers.delete(victim);
    killed++;
    startConsumer();
  }
})();
await Promise.all(publishers.map(({ status }) => status));
publishing = false;
await killing;

/** Empty is when nothing is left for a moment, in flight neither. */
async function empty(): Promise<boolean> {
  for (const name of ["ledger", "ledger.fifo"]) {
    const { visible, inFlight, delayed } = await queueSize(direct, name);
    if (visible + inFlight + delayed) return false;
  }
  return true;
}
const patience = Date.now() + 1000 * (60 + seconds);
while (!(await empty()) && Date.now() < patience) await later(250);
const drained = await empty();
const ends = [...consumers.values()].map(async (child) => {
  child.kill("SIGTERM");
  return (await child.status).code;
});
const codes = await Promise.all(ends);
clearInterval(sampling);
await later(100);

const { figures, faults } = account(readLedger(ledger), { total, survivor, fifoPercent: FIFO_PERCENT, sockets });
console.log(JSON.stringify(
  {
    seconds: Math.round((Date.now() - began) / 1000),
    seed,
    messages: total,
    requests: proxy.calls,
    faults: Object.values(proxy.struck).reduce((sum, count) => sum + count, 0),
    faultsByType: proxy.struck,
    consumersKilled: killed,
    ...figures,
    socketsMost: proxy.sockets.most,
    socketsAtTheEnd: proxy.sockets.now,
  },
  null,
  2,
));
if (!drained) faults.push("the queues are not empty");
if (codes.some((code) => code !== 0)) faults.push(`a consumer ended with ${codes}`);
if (proxy.sockets.now) faults.push(`${proxy.sockets.now} sockets are left`);
Deno.removeSync(directory, { recursive: true });
for (const fault of faults) console.error(`FAILED: ${fault}`);
Deno.exitCode = faults.length ? 1 : 0;
