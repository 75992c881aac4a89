import { assertText } from "../check.ts";
import type { AwsRequest } from "../types.ts";
import { answer, maybe, recordOf, text } from "./answer.ts";
import { sqsRequest } from "./request.ts";

/** Options of {@linkcode getQueueAttributes}. */
export interface GetQueueAttributesOptions {
  /** The queue's URL. */
  readonly queueUrl: string;
  /** The names of the attributes to give. Default: `["All"]`. */
  readonly attributeNames?: readonly string[] | undefined;
}

/** The answer to {@linkcode getQueueAttributes}. */
export interface GetQueueAttributesOutput {
  /** The attributes by name, as SQS writes them: all are strings. */
  readonly attributes: Readonly<Record<string, string>>;
}

const Answer = /* @__PURE__ */ (() => answer({ Attributes: maybe(recordOf(text)) }))();

/**
 * Builds a `GetQueueAttributes` request: no I/O, no clock, no randomness.
 *
 * @param options Queue URL and the names of attributes.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If the queue URL is missing.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { getQueueAttributes } from "@dashi/sqs/sqs";
 *
 * const request = getQueueAttributes({ queueUrl: "https://sqs.eu-west-1.amazonaws.com/1/jobs", attributeNames: ["QueueArn"] });
 * assert.deepEqual(JSON.parse(request.body).AttributeNames, ["QueueArn"]);
 * ```
 */
export function getQueueAttributes(options: GetQueueAttributesOptions): AwsRequest<GetQueueAttributesOutput> {
  const { queueUrl, attributeNames = ["All"] } = options;
  assertText("queueUrl", queueUrl);
  return sqsRequest(
    "GetQueueAttributes",
    { QueueUrl: queueUrl, AttributeNames: attributeNames },
    Answer,
    ({ Attributes }) => ({ attributes: Attributes ?? {} }),
  );
}
