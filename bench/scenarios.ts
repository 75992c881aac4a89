/**
 * What is measured: each scenario runs its clients in turn, several times over, and gives medians.
 *
 * @module
 */
import type { Measured, Task } from "./harness.ts";
import { python, runClient, type Server } from "./run_client.ts";

/** How long things take. */
export interface Effort {
  readonly rounds: number;
  readonly warmUp: number;
  readonly seconds: number;
}

/** One client as it is shown. */
export interface Entry {
  readonly name: string;
  readonly client: string;
  readonly task?: Partial<Task>;
}

/** The medians of one client at one setting. */
export interface Row {
  readonly name: string;
  readonly setting: number;
  /** Messages a second. */
  readonly speed: number;
  /** Microseconds of CPU a message. */
  readonly cpu: number;
  readonly requests: number;
  /** The share of one core that the server took. */
  readonly server: number;
}

export const FLOOR = "fetch, unsigned";
export const DASHI = "dashi consume, MD5 checked";
export const UNCHECKED = "dashi consume, checkMd5: false";
export const SDK = "AWS SDK v3, loop";
export const KOMBU = "kombu";

const kombu: Entry[] = python ? [{ name: KOMBU, client: "kombu" }] : [];

export const CONSUMERS: readonly Entry[] = [
  { name: FLOOR, client: "fetch" },
  { name: UNCHECKED, client: "dashi", task: { checkMd5: false } },
  { name: DASHI, client: "dashi" },
  { name: "aws4fetch, loop", client: "aws4fetch" },
  { name: SDK, client: "aws_sdk" },
  { name: "sqs-consumer", client: "sqs_consumer" },
  { name: "squiss-ts", client: "squiss" },
  ...kombu,
];

export const PUBLISHERS: readonly Entry[] = [
  { name: FLOOR, client: "fetch" },
  { name: "dashi publishAll", client: "dashi" },
  { name: "aws4fetch, loop", client: "aws4fetch" },
  { name: SDK, client: "aws_sdk" },
  ...kombu,
];

/** Some of the consumers, by name. */
export const only = (...names: string[]): Entry[] => CONSUMERS.filter(({ name }) => names.includes(name));

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Runs every client at every setting, round after round. */
export async function compare(
  verb: string,
  entries: readonly Entry[],
  settings: readonly number[],
  taskOf: (setting: number) => Pick<Task, "endpoint" | "queues" | "polls">,
  { rounds, warmUp, seconds }: Effort,
): Promise<Row[]> {
  const runs = new Map<string, Measured[]>();
  for (let round = 0; round < rounds; round++) {
    for (const setting of settings) {
      for (const { name, client, task } of entries) {
        // kombu polls one at a time, whatever is asked of it.
        if (client === "kombu" && setting !== settings[0]) continue;
        const measured = await runClient(client, verb, { ...taskOf(setting), warmUp, seconds, ...task });
        const key = JSON.stringify([name, setting]);
        runs.set(key, [...runs.get(key) ?? [], measured]);
        console.error(`${verb} ${setting} ${name}: ${Math.round(measured.messages / measured.seconds)} messages/s`);
      }
    }
  }
  return Array.from(runs, ([key, all]) => {
    const [name, setting] = JSON.parse(key);
    const of = (value: (one: Measured) => number) => median(all.map(value));
    return {
      name,
      setting,
      speed: of(({ messages, seconds }) => messages / seconds),
      cpu: of(({ messages, cpu }) => cpu / messages),
      requests: of(({ messages, requests }) => requests / messages),
      server: of(({ seconds, serverCpu }) => serverCpu / 1e6 / seconds),
    };
  });
}

/** What a first message costs: milliseconds from the start of the process to `import` done, and to the message. */
export interface Start {
  readonly name: string;
  readonly imported: number;
  readonly first: number;
}

/** Measures starts. */
export async function starts(entries: readonly Entry[], { endpoint }: Server, rounds: number): Promise<Start[]> {
  const all = new Map<string, Measured[]>();
  for (let round = 0; round < rounds; round++) {
    for (const { name, client } of entries) {
      const task = { endpoint, queues: 1, polls: 1, warmUp: 0, seconds: 0, first: true };
      const measured = await runClient(client, "consume", task);
      all.set(name, [...all.get(name) ?? [], measured]);
    }
  }
  return Array.from(all, ([name, runs]) => ({
    name,
    imported: median(runs.map(({ imported }) => imported!)),
    first: median(runs.map(({ first }) => first!)),
  }));
}
