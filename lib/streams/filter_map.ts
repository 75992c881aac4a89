import type { Transform } from "../types.ts";
import { atHand, type MayHaveAtHand } from "./at_hand.ts";
import { type HandBack, handBackWith } from "./hand_back.ts";

/**
 * Maps each item, one after the other and in order; an item for which `fn` gives undefined is left out. A synchronous
 * `fn` costs one promise an item, about half of what an async generator costs, and none behind another `filterMap`.
 *
 * @param fn Gives the item to yield, or a promise of it. What it throws ends the iteration, after the source is closed.
 * @param options `handBack` takes back an item that was read and not yielded; by default its `release()` is called.
 * @returns The transform.
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { filterMap, pipe } from "@dashi/sqs";
 *
 * async function* numbers() {
 *   yield* [1, 2, 3, 4];
 * }
 * const doubledOdds = pipe(numbers(), filterMap((n) => n % 2 ? n * 2 : undefined));
 * assert.deepEqual(await Array.fromAsync(doubledOdds), [2, 6]);
 * ```
 */
export function filterMap<A, B>(
  fn: (item: A) => B | undefined | Promise<B | undefined>,
  options: { readonly handBack?: HandBack<A> | undefined } = {},
): Transform<A, B> {
  const giveBack = handBackWith(options.handBack);
  return (source) => {
    let reader: MayHaveAtHand<A> | undefined;
    let reading = false;
    let finished = false; // the source has nothing to close any more
    let closing: Promise<void> | undefined;
    let pending = 0; // next() calls without an answer
    let last: Promise<IteratorResult<B>>;
    // What a look began and the next() that follows it at once waits for.
    let begun: { readonly item: A; readonly value: Promise<B | undefined> } | undefined;

    const finish = () => {
      finished = true;
      closing ??= Promise.resolve();
    };
    const open = (): MayHaveAtHand<A> => reader ??= source[Symbol.asyncIterator]();
    const close = () => closing ??= shut();
    async function shut(): Promise<void> {
      if (finished) return;
      const closed = open().return?.();
      // An async generator that is busy with a read closes only after it, which may take a long poll.
      if (reading) closed?.catch(() => {});
      else await closed;
    }
    /** Goes on to an item that is not left out: in a loop, as a chain of promises would grow with each. */
    const read = async (): Promise<IteratorResult<B>> => {
      let item!: A;
      try {
        while (!closing) {
          let value: B | undefined | Promise<B | undefined>;
          if (begun) {
            ({ item, value } = begun);
            begun = undefined;
          } else {
            reading = true;
            const result = await open().next();
            reading = false;
            if (result.done) {
              finish();
              break;
            }
            item = result.value;
            if (!closing) value = fn(item);
          }
          if (value instanceof Promise) value = await value;
          if (closing) giveBack(item);
          else if (value !== undefined) return { done: false, value };
        }
        return { done: true, value: undefined };
      } catch (error) {
        if (reading) finish(); // the source itself failed
        else await Promise.allSettled([giveBack(item), close()]);
        throw error;
      } finally {
        reading = false;
        pending--;
      }
    };
    const map = (item: A) => {
      try {
        return fn(item);
      } catch (error) {
        return Promise.reject(error);
      }
    };
    const look = (): B | undefined => {
      while (!pending && !begun && !closing) {
        const item = open()[atHand]?.();
        if (item === undefined) return undefined;
        const value = map(item);
        if (value instanceof Promise) begun = { item, value };
        else if (value !== undefined) return value;
      }
    };
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      [atHand]: look,
      next() {
        const value = look();
        if (value !== undefined) return Promise.resolve({ done: false, value });
        return last = pending++ ? last.then(read, read) : read();
      },
      return: (value?: unknown) => close().then(() => ({ done: true, value })),
    } as AsyncIterableIterator<B>;
  };
}
