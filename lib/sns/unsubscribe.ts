import * as v from "valibot";
import type { AwsRequest } from "../types.ts";
import { assertSnsArn, snsRequest } from "./request.ts";

/** Options of {@linkcode unsubscribe}. */
export interface UnsubscribeOptions {
  /** The subscription's ARN. */
  readonly subscriptionArn: string;
}

/**
 * Builds an `Unsubscribe` request: no I/O, no clock, no randomness. SNS may go on sending for some minutes.
 *
 * @param options The subscription's ARN.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If it is not an ARN of SNS.
 * @see {@link https://docs.aws.amazon.com/sns/latest/api/API_Unsubscribe.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { unsubscribe } from "@dashi/sqs/sns";
 *
 * const request = unsubscribe({ subscriptionArn: "arn:aws:sns:eu-west-1:123456789012:news:5c1a" });
 * assert.match(request.body, /^Action=Unsubscribe&/);
 * ```
 */
export function unsubscribe(options: UnsubscribeOptions): AwsRequest<void> {
  const { subscriptionArn } = options;
  assertSnsArn("subscriptionArn", subscriptionArn);
  return snsRequest("Unsubscribe", { SubscriptionArn: subscriptionArn }, v.unknown(), () => {});
}
