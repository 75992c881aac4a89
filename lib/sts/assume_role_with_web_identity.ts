import { assertText, assertWithin } from "../check.ts";
import { ConfigError } from "../errors.ts";
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

/** Options of {@linkcode assumeRoleWithWebIdentity}. */
export interface AssumeRoleWithWebIdentityOptions {
  /** The role's ARN. */
  readonly roleArn: string;
  /** The session's name, which CloudTrail shows: 2 to 64 of letters, digits and `_+=,.@-`. */
  readonly roleSessionName: string;
  /** The OpenID Connect token. It goes into the body, never into a URL. */
  readonly webIdentityToken: string;
  /** Seconds that the keys last, 900 to 43,200 and to the role's maximum. Default: 3600. */
  readonly durationSeconds?: number | undefined;
  /** A session policy as JSON: the keys may do no more than both it and the role allow. */
  readonly policy?: string | undefined;
}

/**
 * Builds an `AssumeRoleWithWebIdentity` request: no I/O, no clock, no randomness. The token is all the proof there is: STS
 * takes the request without a signature.
 *
 * @param options The role, the session and the token.
 * @returns The unsigned request and the parser of its answer.
 * @throws {ConfigError} If the ARN, the session's name or the duration is wrong, or the token is none. The message does
 *   not show the token.
 * @see {@link https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { assumeRoleWithWebIdentity } from "@dashi/sqs/sts";
 *
 * const request = assumeRoleWithWebIdentity({
 *   roleArn: "arn:aws:iam::123456789012:role/orders",
 *   roleSessionName: "billing",
 *   webIdentityToken: "eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl",
 * });
 * assert.match(request.body, /&WebIdentityToken=eyJ/);
 * ```
 */
export function assumeRoleWithWebIdentity(options: AssumeRoleWithWebIdentityOptions): AwsRequest<AssumedRole> {
  const { roleArn, roleSessionName, webIdentityToken, durationSeconds = DEFAULT_DURATION, policy } = options;
  assertRole("roleArn", roleArn);
  assertSessionName("roleSessionName", roleSessionName);
  assertWithin("durationSeconds", durationSeconds, MIN_DURATION, MAX_DURATION);
  if (policy !== undefined) assertText("policy", policy);
  // The wording of assertText would show it.
  if (typeof webIdentityToken !== "string" || !/^\S{4,20000}$/.test(webIdentityToken)) {
    throw new ConfigError("Cannot use 'webIdentityToken' as it must be 4 to 20000 characters without white space");
  }
  return stsRequest("AssumeRoleWithWebIdentity", {
    params: {
      RoleArn: roleArn,
      RoleSessionName: roleSessionName,
      WebIdentityToken: webIdentityToken,
      DurationSeconds: durationSeconds,
      Policy: policy,
    },
    schema: AssumedRoleAnswer,
    read: (answer) => answer,
  });
}
