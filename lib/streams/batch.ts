import { runtimeClock } from "../broker.ts";
import { assertWithin } from "../check.ts";
import type { Clock, Transform } from "../types.ts";
import type { HandBack } from "./hand_back.ts";
import { iterate } from "./iterate.ts";

/** Options of {@linkcode batch}. */
export interface BatchOptions<T> {
  /** Time. Default: the runtime's. */
  readonly clock?: Pick<Clock, "sleep"> | undefined;
  /** Takes back an item that was read and not yielded. By default its `release()` is called, if it has one. */
  readonly handBack?: HandBack<T> | undefined;
}

/**
 * Gathers items into groups: of `n`, or of what came within `seconds` of the group's first item. No group is empty.
 *
 * It reads only for the group that is asked for; the read that is in flight when a group's time is over begins the next.
 * An error of the source comes after the group of the items before it.
 *
 * @param n The most items of a group, 1 or more.
 * @param seconds How long a group waits for more, 0 or more; `Infinity` waits until it is full.
 * @param options A clock, and `handBack`.
 * @returns The transform.
 * @throws {ConfigError} If `n` or `seconds` is out of range.
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { batch, pipe } from "@dashi/sqs";
 *
 * async function* numbers() {
 *   yield* [1, 2, 3];
 * }
 * assert.deepEqual(await Array.fromAsync(pipe(numbers(), batch(2, 1))), [[1, 2], [3]]);
 * ```
 */
export function batch<T>(n: number, seconds: number, options: BatchOptions<T> = {}): Transform<T, T[]> {
  assertWithin("n", n, 1, Infinity);
  assertWithin("seconds", seconds, 0, Infinity, true);
  const { clock = runtimeClock } = options;
  return iterate<T, T[]>(options.handBack, (flow) => {
    const held: T[] = [];
    let timer: AbortController | undefined;
    let due = false; // the time of the group that gathers is over

    const stop = () => {
      timer?.abort();
      timer = undefined;
      due = false;
    };
    const start = () => {
      if (timer || seconds === Infinity || held.length >= n) return;
      const mine = timer = new AbortController();
      const ring = () => {
        if (mine.signal.aborted) return;
        due = true;
        step();
      };
      clock.sleep(seconds, mine.signal).then(ring, ring);
    };
    const step = () => {
      while (flow.waiting && held.length && (held.length >= n || due || flow.over)) {
        stop();
        flow.give(held.splice(0));
      }
      if (flow.waiting) flow.read();
      flow.finish();
    };
    return {
      step,
      item(item) {
        held.push(item);
        start();
        step();
      },
      leftovers() {
        stop();
        return held;
      },
    };
  });
}
