import { assertText } from "../check.ts";
import type { AwsRequest } from "../types.ts";
import { type BatchOutput, batchRequest, writeEntries } from "./batch.ts";

/** An entry of {@linkcode deleteMessageBatch}. */
export interface DeleteMessageBatchEntry {
  /** The entry's id, which its result carries: up to 80 letters, digits, hyphens and underscores. */
  readonly id: string;
  /** The receipt handle of the message's latest receive. */
  readonly receiptHandle: string;
}

/** Options of {@linkcode deleteMessageBatch}. */
export interface DeleteMessageBatchOptions {
  /** The queue's URL. */
  readonly queueUrl: string;
  /** 1 to 10 receipt handles with distinct ids. */
  readonly entries: readonly DeleteMessageBatchEntry[];
}

/** The answer to {@linkcode deleteMessageBatch}: good and bad entries at once. */
export type DeleteMessageBatchOutput = BatchOutput;

/**
 * Builds a `DeleteMessageBatch` request: no I/O, no clock, no randomness.
 *
 * An answer with failed entries is a good answer: look at `failed`. An entry that the answer does not speak of is there
 * too, with the code `MissingFromAnswer`.
 *
 * @param options Queue URL and 1 to 10 receipt handles.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If there is no queue URL, too few or too many entries, or ids that clash.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessageBatch.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { deleteMessageBatch } from "@dashi/sqs/sqs";
 *
 * const request = deleteMessageBatch({
 *   queueUrl: "https://sqs.eu-west-1.amazonaws.com/1/jobs",
 *   entries: [{ id: "a", receiptHandle: "AQEB" }],
 * });
 * assert.deepEqual(JSON.parse(request.body).Entries, [{ Id: "a", ReceiptHandle: "AQEB" }]);
 * ```
 */
export function deleteMessageBatch(options: DeleteMessageBatchOptions): AwsRequest<DeleteMessageBatchOutput> {
  const { queueUrl, entries } = options;
  assertText("queueUrl", queueUrl);
  const write = ({ receiptHandle }: DeleteMessageBatchEntry, path: string) => {
    assertText(`${path}receiptHandle`, receiptHandle);
    return { ReceiptHandle: receiptHandle };
  };
  return batchRequest("DeleteMessageBatch", queueUrl, writeEntries(entries, write));
}
