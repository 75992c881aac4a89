import { assertText, assertWithin } from "../check.ts";
import type { AwsRequest } from "../types.ts";
import { type BatchOutput, batchRequest, writeEntries } from "./batch.ts";
import { MAX_VISIBILITY } from "./limits.ts";

/** An entry of {@linkcode changeMessageVisibilityBatch}. */
export interface ChangeMessageVisibilityBatchEntry {
  /** The entry's id, which its result carries: up to 80 letters, digits, hyphens and underscores. */
  readonly id: string;
  /** The receipt handle of the message's latest receive. */
  readonly receiptHandle: string;
  /** Seconds from now that the message stays hidden, 0 to 43,200; 0 makes it visible at once. */
  readonly visibilityTimeout: number;
}

/** Options of {@linkcode changeMessageVisibilityBatch}. */
export interface ChangeMessageVisibilityBatchOptions {
  /** The queue's URL. */
  readonly queueUrl: string;
  /** 1 to 10 entries with distinct ids. */
  readonly entries: readonly ChangeMessageVisibilityBatchEntry[];
}

/** The answer to {@linkcode changeMessageVisibilityBatch}: good and bad entries at once. */
export type ChangeMessageVisibilityBatchOutput = BatchOutput;

/**
 * Builds a `ChangeMessageVisibilityBatch` request: no I/O, no clock, no randomness.
 *
 * An answer with failed entries is a good answer: look at `failed`. An entry that the answer does not speak of is there
 * too, with the code `MissingFromAnswer`.
 *
 * @param options Queue URL and 1 to 10 receipt handles with their timeouts in seconds (0 to 43,200).
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If there is no queue URL, too few or too many entries, ids that clash, or a timeout out
 * of range.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { changeMessageVisibilityBatch } from "@dashi/sqs/sqs";
 *
 * const request = changeMessageVisibilityBatch({
 *   queueUrl: "https://sqs.eu-west-1.amazonaws.com/1/jobs",
 *   entries: [{ id: "a", receiptHandle: "AQEB", visibilityTimeout: 0 }],
 * });
 * assert.equal(JSON.parse(request.body).Entries[0].VisibilityTimeout, 0);
 * ```
 */
export function changeMessageVisibilityBatch(
  options: ChangeMessageVisibilityBatchOptions,
): AwsRequest<ChangeMessageVisibilityBatchOutput> {
  const { queueUrl, entries } = options;
  assertText("queueUrl", queueUrl);
  const write = ({ receiptHandle, visibilityTimeout }: ChangeMessageVisibilityBatchEntry, path: string) => {
    assertText(`${path}receiptHandle`, receiptHandle);
    assertWithin(`${path}visibilityTimeout`, visibilityTimeout, 0, MAX_VISIBILITY);
    return { ReceiptHandle: receiptHandle, VisibilityTimeout: visibilityTimeout };
  };
  return batchRequest("ChangeMessageVisibilityBatch", queueUrl, writeEntries(entries, write));
}
