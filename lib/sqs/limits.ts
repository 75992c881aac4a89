/**
 * SQS's quotas. Code, docs and tests read them here.
 *
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html}
 * @module
 */

/** Entries of a batch, and messages of a receive. */
export const MAX_BATCH = 10;
/** Bytes of a request: bodies and attributes of all entries. */
export const MAX_REQUEST_BYTES = 1_048_576;
/** Seconds of a long poll. */
export const MAX_WAIT = 20;
/** Seconds of a visibility timeout, and of a message's time in flight in total: 12 hours. */
export const MAX_VISIBILITY = 43_200;
/** Seconds of a message's delay. */
export const MAX_DELAY = 900;
