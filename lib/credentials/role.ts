/**
 * What the providers of roles have in common.
 *
 * @module
 */
import { assertCredentials, assertOptions, assertText, type Check, within } from "../check.ts";
import { assertRegion } from "../http/endpoint.ts";
import { sendForProvider } from "../http/send_for_provider.ts";
import { assumeRole as assumeRoleRequest } from "../sts/assume_role.ts";
import { assertRole, assertSessionName, DEFAULT_DURATION, MAX_DURATION, MIN_DURATION } from "../sts/request.ts";
import type { CredentialContext, CredentialProvider, Credentials } from "../types.ts";
import { cached } from "./cached.ts";

/** The session's name where none is given. */
export const SESSION_NAME = "dashi";

/** What is asked of a role's session, however the role is come by. */
export interface RoleSessionOptions {
  /** The session's name, which CloudTrail shows: 2 to 64 of letters, digits and `_+=,.@-`. Default: `dashi`. */
  readonly sessionName?: string | undefined;
  /** Seconds that the keys last: 900 to 43,200, the role's own maximum, and 3600 for chained roles. Default: 3600. */
  readonly durationSeconds?: number | undefined;
  /** Seconds before their end at which keys are refreshed, below `durationSeconds`. Default: 60. */
  readonly refreshBefore?: number | undefined;
  /** A session policy as JSON: the keys may do no more than both it and the role allow. */
  readonly policy?: string | undefined;
  /** STS's region. Default: the broker's, or one of the role's partition. */
  readonly region?: string | undefined;
}

/** Options of `assumeRole`. */
export interface AssumeRoleOptions extends RoleSessionOptions {
  /** The role's ARN. */
  readonly arn: string;
  /** The keys that assume it, or their provider: another `assumeRole` chains roles. Default: `defaultChain()`. */
  readonly credentials?: Credentials | CredentialProvider | undefined;
  /** The id that the role's owner asks of third parties. */
  readonly externalId?: string | undefined;
}

/** Throws for options of a session that are unknown or wrong; `more` checks those that are no session's. */
export function assertSession<Options extends RoleSessionOptions>(
  options: Options,
  more: Readonly<Record<Exclude<keyof Options, keyof RoleSessionOptions>, Check>>,
): void {
  const { durationSeconds = DEFAULT_DURATION } = options ?? {};
  const session: Readonly<Record<keyof RoleSessionOptions, Check>> = {
    sessionName: assertSessionName,
    durationSeconds: within(MIN_DURATION, MAX_DURATION),
    refreshBefore: within(0, durationSeconds - 1, true),
    policy: assertText,
    region: assertRegion,
  };
  assertOptions<object>("", options, { ...session, ...more });
}

/** The region of STS: the keys of a partition are got in that partition. */
export function stsRegion(arn: string, own: string | undefined, context: CredentialContext): string {
  if (own) return own;
  const { region } = context;
  if (arn.startsWith("arn:aws-cn:")) return region.startsWith("cn-") ? region : "cn-north-1";
  if (arn.startsWith("arn:aws-us-gov:")) return region.startsWith("us-gov-") ? region : "us-gov-west-1";
  return region;
}

/** Assumes a role with keys that are given. */
export function roleOf(
  options: AssumeRoleOptions & { readonly credentials: Credentials | CredentialProvider },
): CredentialProvider {
  assertSession<AssumeRoleOptions>(options, {
    arn: assertRole,
    credentials: assertCredentials,
    externalId: assertText,
  });
  const { arn, sessionName = SESSION_NAME, durationSeconds, externalId, policy, region, credentials } = options;
  assertRole("arn", arn);
  const request = assumeRoleRequest({
    roleArn: arn,
    roleSessionName: sessionName,
    durationSeconds,
    externalId,
    policy,
  });
  return cached("assumeRole", async (context) => {
    const answer = await sendForProvider(context, request, { credentials, region: stsRegion(arn, region, context) });
    return answer.credentials;
  }, options.refreshBefore);
}
