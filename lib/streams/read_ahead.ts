import { assertWithin } from "../check.ts";
import type { Transform } from "../types.ts";
import type { HandBack } from "./hand_back.ts";
import { iterate } from "./iterate.ts";

/**
 * Reads ahead of the loop, so that the next item is there when it is asked for. One read is in flight, and no more than
 * `n` items wait.
 *
 * On `break` the items that wait are handed back, and so is what the read in flight brings later. An error of the source
 * comes after the items before it.
 *
 * @param n How many items may wait, 1 or more.
 * @param options `handBack` takes back an item that was read and not yielded; by default its `release()` is called.
 * @returns The transform.
 * @throws {ConfigError} If `n` is out of range.
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { pipe, readAhead } from "@dashi/sqs";
 *
 * async function* numbers() {
 *   yield* [1, 2, 3];
 * }
 * assert.deepEqual(await Array.fromAsync(pipe(numbers(), readAhead(2))), [1, 2, 3]);
 * ```
 */
export function readAhead<T>(
  n: number,
  options: { readonly handBack?: HandBack<T> | undefined } = {},
): Transform<T, T> {
  assertWithin("n", n, 1, Infinity);
  return iterate<T, T>(options.handBack, (flow) => {
    const held: T[] = [];
    const step = () => {
      while (flow.waiting && held.length) flow.give(held.shift()!);
      if (held.length < n) flow.read();
      flow.finish();
    };
    return {
      step,
      item(item) {
        held.push(item);
        step();
      },
      leftovers: () => held,
    };
  });
}
