import * as v from "valibot";
import { assertText } from "../check.ts";
import type { AwsRequest } from "../types.ts";
import { assertSnsArn, snsRequest } from "./request.ts";

/** Options of {@linkcode setSubscriptionAttributes}. */
export interface SetSubscriptionAttributesOptions {
  /** The subscription's ARN. */
  readonly subscriptionArn: string;
  /** The attribute's name, such as `RawMessageDelivery`: SNS sets one a request. */
  readonly name: string;
  /** Its new value; a policy as JSON text. */
  readonly value: string | number | boolean;
}

/**
 * Builds a `SetSubscriptionAttributes` request: no I/O, no clock, no randomness.
 *
 * @param options The subscription, and one attribute.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If the ARN is not one of SNS, or the name is empty.
 * @see {@link https://docs.aws.amazon.com/sns/latest/api/API_SetSubscriptionAttributes.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { setSubscriptionAttributes } from "@dashi/sqs/sns";
 *
 * const request = setSubscriptionAttributes({
 *   subscriptionArn: "arn:aws:sns:eu-west-1:123456789012:news:5c1a",
 *   name: "RawMessageDelivery",
 *   value: true,
 * });
 * assert.match(request.body, /AttributeName=RawMessageDelivery&AttributeValue=true$/);
 * ```
 */
export function setSubscriptionAttributes(options: SetSubscriptionAttributesOptions): AwsRequest<void> {
  const { subscriptionArn, name, value } = options;
  assertSnsArn("subscriptionArn", subscriptionArn);
  assertText("name", name);
  return snsRequest(
    "SetSubscriptionAttributes",
    { SubscriptionArn: subscriptionArn, AttributeName: name, AttributeValue: value },
    v.unknown(),
    () => {},
  );
}
