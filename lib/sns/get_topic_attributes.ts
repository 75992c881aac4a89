import * as v from "valibot";
import type { AwsRequest } from "../types.ts";
import { assertSnsArn, snsRequest, XmlMap } from "./request.ts";

/** Options of {@linkcode getTopicAttributes}. */
export interface GetTopicAttributesOptions {
  /** The topic's ARN. */
  readonly topicArn: string;
}

/** The answer to {@linkcode getTopicAttributes}. */
export interface GetTopicAttributesOutput {
  /** The attributes by name, as SNS writes them: all are strings. */
  readonly attributes: Readonly<Record<string, string>>;
}

const Result = /* @__PURE__ */ (() => v.object({ Attributes: XmlMap }))();

/**
 * Builds a `GetTopicAttributes` request: no I/O, no clock, no randomness.
 *
 * @param options The topic's ARN.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If it is not an ARN of SNS.
 * @see {@link https://docs.aws.amazon.com/sns/latest/api/API_GetTopicAttributes.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { getTopicAttributes } from "@dashi/sqs/sns";
 *
 * const request = getTopicAttributes({ topicArn: "arn:aws:sns:eu-west-1:123456789012:news" });
 * assert.match(request.body, /TopicArn=arn%3Aaws%3Asns%3Aeu-west-1%3A123456789012%3Anews$/);
 * ```
 */
export function getTopicAttributes(options: GetTopicAttributesOptions): AwsRequest<GetTopicAttributesOutput> {
  const { topicArn } = options;
  assertSnsArn("topicArn", topicArn);
  return snsRequest(
    "GetTopicAttributes",
    { TopicArn: topicArn },
    Result,
    ({ Attributes }) => ({ attributes: Attributes }),
  );
}
