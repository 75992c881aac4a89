import { assertText } from "../check.ts";
import type { AwsRequest } from "../types.ts";
import { answer, maybe, recordOf, text } from "./answer.ts";
import { sqsRequest } from "./request.ts";

/** Options of {@linkcode listQueueTags}. */
export interface ListQueueTagsOptions {
  /** The queue's URL. */
  readonly queueUrl: string;
}

/** The answer to {@linkcode listQueueTags}. */
export interface ListQueueTagsOutput {
  /** The queue's tags. */
  readonly tags: Readonly<Record<string, string>>;
}

const Answer = /* @__PURE__ */ (() => answer({ Tags: maybe(recordOf(text)) }))();

/**
 * Builds a `ListQueueTags` request: no I/O, no clock, no randomness.
 *
 * @param options Queue URL.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If the queue URL is missing.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueueTags.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { listQueueTags } from "@dashi/sqs/sqs";
 *
 * const request = listQueueTags({ queueUrl: "https://sqs.eu-west-1.amazonaws.com/1/jobs" });
 * assert.equal(request.action, "ListQueueTags");
 * ```
 */
export function listQueueTags(options: ListQueueTagsOptions): AwsRequest<ListQueueTagsOutput> {
  const { queueUrl } = options;
  assertText("queueUrl", queueUrl);
  return sqsRequest("ListQueueTags", { QueueUrl: queueUrl }, Answer, ({ Tags }) => ({ tags: Tags ?? {} }));
}
