import { assertWithin } from "../check.ts";
import type { AwsRequest } from "../types.ts";
import { answer, listOf, maybe, text } from "./answer.ts";
import { sqsRequest } from "./request.ts";

/** Options of {@linkcode listQueues}. */
export interface ListQueuesOptions {
  /** The beginning of the queues' names. Default: all queues. */
  readonly queueNamePrefix?: string | undefined;
  /** The most URLs to give, 1 to 1,000; without it there is no next page. Default: SQS's, 1,000 without pages. */
  readonly maxResults?: number | undefined;
  /** The `nextToken` of the page before. */
  readonly nextToken?: string | undefined;
}

/** The answer to {@linkcode listQueues}. */
export interface ListQueuesOutput {
  /** The queues' URLs. */
  readonly queueUrls: readonly string[];
  /** The token of the next page, if there is one. */
  readonly nextToken?: string;
}

const Answer = /* @__PURE__ */ (() => answer({ QueueUrls: maybe(listOf(text)), NextToken: maybe(text) }))();

/**
 * Builds a `ListQueues` request: no I/O, no clock, no randomness.
 *
 * @param options Prefix and page.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If `maxResults` is out of range.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueues.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { listQueues } from "@dashi/sqs/sqs";
 *
 * const request = listQueues({ queueNamePrefix: "jobs-" });
 * assert.deepEqual(JSON.parse(request.body), { QueueNamePrefix: "jobs-" });
 * ```
 */
export function listQueues(options: ListQueuesOptions = {}): AwsRequest<ListQueuesOutput> {
  const { queueNamePrefix, maxResults, nextToken } = options;
  if (maxResults !== undefined) assertWithin("maxResults", maxResults, 1, 1000);
  return sqsRequest(
    "ListQueues",
    { QueueNamePrefix: queueNamePrefix, MaxResults: maxResults, NextToken: nextToken },
    Answer,
    ({ QueueUrls, NextToken }) => ({ queueUrls: QueueUrls ?? [], nextToken: NextToken ?? undefined }),
  );
}
