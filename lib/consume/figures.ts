/**
 * Figures of a consumer that are nobody's option. (Constants, as a bundler writes their values in place.)
 *
 * @module
 */

/** Seconds of a long poll when queues take turns. */
export const TURN = 1;

/** Seconds to rest after an empty answer that came at once, so that no endpoint is asked in a tight loop. */
export const LEAST_REST = 0.1;

/** Seconds below which a queue that failed rests at random, doubled with each failure up to the most. */
export const REST_BASE = 0.5;

/** The most of those seconds. */
export const REST_MOST = 30;

/**
 * A share of the visibility timeout: once a heartbeat is due, messages whose turn comes within it go along in the same
 * batch, and one that failed is tried again after it.
 */
export const ALONG = 0.1;

/** Most seconds from one look at what is held to the next. */
export const LOOK = 60;

/** Turns of the microtask queue within which a loop comes to its next ack if it waits for nothing else. */
export const BREATH = 5;

/** Batches of one kind, acks or changes, that a queue has under way at once: each may take a connection. */
export const MOST_BATCHES = 100;

/** Seconds that what is known of a queue's attributes is good for, as in kombu. */
export const GOOD_FOR = 300;

/** Payloads at once without a reason for few. */
export const MANY = 16;

/** Payloads at once with a reason for few. */
export const FEW = 4;
