import { assertText, assertWithin } from "../check.ts";
import type { AwsRequest } from "../types.ts";
import { answer, listOf, maybe, text } from "./answer.ts";
import { sqsRequest } from "./request.ts";

/** Options of {@linkcode listDeadLetterSourceQueues}. */
export interface ListDeadLetterSourceQueuesOptions {
  /** The dead-letter queue's URL. */
  readonly queueUrl: string;
  /** The most URLs to give, 1 to 1,000; without it there is no next page. Default: SQS's, 1,000 without pages. */
  readonly maxResults?: number | undefined;
  /** The `nextToken` of the page before. */
  readonly nextToken?: string | undefined;
}

/** The answer to {@linkcode listDeadLetterSourceQueues}. */
export interface ListDeadLetterSourceQueuesOutput {
  /** The URLs of the queues whose failed messages go to the dead-letter queue. */
  readonly queueUrls: readonly string[];
  /** The token of the next page, if there is one. */
  readonly nextToken?: string;
}

// This one action's `queueUrls` begins with a small letter.
const Answer = /* @__PURE__ */ (() => answer({ queueUrls: maybe(listOf(text)), NextToken: maybe(text) }))();

/**
 * Builds a `ListDeadLetterSourceQueues` request: no I/O, no clock, no randomness.
 *
 * @param options The dead-letter queue's URL, and the page.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If the queue URL is missing or `maxResults` is out of range.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListDeadLetterSourceQueues.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { listDeadLetterSourceQueues } from "@dashi/sqs/sqs";
 *
 * const request = listDeadLetterSourceQueues({ queueUrl: "https://sqs.eu-west-1.amazonaws.com/1/jobs", maxResults: 10 });
 * assert.equal(JSON.parse(request.body).MaxResults, 10);
 * ```
 */
export function listDeadLetterSourceQueues(
  options: ListDeadLetterSourceQueuesOptions,
): AwsRequest<ListDeadLetterSourceQueuesOutput> {
  const { queueUrl, maxResults, nextToken } = options;
  assertText("queueUrl", queueUrl);
  if (maxResults !== undefined) assertWithin("maxResults", maxResults, 1, 1000);
  return sqsRequest(
    "ListDeadLetterSourceQueues",
    { QueueUrl: queueUrl, MaxResults: maxResults, NextToken: nextToken },
    Answer,
    ({ queueUrls, NextToken }) => ({ queueUrls: queueUrls ?? [], nextToken: NextToken ?? undefined }),
  );
}
