/**
 * Gathers entries into batches and gives each entry its own outcome.
 *
 * @module
 */
import { pause } from "../broker.ts";
import { MAX_BATCH } from "../sqs/limits.ts";
import type { Clock } from "../types.ts";
import { BREATH, MOST_BATCHES } from "./figures.ts";
import type { Held } from "./held.ts";
import { soon } from "./soon.ts";

/**
 * Is told the outcome of an entry, and what is to be waited for besides. No promise, as one for each entry would cost more
 * than all else that a batch does for it.
 */
export type Done = (error?: unknown, after?: Promise<void>) => void;

/** A message that is to be deleted, or to be hidden for some seconds. */
export interface Entry {
  readonly held: Held;
  /** Is told the outcome, once. */
  readonly done: Done;
  readonly seconds?: number;
  /** Why it failed, once its batch was carried out. */
  error?: Error;
  /** What whoever awaits it waits for besides: the removal of its payload. */
  after?: Promise<void>;
}

/** Gathers entries into batches. */
export interface Batcher {
  /** Adds an entry. `done` is called once, when it was carried out, or with its own error. */
  add(held: Held, done: Done, seconds?: number): void;
  /** Looks whether what waits may leave now; with `flush` it may. */
  look(flush?: boolean): void;
}

/** How a {@linkcode Batcher} works. */
export interface BatcherOptions {
  /** Seconds that an entry waits for others; with 0 it waits only while a batch is under way. */
  linger(): number;
  readonly clock: Clock;
  /** True when no other entry can join those that wait, or one of them has no time for it. */
  hurry(waiting: readonly Entry[]): boolean;
  /** Carries a batch out; what failed has an `error` then. Never rejects. */
  send(batch: readonly Entry[]): Promise<unknown>;
}

/** Makes a {@linkcode Batcher}. A full batch leaves at once. */
export function batcher({ linger, clock, hurry, send }: BatcherOptions): Batcher {
  const waiting: Entry[] = [];
  let underway = 0;
  let looking = false;
  let flushing = false;
  let timer: AbortController | undefined;

  async function leave(): Promise<void> {
    timer?.abort();
    timer = undefined;
    const batch = waiting.splice(0, MAX_BATCH);
    underway++;
    await send(batch);
    underway--;
    for (const { done, error, after } of batch) done(error, after);
    look();
  }

  function look(flush = false): void {
    flushing = waiting.length > 0 && (flushing || flush);
    while (waiting.length >= MAX_BATCH) {
      if (underway >= MOST_BATCHES) return; // the end of one looks again
      leave();
    }
    if (looking || !waiting.length) return;
    looking = true;
    let seen = 0;
    let turns = BREATH;
    const settleDown = () => {
      // What is settled in the same breath leaves together.
      if (waiting.length !== seen) {
        seen = waiting.length;
        turns = BREATH;
      }
      if (turns--) return soon(settleDown);
      const now = flushing || hurry(waiting);
      looking = false;
      if (!waiting.length) return;
      const seconds = linger();
      if (now || (!seconds && !underway)) {
        leave();
      } else if (seconds && !timer) {
        const { signal } = timer = new AbortController();
        pause(clock, seconds, signal).then(() => {
          if (!signal.aborted) leave();
        });
      }
    };
    soon(settleDown);
  }

  return {
    add(held, done, seconds) {
      waiting.push({ held, done, seconds });
      look();
    },
    look,
  };
}

/** Adds an entry, and resolves when it was carried out. */
export function carryOut(batcher: Batcher, held: Held, seconds?: number): Promise<void> {
  return new Promise((resolve, reject) => batcher.add(held, (error) => error ? reject(error) : resolve(), seconds));
}
