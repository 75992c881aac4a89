import { refuse } from "../check.ts";
import type { AwsRequest } from "../types.ts";
import { answer, text } from "./answer.ts";
import { assertQueueName, type QueueAttributes, writeAttributes } from "./queue.ts";
import { sqsRequest } from "./request.ts";

/** Options of {@linkcode createQueue}. */
export interface CreateQueueOptions {
  /** The queue's name: up to 80 letters, digits, hyphens and underscores; a FIFO queue's ends in `.fifo`. */
  readonly queueName: string;
  /** The attributes it begins with, such as `{ VisibilityTimeout: 60 }`; a FIFO queue needs `FifoQueue: true`. */
  readonly attributes?: QueueAttributes | undefined;
  /** Its cost allocation tags; up to 50. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
}

/** The answer to {@linkcode createQueue}. */
export interface CreateQueueOutput {
  /** The queue's URL. */
  readonly queueUrl: string;
}

const Answer = /* @__PURE__ */ (() => answer({ QueueUrl: text }))();

/**
 * Builds a `CreateQueue` request: no I/O, no clock, no randomness.
 *
 * Where the queue exists already with the same attributes, SQS answers with its URL; with other attributes, with
 * `QueueNameExists`. The name of a deleted queue is free after 60 s.
 *
 * @param options Name, attributes and tags.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If SQS would refuse the name, or the name and `FifoQueue` disagree.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { createQueue } from "@dashi/sqs/sqs";
 *
 * const request = createQueue({ queueName: "jobs.fifo", attributes: { FifoQueue: true, VisibilityTimeout: 60 } });
 * assert.deepEqual(JSON.parse(request.body).Attributes, { FifoQueue: "true", VisibilityTimeout: "60" });
 * ```
 */
export function createQueue(options: CreateQueueOptions): AwsRequest<CreateQueueOutput> {
  const { queueName, tags } = options;
  assertQueueName(queueName);
  const attributes = writeAttributes(options.attributes);
  const fifo = queueName.endsWith(".fifo");
  if ((attributes?.FifoQueue === "true") !== fifo) {
    refuse(
      "attributes.FifoQueue",
      fifo ? "true for a name that ends in .fifo" : "unset or the name end in .fifo",
      attributes?.FifoQueue,
    );
  }
  return sqsRequest(
    "CreateQueue",
    { QueueName: queueName, Attributes: attributes, tags },
    Answer,
    ({ QueueUrl }) => ({ queueUrl: QueueUrl }),
  );
}
