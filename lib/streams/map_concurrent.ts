import { assertWithin } from "../check.ts";
import type { Transform } from "../types.ts";
import type { HandBack } from "./hand_back.ts";
import { isPromise } from "./is_promise.ts";
import { iterate } from "./iterate.ts";

/** Options of {@linkcode mapConcurrent}. */
export interface MapConcurrentOptions<A> {
  /** Yields in the source's order, so that a slow item holds up the ones behind it. Default: false. */
  readonly ordered?: boolean | undefined;
  /** Yields the items of one key in the source's order, such as a FIFO group's. Undefined is no key. */
  readonly keyOf?: ((item: A) => string | undefined) | undefined;
  /** Takes back an item that was read and not yielded. By default its `release()` is called, if it has one. */
  readonly handBack?: HandBack<A> | undefined;
}

/** An item under way; `done` once there is a value or an error. */
interface Slot<A, B> {
  readonly item: A;
  key?: string;
  done?: Done<B>;
}

/** With an error, if it failed. */
interface Done<B> {
  readonly value?: B;
  readonly error?: unknown;
}

/**
 * Maps up to `n` items side by side, and yields each when it is done: a slow one holds up no other, unless `ordered` or
 * `keyOf` ask for it. An item for which `fn` gives undefined is left out.
 *
 * It reads ahead: as soon as the first is asked for, up to `n` items are under way or wait. Where `fn` gives a value and
 * no promise, one item waits and no more, so that what the source has by then comes next. What `fn` throws ends the
 * iteration after the items before that one; the items behind it are handed back.
 *
 * @param n How many items may be under way or wait, 1 or more.
 * @param fn Gives the item to yield, or a promise of it. Its signal is aborted when the iteration is given up.
 * @param options Order, and `handBack`.
 * @returns The transform.
 * @throws {ConfigError} If `n` is out of range.
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { mapConcurrent, pipe } from "@dashi/sqs";
 *
 * async function* numbers() {
 *   yield* [1, 2, 3];
 * }
 * const squares = pipe(numbers(), mapConcurrent(2, async (n) => await Promise.resolve(n * n), { ordered: true }));
 * assert.deepEqual(await Array.fromAsync(squares), [1, 4, 9]);
 * ```
 */
export function mapConcurrent<A, B>(
  n: number,
  fn: (item: A, signal: AbortSignal) => B | undefined | Promise<B | undefined>,
  options: MapConcurrentOptions<A> = {},
): Transform<A, B> {
  assertWithin("n", n, 1, Infinity);
  const { ordered, keyOf = () => ordered ? "" : undefined } = options;
  return iterate<A, B>(options.handBack, (flow) => {
    const controller = new AbortController();
    const held = new Set<Slot<A, B>>(); // in the source's order
    let ready = 0; // done, and still held
    let quick: Slot<A, B> | undefined; // the last that was mapped without a wait
    let failed = false;

    const step = () => {
      if (ready) yieldReady();
      // Behind one that waits for the loop and took no time, nothing is gained by reading on.
      if (held.size < n && !failed && (flow.waiting || !held.has(quick!))) flow.read();
      if (!held.size) flow.finish();
    };
    const yieldReady = () => {
      const blocked = new Set<string | undefined>();
      let first = true;
      for (const slot of held) {
        if (!flow.waiting) break; // a look at all that are held, each time, would be n * n of them
        const { key, done } = slot;
        if (done && "error" in done) {
          if (first) flow.fail(done.error);
          break;
        }
        if (done && !blocked.has(key)) {
          ready--;
          go(slot, done);
          continue;
        }
        first = false;
        if (key !== undefined) blocked.add(key);
      }
    };
    const go = (slot: Slot<A, B>, { value }: Done<B>) => {
      held.delete(slot);
      if (value !== undefined) flow.give(value);
    };
    const settle = (slot: Slot<A, B>, done: Done<B>) => {
      slot.done = done;
      if ("error" in done) failed = true;
      // One that waits for no other need not be looked for among all that are held.
      if (slot.key === undefined && !failed && (done.value === undefined || flow.waiting)) go(slot, done);
      else ready++;
      step();
    };
    return {
      step,
      item(item) {
        const slot: Slot<A, B> = { item };
        held.add(slot);
        const fail = (error: unknown) => settle(slot, { error });
        try {
          slot.key = keyOf(item);
          const value = fn(item, controller.signal);
          if (isPromise(value)) {
            Promise.resolve(value).then((value) => settle(slot, { value }), fail);
            step();
          } else settle(quick = slot, { value });
        } catch (error) {
          fail(error);
        }
      },
      leftovers() {
        controller.abort();
        return Array.from(held, ({ item }) => item);
      },
    };
  });
}
