import type { Transform } from "../types.ts";
import type { HandBack } from "./hand_back.ts";
import { isPromise } from "./is_promise.ts";
import { iterate } from "./iterate.ts";

/**
 * Maps each item, one after the other and in order; an item for which `fn` gives undefined is left out. Behind another
 * `filterMap` a synchronous `fn` costs no promise for what is there already.
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
  return iterate<A, B>(options.handBack, (flow) => {
    // Whether `fn` is at work on what it promised a value for. Whoever looked for that asks for it by a next() at once.
    let busy = false;
    const failed: A[] = [];

    const wait = (item: A, value: PromiseLike<B | undefined>) => {
      const settle = (go: () => void) => {
        busy = false;
        if (flow.waiting) go();
        else flow.giveBack(item); // the iteration was given up meanwhile
      };
      const fail = (error: unknown) => {
        failed.push(item);
        flow.fail(error);
      };
      busy = true;
      Promise.resolve(value).then((value) => settle(() => give(value)), (error) => settle(() => fail(error)));
    };
    /** The value for an item, if it is there at once. */
    const map = (item: A): B | undefined => {
      try {
        const value = fn(item);
        if (!isPromise(value)) return value;
        wait(item, value);
      } catch (error) {
        wait(item, Promise.reject(error));
      }
    };
    const give = (value: B | undefined) => {
      if (value !== undefined) flow.give(value);
      step();
    };
    const step = () => {
      if (busy || !flow.waiting) return;
      flow.read();
      flow.finish();
    };
    return {
      step,
      item: (item) => give(map(item)),
      leftovers: () => failed,
      look() {
        for (let item: A | undefined; !busy && (item = flow.look()) !== undefined;) {
          const value = map(item);
          if (value !== undefined) return value;
        }
      },
    };
  });
}
