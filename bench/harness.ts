/**
 * What every client process has in common: its task, the loop that floor clients share, and the meter.
 *
 * @module
 */
import { get } from "node:http";
import process from "node:process";

/** What a client is to do. */
export interface Task {
  readonly endpoint: string;
  readonly queues: number;
  /** Receives, or sends, side by side in all. */
  readonly polls: number;
  readonly checkMd5?: boolean;
  /** Seconds before the measured time, in which the runtime compiles what is hot. */
  readonly warmUp: number;
  /** Seconds of CPU to measure. Either ends after twice as many seconds, however little CPU was to be had. */
  readonly seconds: number;
  /** Instead of a time: so many messages. */
  readonly messages?: number;
  /** Instead of either: the first message. */
  readonly first?: boolean;
}

/** What came out. */
export interface Measured {
  readonly messages: number;
  readonly seconds: number;
  /** Microseconds of this process's CPU. */
  readonly cpu: number;
  readonly requests: number;
  /** Microseconds of the server's CPU. */
  readonly serverCpu: number;
  /** MB of the heap in use, after a collection, at every tenth of the messages. */
  readonly heap?: readonly number[];
  /** MB of the process in all, at the end. */
  readonly rss?: number;
  /** Milliseconds until the modules were there, from when the runtime, which takes as long for all, began with them. */
  readonly imported?: number;
  /** Milliseconds, from the same instant, until the first message was there. */
  readonly first?: number;
}

export const CREDENTIALS = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secretsecretsecretsecret" };
export const REGION = "us-east-1";

/** The URLs of a task's queues. */
export function queueUrls({ endpoint, queues }: Task): string[] {
  return Array.from({ length: queues }, (_, at) => `${endpoint}/000000000000/orders-${at}`);
}

/**
 * The loop that one writes by hand: so many receives side by side; the deletes of what one brought are under way while
 * the next is.
 */
export function byHand<M>(
  { polls }: Task,
  urls: readonly string[],
  receive: (url: string) => Promise<readonly M[]>,
  remove: (url: string, messages: readonly M[]) => Promise<unknown>,
): Promise<unknown> {
  const loop = async (url: string): Promise<void> => {
    let removed: Promise<unknown> = Promise.resolve();
    for (;;) {
      const messages = await receive(url);
      count(messages.length);
      await removed;
      removed = remove(url, messages);
    }
  };
  const length = Math.max(polls, urls.length);
  return Promise.all(Array.from({ length }, (_, at) => loop(urls[at % urls.length])));
}

/** So many senders side by side, for ever. */
export function sendByHand({ polls }: Task, send: () => Promise<unknown>): Promise<unknown> {
  const loop = async (): Promise<void> => {
    for (;;) {
      await send();
      count(10);
    }
  };
  return Promise.all(Array.from({ length: polls }, loop));
}

let seen = 0;
let goal = Infinity;
let reached = () => {};

/** Counts messages that a client is done with. */
export function count(messages: number): void {
  seen += messages;
  if (seen >= goal) reached();
}

interface Snapshot {
  readonly at: number;
  readonly seen: number;
  readonly cpu: number;
  readonly requests: number;
  readonly serverCpu: number;
}

function snapshot(endpoint: string): Promise<Snapshot> {
  return new Promise((resolve, reject) => {
    get(`${endpoint}/stats`, (response) => {
      let text = "";
      response.on("data", (chunk) => text += chunk);
      response.on("end", () => {
        const { user, system } = process.cpuUsage();
        const { requests, cpu: serverCpu } = JSON.parse(text);
        resolve({ at: performance.now(), seen, cpu: user + system, requests, serverCpu });
      });
    }).on("error", reject);
  });
}

const heapNow = (): number => {
  (globalThis as { gc?: () => void }).gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
};

/** Waits until this process has used so many seconds of CPU. */
async function spend(seconds: number): Promise<void> {
  const cpu = () => process.cpuUsage().user + process.cpuUsage().system;
  const goal = cpu() + seconds * 1e6;
  const latest = performance.now() + seconds * 2000;
  while (cpu() < goal && performance.now() < latest) await new Promise<void>((resolve) => setTimeout(resolve, 20));
}

async function measure(task: Task): Promise<Measured> {
  const { endpoint, warmUp, seconds, messages } = task;
  const sleep = (seconds: number) => new Promise<void>((resolve) => setTimeout(resolve, seconds * 1000));
  const heap: number[] = [];
  await sleep(warmUp);
  const from = await snapshot(endpoint);
  if (messages) {
    for (let tenth = 1; tenth <= 10; tenth++) {
      await new Promise<void>((resolve) => {
        reached = resolve;
        goal = from.seen + messages * tenth / 10;
      });
      heap.push(heapNow());
    }
  } else await spend(seconds);
  const to = await snapshot(endpoint);
  return {
    messages: to.seen - from.seen,
    seconds: (to.at - from.at) / 1000,
    cpu: to.cpu - from.cpu,
    requests: to.requests - from.requests,
    serverCpu: to.serverCpu - from.serverCpu,
    ...messages ? { heap, rss: process.memoryUsage().rss / 2 ** 20 } : undefined,
  };
}

/** A client's process: runs what it is told on the command line, prints what was measured, and is gone. */
export async function run(clients: Readonly<Record<string, (task: Task) => unknown>>): Promise<void> {
  const imported = performance.now();
  const [verb, json] = process.argv.slice(2);
  const task = JSON.parse(json) as Task;
  const first = () =>
    new Promise<Partial<Measured>>((resolve) => {
      goal = 1;
      reached = () => resolve({ imported, first: performance.now() });
    });
  const measured = task.first ? first() : measure(task);
  const failed = Promise.resolve(clients[verb](task)).then(() => {
    throw new Error("the client ended before its time");
  });
  console.log(JSON.stringify(await Promise.race([failed, measured])));
  process.exit(0);
}
