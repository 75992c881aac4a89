import { assertText, assertWithin } from "../check.ts";
import type { AwsRequest } from "../types.ts";
import { MAX_VISIBILITY } from "./limits.ts";
import { sqsRequest } from "./request.ts";

/** Options of {@linkcode changeMessageVisibility}. */
export interface ChangeMessageVisibilityOptions {
  /** The queue's URL. */
  readonly queueUrl: string;
  /** The receipt handle of the message's latest receive. */
  readonly receiptHandle: string;
  /** Seconds from now that the message stays hidden, 0 to 43,200; 0 makes it visible at once. */
  readonly visibilityTimeout: number;
}

/**
 * Builds a `ChangeMessageVisibility` request: no I/O, no clock, no randomness.
 *
 * The time counts from the call, not from what is left. In total a message stays hidden for 12 hours from its receive at
 * the most; more is an error of SQS, not a shorter time.
 *
 * @param options Queue URL, receipt handle and timeout in seconds (0 to 43,200).
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If the queue URL or the receipt handle is missing, or the timeout is out of range.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { changeMessageVisibility } from "@dashi/sqs/sqs";
 *
 * const request = changeMessageVisibility({
 *   queueUrl: "https://sqs.eu-west-1.amazonaws.com/1/jobs",
 *   receiptHandle: "AQEB",
 *   visibilityTimeout: 60,
 * });
 * assert.equal(JSON.parse(request.body).VisibilityTimeout, 60);
 * ```
 */
export function changeMessageVisibility(options: ChangeMessageVisibilityOptions): AwsRequest<void> {
  const { queueUrl, receiptHandle, visibilityTimeout } = options;
  assertText("queueUrl", queueUrl);
  assertText("receiptHandle", receiptHandle);
  assertWithin("visibilityTimeout", visibilityTimeout, 0, MAX_VISIBILITY);
  return sqsRequest("ChangeMessageVisibility", {
    QueueUrl: queueUrl,
    ReceiptHandle: receiptHandle,
    VisibilityTimeout: visibilityTimeout,
  });
}
