/**
 * The defaults of `connect()`: code, docs and tests read them here. (Constants, as a bundler writes their values in
 * place.)
 *
 * @module
 */

/** Seconds of a long poll. */
export const waitTimeSeconds = 20;

/** Seconds after an empty answer. */
export const pollingInterval = 0;

/** Seconds to an answer's headers. */
export const requestTimeout = 10;

/** Tries of one request. */
export const maxAttempts = 3;
