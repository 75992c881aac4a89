/**
 * What STS's requests have in common: the form of keys in an answer, and what its errors mean.
 *
 * @module
 */
import * as v from "valibot";
import { refuse } from "../check.ts";
import type { AwsError } from "../errors.ts";
import { type Asked, awsError, type Fault } from "../http/answer.ts";
import { queryRequest, type QueryRequestOptions } from "../http/query_request.ts";
import type { AwsRequest, Credentials } from "../types.ts";

/** The fewest seconds that a role is assumed for. */
export const MIN_DURATION = 900;
/** The most seconds that a role is assumed for: 12 hours, where the role allows it. */
export const MAX_DURATION = 43_200;
/** The seconds that a role is assumed for where nothing is said: the most of one that is assumed with another's keys. */
export const DEFAULT_DURATION = 3600;

/** A role that was assumed. */
export interface AssumedRole {
  /** The temporary keys; `expiration` is always set. */
  readonly credentials: Credentials;
  /** The ARN of the session: `arn:aws:sts::123456789012:assumed-role/orders/dashi`. */
  readonly arn?: string;
  /** The id of the role and the session's name. */
  readonly assumedRoleId?: string;
}

const text = /* @__PURE__ */ (() => v.pipe(v.string(), v.nonEmpty()))();

/** What the two ways to assume a role answer. */
export const AssumedRoleAnswer = /* @__PURE__ */ (() =>
  v.pipe(
    v.object({
      Credentials: v.object({
        AccessKeyId: text,
        SecretAccessKey: text,
        SessionToken: text,
        Expiration: v.pipe(v.string(), v.transform((at) => new Date(at)), v.check((at) => !Number.isNaN(+at))),
      }),
      AssumedRoleUser: v.optional(v.object({ Arn: v.optional(v.string()), AssumedRoleId: v.optional(v.string()) })),
    }),
    v.transform(({ Credentials: keys, AssumedRoleUser: user }): AssumedRole => ({
      credentials: {
        accessKeyId: keys.AccessKeyId,
        secretAccessKey: keys.SecretAccessKey,
        sessionToken: keys.SessionToken,
        expiration: keys.Expiration,
      },
      arn: user?.Arn,
      assumedRoleId: user?.AssumedRoleId,
    })),
  ))();

/** Builds a request of STS's API. */
export function stsRequest<Schema extends v.GenericSchema, Output>(
  action: string,
  options: Omit<QueryRequestOptions<Schema, Output>, "version" | "toError">,
): AwsRequest<Output> {
  return queryRequest("sts", action, { ...options, version: "2011-06-15", toError: stsError });
}

/** What a role's ARN must be, for errors. */
export const ROLE = "the ARN of an IAM role, such as arn:aws:iam::123456789012:role/orders";

/** True for the ARN of an IAM role. */
export function isRole(arn: unknown): arn is string {
  return typeof arn === "string" && /^arn:aws[\w-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,576}$/.test(arn);
}

/** Throws unless it is the ARN of an IAM role. */
export function assertRole(path: string, arn: unknown): asserts arn is string {
  if (!isRole(arn)) refuse(path, ROLE, arn);
}

/** Throws unless it may be the name of a session. */
export function assertSessionName(path: string, name: unknown): asserts name is string {
  if (typeof name !== "string" || !/^[\w+=,.@-]{2,64}$/.test(name)) {
    refuse(path, "2 to 64 letters, digits and _+=,.@-", name);
  }
}

const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/role chaining|1 hour session limit/i, "a role that was assumed with another role's keys lasts 3600 s at the most"],
  [/MaxSessionDuration/i, "'durationSeconds' is more than the role's own maximum, which IAM keeps"],
  [/^AccessDenied/, "the role's trust policy must name the caller, and the caller needs sts:AssumeRole on it"],
  [/^ExpiredToken/, "the token or the keys that ask have ended: get new ones"],
  [/^InvalidIdentityToken/, "the token is not one of the identity provider that the role trusts"],
  [/^IDPRejectedClaim/, "the identity provider's claim does not meet the role's trust policy"],
  [/^RegionDisabled/, "activate STS in this region in IAM's account settings, or set another 'region'"],
];

/** The error for what STS said, with what to do about it. */
function stsError(asked: Asked, response: Response, { awsCode, message }: Fault): AwsError {
  const advice = ADVICE.find(([sign]) => sign.test(awsCode) || sign.test(message))?.[1];
  return awsError(asked, response, { awsCode, message: message + (advice ? `: ${advice}` : "") });
}
