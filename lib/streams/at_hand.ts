/**
 * What an iterator may have beside `next()`: a look for an item that is there already, so that it goes through all steps
 * of a pipeline for one promise, not one a step.
 *
 * @module
 */

/** Names the look. */
export const atHand: unique symbol = /* @__PURE__ */ Symbol("atHand");

/** An iterator that may be asked for what is there already. */
export interface MayHaveAtHand<T> extends AsyncIterator<T> {
  /** The next item if it is there already; undefined says nothing, and `next()` waits for it. */
  [atHand]?(): T | undefined;
}
