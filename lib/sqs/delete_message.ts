import { assertText } from "../check.ts";
import type { AwsRequest } from "../types.ts";
import { sqsRequest } from "./request.ts";

/** Options of {@linkcode deleteMessage}. */
export interface DeleteMessageOptions {
  /** The queue's URL. */
  readonly queueUrl: string;
  /** The receipt handle of the message's latest receive. */
  readonly receiptHandle: string;
}

/**
 * Builds a `DeleteMessage` request: no I/O, no clock, no randomness.
 *
 * With a handle of an earlier receive, a standard queue answers that all is well and may have deleted nothing; a FIFO
 * queue answers with an error once the visibility timeout is over.
 *
 * @param options Queue URL and receipt handle.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If one of them is not a text.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { deleteMessage } from "@dashi/sqs/sqs";
 *
 * const request = deleteMessage({ queueUrl: "https://sqs.eu-west-1.amazonaws.com/1/jobs", receiptHandle: "AQEB" });
 * assert.equal(JSON.parse(request.body).ReceiptHandle, "AQEB");
 * ```
 */
export function deleteMessage(options: DeleteMessageOptions): AwsRequest<void> {
  const { queueUrl, receiptHandle } = options;
  assertText("queueUrl", queueUrl);
  assertText("receiptHandle", receiptHandle);
  return sqsRequest("DeleteMessage", { QueueUrl: queueUrl, ReceiptHandle: receiptHandle });
}
