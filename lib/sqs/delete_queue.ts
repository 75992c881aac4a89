import { assertText } from "../check.ts";
import type { AwsRequest } from "../types.ts";
import { sqsRequest } from "./request.ts";

/** Options of {@linkcode deleteQueue}. */
export interface DeleteQueueOptions {
  /** The queue's URL. */
  readonly queueUrl: string;
}

/**
 * Builds a `DeleteQueue` request: no I/O, no clock, no randomness.
 *
 * The queue and all its messages are gone at once and for good; its name is free again after 60 s.
 *
 * @param options Queue URL.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If the queue URL is missing.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { deleteQueue } from "@dashi/sqs/sqs";
 *
 * const request = deleteQueue({ queueUrl: "https://sqs.eu-west-1.amazonaws.com/1/jobs" });
 * assert.equal(request.action, "DeleteQueue");
 * ```
 */
export function deleteQueue(options: DeleteQueueOptions): AwsRequest<void> {
  const { queueUrl } = options;
  assertText("queueUrl", queueUrl);
  return sqsRequest("DeleteQueue", { QueueUrl: queueUrl });
}
