import { assertText } from "../check.ts";
import type { AwsRequest } from "../types.ts";
import { sqsRequest } from "./request.ts";

/** Options of {@linkcode purgeQueue}. */
export interface PurgeQueueOptions {
  /** The queue's URL. */
  readonly queueUrl: string;
}

/**
 * Builds a `PurgeQueue` request: no I/O, no clock, no randomness.
 *
 * All messages are deleted, which takes up to 60 s; once in 60 s at the most, else SQS answers with
 * `PurgeQueueInProgress`.
 *
 * @param options Queue URL.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If the queue URL is missing.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_PurgeQueue.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { purgeQueue } from "@dashi/sqs/sqs";
 *
 * const request = purgeQueue({ queueUrl: "https://sqs.eu-west-1.amazonaws.com/1/jobs" });
 * assert.equal(request.action, "PurgeQueue");
 * ```
 */
export function purgeQueue(options: PurgeQueueOptions): AwsRequest<void> {
  const { queueUrl } = options;
  assertText("queueUrl", queueUrl);
  return sqsRequest("PurgeQueue", { QueueUrl: queueUrl });
}
