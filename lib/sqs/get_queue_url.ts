import type { AwsRequest } from "../types.ts";
import { answer, text } from "./answer.ts";
import { assertQueueName } from "./queue.ts";
import { sqsRequest } from "./request.ts";

/** Options of {@linkcode getQueueUrl}. */
export interface GetQueueUrlOptions {
  /** The queue's name: up to 80 letters, digits, hyphens and underscores; a FIFO queue's ends in `.fifo`. */
  readonly queueName: string;
  /** The account that owns the queue, where it is another's. */
  readonly queueOwnerAwsAccountId?: string | undefined;
}

/** The answer to {@linkcode getQueueUrl}. */
export interface GetQueueUrlOutput {
  /** The queue's URL. */
  readonly queueUrl: string;
}

const Answer = /* @__PURE__ */ (() => answer({ QueueUrl: text }))();

/**
 * Builds a `GetQueueUrl` request: no I/O, no clock, no randomness.
 *
 * @param options Name, and the account of its owner.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If SQS would refuse the name.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueUrl.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { getQueueUrl } from "@dashi/sqs/sqs";
 *
 * const request = getQueueUrl({ queueName: "jobs" });
 * assert.deepEqual(JSON.parse(request.body), { QueueName: "jobs" });
 * ```
 */
export function getQueueUrl(options: GetQueueUrlOptions): AwsRequest<GetQueueUrlOutput> {
  const { queueName, queueOwnerAwsAccountId } = options;
  assertQueueName(queueName);
  return sqsRequest(
    "GetQueueUrl",
    { QueueName: queueName, QueueOwnerAWSAccountId: queueOwnerAwsAccountId },
    Answer,
    ({ QueueUrl }) => ({ queueUrl: QueueUrl }),
  );
}
