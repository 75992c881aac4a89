import { assertText, assertWithin } from "../check.ts";
import type { AwsRequest } from "../types.ts";
import {
  assertRole,
  assertSessionName,
  type AssumedRole,
  AssumedRoleAnswer,
  DEFAULT_DURATION,
  MAX_DURATION,
  MIN_DURATION,
  stsRequest,
} from "./request.ts";

/** Options of {@linkcode assumeRole}. */
export interface AssumeRoleRequestOptions {
  /** The role's ARN. */
  readonly roleArn: string;
  /** The session's name, which CloudTrail shows: 2 to 64 of letters, digits and `_+=,.@-`. */
  readonly roleSessionName: string;
  /** Seconds that the keys last, 900 to 43,200 and to the role's maximum; 3600 for chained roles. Default: 3600. */
  readonly durationSeconds?: number | undefined;
  /** The id that the role's owner asks of third parties. */
  readonly externalId?: string | undefined;
  /** A session policy as JSON: the keys may do no more than both it and the role allow. */
  readonly policy?: string | undefined;
}

/**
 * Builds an `AssumeRole` request: no I/O, no clock, no randomness.
 *
 * @param options The role and the session.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If the ARN, the session's name or the duration is wrong.
 * @see {@link https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { assumeRole } from "@dashi/sqs/sts";
 *
 * const request = assumeRole({ roleArn: "arn:aws:iam::123456789012:role/orders", roleSessionName: "billing" });
 * assert.match(request.body, /^Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam/);
 * ```
 */
export function assumeRole(options: AssumeRoleRequestOptions): AwsRequest<AssumedRole> {
  const { roleArn, roleSessionName, durationSeconds = DEFAULT_DURATION, externalId, policy } = options;
  assertRole("roleArn", roleArn);
  assertSessionName("roleSessionName", roleSessionName);
  assertWithin("durationSeconds", durationSeconds, MIN_DURATION, MAX_DURATION);
  if (externalId !== undefined) assertText("externalId", externalId);
  if (policy !== undefined) assertText("policy", policy);
  return stsRequest("AssumeRole", {
    params: {
      RoleArn: roleArn,
      RoleSessionName: roleSessionName,
      DurationSeconds: durationSeconds,
      ExternalId: externalId,
      Policy: policy,
    },
    schema: AssumedRoleAnswer,
    read: (answer) => answer,
  });
}
