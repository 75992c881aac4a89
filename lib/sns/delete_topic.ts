import * as v from "valibot";
import type { AwsRequest } from "../types.ts";
import { assertSnsArn, snsRequest } from "./request.ts";

/** Options of {@linkcode deleteTopic}. */
export interface DeleteTopicOptions {
  /** The topic's ARN. */
  readonly topicArn: string;
}

/**
 * Builds a `DeleteTopic` request: no I/O, no clock, no randomness. The topic's subscriptions go with it; that there is no
 * such topic is no error.
 *
 * @param options The topic's ARN.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If it is not an ARN of SNS.
 * @see {@link https://docs.aws.amazon.com/sns/latest/api/API_DeleteTopic.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { deleteTopic } from "@dashi/sqs/sns";
 *
 * const request = deleteTopic({ topicArn: "arn:aws:sns:eu-west-1:123456789012:news" });
 * assert.match(request.body, /^Action=DeleteTopic&/);
 * ```
 */
export function deleteTopic(options: DeleteTopicOptions): AwsRequest<void> {
  const { topicArn } = options;
  assertSnsArn("topicArn", topicArn);
  return snsRequest("DeleteTopic", { TopicArn: topicArn }, v.unknown(), () => {});
}
