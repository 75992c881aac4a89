import * as v from "valibot";
import type { AwsRequest } from "../types.ts";
import { type OutgoingSnsMessage, SentFields, type SentSnsMessage, writeMessage } from "./message.ts";
import { assertSnsArn, snsRequest } from "./request.ts";

/** Options of {@linkcode publish}. */
export interface PublishOptions extends OutgoingSnsMessage {
  /** The topic's ARN. */
  readonly topicArn: string;
}

const Result = /* @__PURE__ */ (() => v.object(SentFields))();

/**
 * Builds a `Publish` request: no I/O, no clock, no randomness.
 *
 * @param options Topic and message.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If SNS would refuse the message.
 * @see {@link https://docs.aws.amazon.com/sns/latest/api/API_Publish.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { publish } from "@dashi/sqs/sns";
 *
 * const request = publish({
 *   topicArn: "arn:aws:sns:eu-west-1:123456789012:news",
 *   message: "soup is ready",
 *   messageAttributes: { bowls: { DataType: "Number", StringValue: "2" } },
 * });
 * assert.match(request.body, /MessageAttributes\.entry\.1\.Value\.DataType=Number/);
 * ```
 */
export function publish(options: PublishOptions): AwsRequest<SentSnsMessage> {
  const { topicArn } = options;
  assertSnsArn("topicArn", topicArn);
  return snsRequest(
    "Publish",
    { TopicArn: topicArn, ...writeMessage(options) },
    Result,
    ({ MessageId, SequenceNumber }) => ({ messageId: MessageId, sequenceNumber: SequenceNumber || undefined }),
  );
}
