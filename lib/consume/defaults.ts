/**
 * The defaults of `consume()` and `forEach()`: code, docs and tests read them here. (Constants, as a bundler writes their
 * values in place.)
 *
 * @module
 */

/** Deliveries held unsettled. */
export const prefetch = 10;

/** Receives side by side while full batches come back. */
export const polls = 8;

/** The same in Workers, where six connections are all there are and the acks need theirs. */
export const pollsInWorkers = 4;

/** Seconds that an ack waits for others in `forEach` and with `ack: "auto"`. */
export const ackLinger = 0.2;

/** Seconds on top of the wait until held messages are released at the end. */
export const grace = 5;

/** Seconds on a full prefetch until a `stalled` event. */
export const stalled = 30;

/** Seconds of visibility where the queue's own can't be read. */
export const visibilityTimeout = 60;

/** Handlers of `forEach` that run side by side. */
export const concurrency = 10;
