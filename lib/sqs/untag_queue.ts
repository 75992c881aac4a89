import { assertText, listOf } from "../check.ts";
import type { AwsRequest } from "../types.ts";
import { sqsRequest } from "./request.ts";

/** Options of {@linkcode untagQueue}. */
export interface UntagQueueOptions {
  /** The queue's URL. */
  readonly queueUrl: string;
  /** The keys of the tags to remove. */
  readonly tagKeys: readonly string[];
}

/**
 * Builds an `UntagQueue` request: no I/O, no clock, no randomness.
 *
 * @param options Queue URL and the keys of tags.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If the queue URL is missing, or the keys are no list of texts.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_UntagQueue.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { untagQueue } from "@dashi/sqs/sqs";
 *
 * const request = untagQueue({ queueUrl: "https://sqs.eu-west-1.amazonaws.com/1/jobs", tagKeys: ["team"] });
 * assert.deepEqual(JSON.parse(request.body).TagKeys, ["team"]);
 * ```
 */
export function untagQueue(options: UntagQueueOptions): AwsRequest<void> {
  const { queueUrl, tagKeys } = options;
  assertText("queueUrl", queueUrl);
  listOf(assertText)("tagKeys", tagKeys);
  return sqsRequest("UntagQueue", { QueueUrl: queueUrl, TagKeys: tagKeys });
}
