/**
 * What stands behind a {@linkcode Broker}: kept in a `WeakMap`, so that no inspector, log or serialiser shows it.
 *
 * @module
 */
import { refuse } from "./check.ts";
import type {
  Broker,
  Clock,
  ConnectOptions,
  CredentialProvider,
  Credentials,
  DashiEvent,
  Endpoints,
  Fetch,
  QueueAddress,
  Topology,
} from "./types.ts";
import { unlessAborted } from "./unless_aborted.ts";

/** The settled options and the shared values of a broker. */
export interface BrokerState {
  readonly options: ConnectOptions;
  readonly endpoint?: Endpoints;
  readonly credentials: Credentials | CredentialProvider;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly random: () => number;
  readonly requestTimeout: number;
  readonly maxAttempts: number;
  readonly allowInsecure: boolean;
  /** Tells `onEvent`; never throws. */
  readonly emit: (event: DashiEvent) => void;
  /** Requests sent so far. */
  requests: number;
  /** AWS's clock minus ours, in milliseconds. */
  clockOffset: number;
  /** Queues that were looked up, by canonical name or URL. */
  readonly queues: Map<string, QueueAddress>;
  /** What consumers know of queues, by URL. */
  readonly attributes: Map<string, unknown>;
  /** Other settled values, by a key of their room. */
  readonly settled: Map<string, unknown>;
  /** Work under way that callers share; always empty in Workers. */
  readonly pending: Map<string, Promise<unknown>>;
  topology: Topology;
}

const states = new WeakMap<Broker, BrokerState>();

/** Puts the state behind a new broker. */
export function keepState(broker: Broker, state: BrokerState): void {
  states.set(broker, state);
}

/**
 * The state behind a broker.
 *
 * @throws {ConfigError} If it is not a broker.
 */
export function stateOf(broker: Broker): BrokerState {
  return states.get(broker) ?? refuse("broker", "what connect() gave", broker);
}

/** A promise and what settles it: `Promise.withResolvers()`, which Node 20 lacks. */
export function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => resolve = done);
  return { promise, resolve };
}

/** The current instant of the broker's clock, in milliseconds. */
export function nowOf(state: { readonly clock: Clock }): number {
  return +state.clock.now();
}

/** The same by AWS's clock, as far as it is known to be another: what senders and SQS write is read by it. */
export function awsNow(state: BrokerState): number {
  return nowOf(state) + state.clockOffset;
}

/** The most seconds that a timer takes, some 24 days: it holds 31 bits of milliseconds. */
const LONGEST_TIMER = 2_147_483;

/** The runtime's own time. */
export const runtimeClock: Clock = {
  now: () => Date.now(),
  async sleep(seconds, signal) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const over = new Promise<void>((end) => timer = setTimeout(end, Math.min(seconds, LONGEST_TIMER) * 1000));
    try {
      await unlessAborted(over, signal);
    } finally {
      clearTimeout(timer);
    }
    if (seconds > LONGEST_TIMER) await runtimeClock.sleep(seconds - LONGEST_TIMER, signal);
  },
};

/** Waits on a clock and always resolves: when the time is over, or when the signal fires. */
export async function pause(clock: Clock, seconds: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return;
  try {
    await clock.sleep(seconds, signal);
  } catch {
    // An abort ends the wait; whoever waits looks at the signal.
  }
}

/** The most queues of which a broker remembers anything: whoever names those to answer to can't fill the memory. */
const MOST_QUEUES = 10_000;

/** Remembers something of a queue. Where that would be of too many, the others are forgotten. */
export function remember<K, V>(map: Map<K, V>, key: K, value: V): void {
  if (map.size > MOST_QUEUES) map.clear();
  map.set(key, value);
}

/**
 * True in Cloudflare Workers, where a promise that one invocation made must not be awaited by another, and six
 * connections are all there are.
 */
export function inWorkers(): boolean {
  return globalThis.navigator?.userAgent === "Cloudflare-Workers";
}

/**
 * Does a piece of work once for all who ask while it is under way. In Workers each invocation does its own, as a promise
 * of another one may never settle there.
 */
export function once<T>(
  state: { readonly pending: Map<string, Promise<unknown>> },
  key: string,
  work: () => Promise<T>,
): Promise<T> {
  if (inWorkers()) return work();
  const running = state.pending.get(key);
  if (running) return running as Promise<T>;
  const promise = work().finally(() => state.pending.delete(key));
  state.pending.set(key, promise);
  return promise;
}
