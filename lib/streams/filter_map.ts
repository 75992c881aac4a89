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
  options: { readonly handBack?: HandBack<A> } = {},
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

    const open = (): MayHaveAtHand<A> => reader ??= source[Symbol.asyncIterator]();
    const close = () => closing ??= shut();
    async function shut(): Promise<void> {
      if (finished) return;
      const closed = open().return?.();
      // An async generator that is busy with a read closes only after it, which may take a long poll.
      if (reading) closed?.catch(() => {});
      else await closed;
    }
    const answer = (value?: B): IteratorResult<B> => {
      pending--;
      return value === undefined ? { done: true, value } : { done: false, value };
    };
    const read = (): Promise<IteratorResult<B>> => {
      if (closing) return Promise.resolve(answer());
      if (begun) {
        const { item, value } = begun;
        begun = undefined;
        return slowly(item, value);
      }
      reading = true;
      return open().next().then(onRead, onError);
    };
    const onRead = (result: IteratorResult<A>): IteratorResult<B> | Promise<IteratorResult<B>> => {
      reading = false;
      if (result.done || closing) return leave(result);
      const value = map(result.value);
      return value === undefined || value instanceof Promise ? slowly(result.value, value) : answer(value);
    };
    const onError = (error: unknown): never => {
      reading = false;
      finished = true;
      closing ??= Promise.resolve();
      pending--;
      throw error;
    };
    const map = (item: A) => {
      try {
        return fn(item);
      } catch (error) {
        return Promise.reject(error);
      }
    };
    const leave = (result: IteratorResult<A>): IteratorResult<B> => {
      if (result.done) {
        finished = true;
        closing ??= Promise.resolve();
      } else giveBack(result.value);
      return answer();
    };
    /** Goes on after an item that takes longer or is left out: in a loop, as a chain of promises would grow with each. */
    const slowly = async (item: A, value: B | undefined | Promise<B | undefined>): Promise<IteratorResult<B>> => {
      for (;;) {
        try {
          value = await value;
        } catch (error) {
          await Promise.allSettled([giveBack(item), close()]);
          pending--;
          throw error;
        }
        if (closing) return leave({ value: item });
        if (value !== undefined) return answer(value);
        reading = true;
        const result = await open().next().then((result) => result, onError);
        reading = false;
        if (result.done || closing) return leave(result);
        item = result.value;
        value = map(item);
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
