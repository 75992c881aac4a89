import { assertText, is } from "../check.ts";
import type { AwsRequest } from "../types.ts";
import { type QueueAttributes, writeAttributes } from "./queue.ts";
import { sqsRequest } from "./request.ts";

/** Options of {@linkcode setQueueAttributes}. */
export interface SetQueueAttributesOptions {
  /** The queue's URL. */
  readonly queueUrl: string;
  /** The attributes to change; an empty string removes a policy. */
  readonly attributes: QueueAttributes;
}

/**
 * Builds a `SetQueueAttributes` request: no I/O, no clock, no randomness.
 *
 * A change takes up to 60 s to reach all of SQS, a change of MessageRetentionPeriod up to 15 minutes.
 *
 * @param options Queue URL and attributes.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If the queue URL or the attributes are missing, or one is not a string, number or boolean.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { setQueueAttributes } from "@dashi/sqs/sqs";
 *
 * const request = setQueueAttributes({ queueUrl: "https://sqs.eu-west-1.amazonaws.com/1/jobs", attributes: { VisibilityTimeout: 60 } });
 * assert.deepEqual(JSON.parse(request.body).Attributes, { VisibilityTimeout: "60" });
 * ```
 */
export function setQueueAttributes(options: SetQueueAttributesOptions): AwsRequest<void> {
  const { queueUrl, attributes } = options;
  assertText("queueUrl", queueUrl);
  is("object")("attributes", attributes);
  return sqsRequest("SetQueueAttributes", { QueueUrl: queueUrl, Attributes: writeAttributes(attributes) });
}
