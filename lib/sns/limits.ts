/**
 * SNS's quotas. Code, docs and tests read them here.
 *
 * @see {@link https://docs.aws.amazon.com/general/latest/gr/sns.html}
 * @module
 */

/** Entries of a batch. */
export const MAX_BATCH = 10;
/** Bytes of a message, and of a batch, where the topic's MaximumMessageSize does not say otherwise. */
export const DEFAULT_MESSAGE_BYTES = 262_144;
