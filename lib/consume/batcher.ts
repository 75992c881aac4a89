/**
 * Gathers entries into batches and gives each entry its own outcome.
 *
 * @module
 */
import { pause } from "../broker.ts";
import type { Clock } from "../types.ts";

/** Gathers entries into batches. */
export interface Batcher<E> {
  /** Adds an entry. Resolves when it was carried out, rejects with its own error. */
  add(entry: E): Promise<void>;
  /** Looks whether what waits may leave now; with `flush` it may. */
  look(flush?: boolean): void;
}

/** How a {@linkcode Batcher} works. */
export interface BatcherOptions<E> {
  /** Entries of a full batch, which leaves at once. */
  readonly size: number;
  /** Seconds that an entry waits for others; with 0 it waits only while a batch is under way. */
  linger(): number;
  readonly clock: Clock;
  /** True when nothing else can come that is worth waiting for. */
  hurry(): boolean;
  /** Carries a batch out: an error, or nothing, an entry. */
  send(entries: readonly E[]): Promise<readonly (Error | undefined)[]>;
}

/** Makes a {@linkcode Batcher}. */
export function batcher<E>({ size, linger, clock, hurry, send }: BatcherOptions<E>): Batcher<E> {
  const waiting: { entry: E; resolve(): void; reject(error: unknown): void }[] = [];
  let underway = 0;
  let looking = false;
  let flushing = false;
  let timer: AbortController | undefined;

  async function leave(): Promise<void> {
    timer?.abort();
    timer = undefined;
    const batch = waiting.splice(0, size);
    underway++;
    try {
      const outcomes = await send(batch.map(({ entry }) => entry));
      batch.forEach(({ resolve, reject }, index) => outcomes[index] ? reject(outcomes[index]) : resolve());
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    underway--;
    look();
  }

  function look(flush = false): void {
    flushing = waiting.length > 0 && (flushing || flush);
    while (waiting.length >= size) leave();
    if (looking || !waiting.length) return;
    looking = true;
    // What is settled in the same breath leaves together.
    queueMicrotask(() => {
      const now = flushing || hurry();
      looking = flushing = false;
      if (!waiting.length) return;
      const seconds = linger();
      if (now || (!seconds && !underway)) {
        leave();
      } else if (seconds && !timer) {
        const { signal } = timer = new AbortController();
        pause(clock, seconds, signal).then(() => {
          if (!signal.aborted && waiting.length) leave();
        });
      }
    });
  }

  return {
    add: (entry) =>
      new Promise((resolve, reject) => {
        waiting.push({ entry, resolve, reject });
        look();
      }),
    look,
  };
}
