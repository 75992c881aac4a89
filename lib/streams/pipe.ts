import { assertIterable, is, listOf } from "../check.ts";
import type { Transform } from "../types.ts";

/**
 * Sends a source through transforms, left to right. It starts nothing: the first `next()` on the result does.
 *
 * @param source Where the items come from: an async iterable, or a list or another iterable.
 * @param transforms Functions from an async iterable to an async iterable.
 * @returns What the last transform gives, or the source itself where there is none.
 * @throws {ConfigError} If the source can't be iterated, or a transform is no function.
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { batch, pipe, readAhead } from "@dashi/sqs";
 *
 * async function* numbers() {
 *   yield* [1, 2, 3];
 * }
 * assert.deepEqual(await Array.fromAsync(pipe(numbers(), readAhead(10), batch(2, 1))), [[1, 2], [3]]);
 * ```
 */
export function pipe<A>(source: AsyncIterable<A> | Iterable<A>): AsyncIterable<A>;
/** Through one transform. */
export function pipe<A, B>(source: AsyncIterable<A> | Iterable<A>, t1: Transform<A, B>): AsyncIterable<B>;
/** Through two transforms. */
export function pipe<A, B, C>(
  source: AsyncIterable<A> | Iterable<A>,
  t1: Transform<A, B>,
  t2: Transform<B, C>,
): AsyncIterable<C>;
/** Through three transforms. */
export function pipe<A, B, C, D>(
  source: AsyncIterable<A> | Iterable<A>,
  t1: Transform<A, B>,
  t2: Transform<B, C>,
  t3: Transform<C, D>,
): AsyncIterable<D>;
/** Through four transforms. */
export function pipe<A, B, C, D, E>(
  source: AsyncIterable<A> | Iterable<A>,
  t1: Transform<A, B>,
  t2: Transform<B, C>,
  t3: Transform<C, D>,
  t4: Transform<D, E>,
): AsyncIterable<E>;
/** Through five transforms. */
export function pipe<A, B, C, D, E, F>(
  source: AsyncIterable<A> | Iterable<A>,
  t1: Transform<A, B>,
  t2: Transform<B, C>,
  t3: Transform<C, D>,
  t4: Transform<D, E>,
  t5: Transform<E, F>,
): AsyncIterable<F>;
/** Through six transforms. */
export function pipe<A, B, C, D, E, F, G>(
  source: AsyncIterable<A> | Iterable<A>,
  t1: Transform<A, B>,
  t2: Transform<B, C>,
  t3: Transform<C, D>,
  t4: Transform<D, E>,
  t5: Transform<E, F>,
  t6: Transform<F, G>,
): AsyncIterable<G>;
/** Through seven transforms. */
export function pipe<A, B, C, D, E, F, G, H>(
  source: AsyncIterable<A> | Iterable<A>,
  t1: Transform<A, B>,
  t2: Transform<B, C>,
  t3: Transform<C, D>,
  t4: Transform<D, E>,
  t5: Transform<E, F>,
  t6: Transform<F, G>,
  t7: Transform<G, H>,
): AsyncIterable<H>;
/** Through eight transforms. */
export function pipe<A, B, C, D, E, F, G, H, I>(
  source: AsyncIterable<A> | Iterable<A>,
  t1: Transform<A, B>,
  t2: Transform<B, C>,
  t3: Transform<C, D>,
  t4: Transform<D, E>,
  t5: Transform<E, F>,
  t6: Transform<F, G>,
  t7: Transform<G, H>,
  t8: Transform<H, I>,
): AsyncIterable<I>;
/** Through nine transforms. */
export function pipe<A, B, C, D, E, F, G, H, I, J>(
  source: AsyncIterable<A> | Iterable<A>,
  t1: Transform<A, B>,
  t2: Transform<B, C>,
  t3: Transform<C, D>,
  t4: Transform<D, E>,
  t5: Transform<E, F>,
  t6: Transform<F, G>,
  t7: Transform<G, H>,
  t8: Transform<H, I>,
  t9: Transform<I, J>,
): AsyncIterable<J>;
export function pipe(
  source: AsyncIterable<unknown> | Iterable<unknown>,
  ...transforms: Transform<unknown, unknown>[]
): AsyncIterable<unknown> {
  assertIterable("source", source);
  listOf(is("function"))("transforms", transforms);
  const items = Symbol.asyncIterator in source ? source : async function* () {
    yield* source;
  }();
  return transforms.reduce((items, transform) => transform(items), items);
}
