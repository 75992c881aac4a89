import * as v from "valibot";
import type { AwsRequest } from "../types.ts";
import { stsRequest } from "./request.ts";

/** Whose keys signed a request. */
export interface CallerIdentity {
  /** The account's number. */
  readonly account: string;
  /** The ARN of the user, role session or account. */
  readonly arn: string;
  /** The unique id of the user or role. */
  readonly userId: string;
}

/**
 * Builds a `GetCallerIdentity` request: no I/O, no clock, no randomness. Whose keys are these? No permission is needed to
 * ask.
 *
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @see {@link https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { getCallerIdentity } from "@dashi/sqs/sts";
 *
 * const answer = `<GetCallerIdentityResponse><GetCallerIdentityResult>
 *   <Arn>arn:aws:iam::123456789012:user/ann</Arn><UserId>AIDAEXAMPLE</UserId><Account>123456789012</Account>
 * </GetCallerIdentityResult></GetCallerIdentityResponse>`;
 * const { account } = await getCallerIdentity().parse(new Response(answer));
 * assert.equal(account, "123456789012");
 * ```
 */
export function getCallerIdentity(): AwsRequest<CallerIdentity> {
  return stsRequest("GetCallerIdentity", {
    params: {},
    schema: v.object({ Account: v.string(), Arn: v.string(), UserId: v.string() }),
    read: ({ Account, Arn, UserId }) => ({ account: Account, arn: Arn, userId: UserId }),
  });
}
