import { assertText, each, is } from "../check.ts";
import type { AwsRequest } from "../types.ts";
import { sqsRequest } from "./request.ts";

/** Options of {@linkcode tagQueue}. */
export interface TagQueueOptions {
  /** The queue's URL. */
  readonly queueUrl: string;
  /** The tags to add or to overwrite; a queue has up to 50. */
  readonly tags: Readonly<Record<string, string>>;
}

/**
 * Builds a `TagQueue` request: no I/O, no clock, no randomness.
 *
 * @param options Queue URL and tags.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If the queue URL is missing or the tags are no record of text.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_TagQueue.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { tagQueue } from "@dashi/sqs/sqs";
 *
 * const request = tagQueue({ queueUrl: "https://sqs.eu-west-1.amazonaws.com/1/jobs", tags: { team: "ramen" } });
 * assert.deepEqual(JSON.parse(request.body).Tags, { team: "ramen" });
 * ```
 */
export function tagQueue(options: TagQueueOptions): AwsRequest<void> {
  const { queueUrl, tags } = options;
  assertText("queueUrl", queueUrl);
  each(is("string"))("tags", tags);
  return sqsRequest("TagQueue", { QueueUrl: queueUrl, Tags: tags });
}
