/**
 * How far along a consumer is. It only ever goes down this list. (Constants, as a bundler writes their values in place.)
 *
 * @module
 */

/** Nothing was asked of it yet. */
export const New = 0;

/** It polls. */
export const Open = 1;

/** It polls no more; what is buffered is still handed out. */
export const Finishing = 2;

/** The iteration is over; what is held is being settled. */
export const Ending = 3;

/** Nothing is left. */
export const Closed = 4;
