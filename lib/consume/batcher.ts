/**
 * Gathers entries into batches and gives each entry its own outcome.
 *
 * @module
 */
import { pause } from "../broker.ts";
import { MAX_BATCH } from "../sqs/limits.ts";
import type { Clock } from "../types.ts";
import { BREATH, MOST_BATCHES } from "./figures.ts";
import { soon } from "./soon.ts";

/** Is told the outcome of an entry: a promise an entry would cost more than all else that a batch does for it. */
export type Done = (error?: unknown) => void;

/** Gathers entries into batches. */
export interface Batcher<E> {
  /** Adds an entry. `done` is called once, when it was carried out, or with its own error. */
  add(entry: E, done: Done): void;
  /** Looks whether what waits may leave now; with `flush` it may. */
  look(flush?: boolean): void;
}

/** How a {@linkcode Batcher} works. */
export interface BatcherOptions<E> {
  /** Seconds that an entry waits for others; with 0 it waits only while a batch is under way. */
  linger(): number;
  readonly clock: Clock;
  /** True when nothing else can come that is worth waiting for, or one of those that wait can't. */
  hurry(waiting: readonly { readonly entry: E }[]): boolean;
  /** Carries a batch out: an error, or nothing, an entry. */
  send(entries: readonly E[]): Promise<readonly (Error | undefined)[]>;
}

/** Makes a {@linkcode Batcher}. A full batch leaves at once. */
export function batcher<E>({ linger, clock, hurry, send }: BatcherOptions<E>): Batcher<E> {
  const waiting: { readonly entry: E; readonly done: Done }[] = [];
  let underway = 0;
  let looking = false;
  let flushing = false;
  let timer: AbortController | undefined;

  async function leave(): Promise<void> {
    timer?.abort();
    timer = undefined;
    const batch = waiting.splice(0, MAX_BATCH);
    underway++;
    const entries = batch.map(({ entry }) => entry);
    const outcomes = await send(entries).catch((error) => entries.map(() => error));
    underway--;
    batch.forEach(({ done }, index) => done(outcomes[index]));
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
    add(entry, done) {
      waiting.push({ entry, done });
      look();
    },
    look,
  };
}

/** Adds an entry, and resolves when it was carried out. */
export function carryOut<E>(batcher: Batcher<E>, entry: E): Promise<void> {
  return new Promise((resolve, reject) => batcher.add(entry, (error) => error ? reject(error) : resolve()));
}
