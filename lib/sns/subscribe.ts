import * as v from "valibot";
import { assertText } from "../check.ts";
import { entries } from "../http/query_request.ts";
import type { AwsRequest } from "../types.ts";
import { assertSnsArn, snsRequest } from "./request.ts";

/** Options of {@linkcode subscribe}. */
export interface SubscribeOptions {
  /** The topic's ARN. */
  readonly topicArn: string;
  /** The kind of endpoint. Default: `sqs`. */
  readonly protocol?: string | undefined;
  /** What is subscribed: for `sqs`, the queue's ARN. */
  readonly endpoint: string;
  /** Attributes by SNS's names, such as `RawMessageDelivery`. */
  readonly attributes?: Readonly<Record<string, string | number | boolean>> | undefined;
}

/** The answer to {@linkcode subscribe}. */
export interface SubscribeOutput {
  /** The subscription's ARN, also of one that is not confirmed yet. */
  readonly subscriptionArn: string;
}

const Result = /* @__PURE__ */ (() => v.object({ SubscriptionArn: v.string() }))();

/**
 * Builds a `Subscribe` request: no I/O, no clock, no randomness.
 *
 * For an endpoint that is subscribed SNS answers the subscription's ARN; if attributes are given that differ from the
 * subscription's, it answers an `InvalidParameter` error.
 *
 * @param options Topic, endpoint, attributes.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If the topic's ARN is not one of SNS, or the endpoint is empty.
 * @see {@link https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { subscribe } from "@dashi/sqs/sns";
 *
 * const request = subscribe({
 *   topicArn: "arn:aws:sns:eu-west-1:123456789012:news",
 *   endpoint: "arn:aws:sqs:eu-west-1:123456789012:inbox",
 *   attributes: { RawMessageDelivery: true },
 * });
 * assert.match(request.body, /&Protocol=sqs&/);
 * ```
 */
export function subscribe(options: SubscribeOptions): AwsRequest<SubscribeOutput> {
  const { topicArn, protocol = "sqs", endpoint, attributes } = options;
  assertSnsArn("topicArn", topicArn);
  assertText("endpoint", endpoint);
  return snsRequest(
    "Subscribe",
    {
      TopicArn: topicArn,
      Protocol: protocol,
      Endpoint: endpoint,
      Attributes: entries(attributes),
      ReturnSubscriptionArn: true,
    },
    Result,
    ({ SubscriptionArn }) => ({ subscriptionArn: SubscriptionArn }),
  );
}
