/**
 * A stream transform: an async iterable in, an async iterable out, nothing started before the first `next()`. An async
 * generator is one: `for await` closes the source when it is closed itself.
 *
 * @example One of your own
 * ```ts
 * import assert from "node:assert/strict";
 * import { pipe, type Transform } from "@dashi/sqs";
 *
 * const noted = <T>(note: (item: T) => void): Transform<T, T> =>
 *   async function* (source) {
 *     for await (const item of source) {
 *       note(item);
 *       yield item;
 *     }
 *   };
 * async function* bowls() {
 *   yield* ["udon", "soba"];
 * }
 * const seen: string[] = [];
 * for await (const bowl of pipe(bowls(), noted((item) => seen.push(item)))) assert.equal(seen.at(-1), bowl);
 * ```
 */
export type Transform<A, B> = (source: AsyncIterable<A>) => AsyncIterable<B>;
