import * as v from "valibot";
import { xmlList } from "../http/xml.ts";
import type { AwsRequest } from "../types.ts";
import { assertSnsArn, snsRequest } from "./request.ts";

/** Options of {@linkcode listSubscriptionsByTopic}. */
export interface ListSubscriptionsByTopicOptions {
  /** The topic's ARN. */
  readonly topicArn: string;
  /** The `nextToken` of the page before. */
  readonly nextToken?: string | undefined;
}

/** A subscription of a topic. */
export interface SnsSubscription {
  /** Its ARN, or `PendingConfirmation`. */
  readonly subscriptionArn: string;
  /** The kind of its endpoint, such as `sqs`. */
  readonly protocol: string;
  /** What is subscribed: for `sqs`, the queue's ARN. */
  readonly endpoint: string;
  /** The account that subscribed. */
  readonly owner: string;
}

/** The answer to {@linkcode listSubscriptionsByTopic}. */
export interface ListSubscriptionsByTopicOutput {
  /** Up to 100 subscriptions. */
  readonly subscriptions: readonly SnsSubscription[];
  /** Set where there are more. */
  readonly nextToken?: string;
}

const Result = /* @__PURE__ */ (() =>
  v.object({
    Subscriptions: xmlList(
      v.object({
        SubscriptionArn: v.string(),
        Protocol: v.string(),
        Endpoint: v.string(),
        Owner: v.optional(v.string(), ""),
      }),
      "member",
    ),
    NextToken: v.optional(v.string()),
  }))();

/**
 * Builds a `ListSubscriptionsByTopic` request: no I/O, no clock, no randomness.
 *
 * @param options The topic's ARN, and the token of the page.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If it is not an ARN of SNS.
 * @see {@link https://docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { listSubscriptionsByTopic } from "@dashi/sqs/sns";
 *
 * const request = listSubscriptionsByTopic({ topicArn: "arn:aws:sns:eu-west-1:123456789012:news" });
 * assert.match(request.body, /^Action=ListSubscriptionsByTopic&/);
 * ```
 */
export function listSubscriptionsByTopic(
  options: ListSubscriptionsByTopicOptions,
): AwsRequest<ListSubscriptionsByTopicOutput> {
  const { topicArn, nextToken } = options;
  assertSnsArn("topicArn", topicArn);
  return snsRequest(
    "ListSubscriptionsByTopic",
    { TopicArn: topicArn, NextToken: nextToken },
    Result,
    ({ Subscriptions, NextToken }) => ({
      subscriptions: Subscriptions.map(({ SubscriptionArn, Protocol, Endpoint, Owner }) => ({
        subscriptionArn: SubscriptionArn,
        protocol: Protocol,
        endpoint: Endpoint,
        owner: Owner,
      })),
      nextToken: NextToken || undefined,
    }),
  );
}
