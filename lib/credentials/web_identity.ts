import { assertText, refuse } from "../check.ts";
import { ConfigError, CredentialsError } from "../errors.ts";
import { environment } from "../http/endpoint.ts";
import { lapse } from "../http/lapse.ts";
import { sendUnsigned } from "../http/send_for_provider.ts";
import { assumeRoleWithWebIdentity } from "../sts/assume_role_with_web_identity.ts";
import { assertRole } from "../sts/request.ts";
import type { Clock, CredentialProvider } from "../types.ts";
import { cached } from "./cached.ts";
import { readToken } from "./files.ts";
import { assertSession, type RoleSessionOptions, SESSION_NAME, stsRegion } from "./role.ts";

/** Seconds that a function has to give its token: all who need keys wait for it, and would wait for ever. */
const TOKEN_TIMEOUT = 30;

/** Options of {@linkcode webIdentity}. */
export interface WebIdentityOptions extends RoleSessionOptions {
  /** The role's ARN. Default: `AWS_ROLE_ARN`. */
  readonly arn?: string | undefined;
  /** The OpenID Connect token, or a function that gives a fresh one for each refresh, within 30 s. */
  readonly token?: string | (() => string | Promise<string>) | undefined;
  /** The file that holds the token, read at each refresh. Default: `AWS_WEB_IDENTITY_TOKEN_FILE`. */
  readonly tokenFile?: string | undefined;
  /** The session's name. Default: `AWS_ROLE_SESSION_NAME`, else `dashi`. */
  readonly sessionName?: string | undefined;
}

/**
 * The keys of a role that is assumed with an OpenID Connect token: IRSA on EKS, GitHub's and GitLab's runners, any
 * identity provider that IAM trusts. No AWS keys are needed. The token goes to STS in the body of one request, over
 * https, and nowhere else.
 *
 * @param options The role and the token; all of it may come from the environment, as on EKS.
 * @returns The provider. It rejects with an `AwsError` if STS refuses, with a `CredentialsError` if there is no role or
 *   token.
 * @throws {ConfigError} If an option is wrong, or both `token` and `tokenFile` are given.
 * @see {@link https://docs.aws.amazon.com/eks/latest/userguide/iam-roles-for-service-accounts.html}
 *
 * @example With a function that gives the token
 * ```ts
 * import { connect } from "@dashi/sqs";
 * import { webIdentity } from "@dashi/sqs/credentials";
 *
 * const broker = connect({
 *   credentials: webIdentity({
 *     arn: "arn:aws:iam::123456789012:role/deploy",
 *     token: async () => (await (await fetch("https://identity.internal/token")).json()).value,
 *   }),
 * });
 * ```
 */
export function webIdentity(options: WebIdentityOptions = {}): CredentialProvider {
  assertSession<WebIdentityOptions>(options, {
    arn: assertRole,
    token: (path, token) => typeof token === "function" || assertToken(path, token),
    tokenFile: assertText,
  });
  const { token, tokenFile } = options;
  if (token !== undefined && tokenFile !== undefined) {
    throw new ConfigError("Cannot use 'tokenFile' as 'token' is given: only one of them can be meant");
  }
  return cached("webIdentity", async (context) => {
    const arn = options.arn ?? environment("AWS_ROLE_ARN");
    const file = tokenFile ?? environment("AWS_WEB_IDENTITY_TOKEN_FILE");
    if (!arn || !(token ?? file)) {
      throw new CredentialsError("Cannot assume a role by web identity as AWS_ROLE_ARN and a token are not given");
    }
    const secret = typeof token === "function"
      ? await tokenOf(token, context.clock)
      : token ?? await readToken(file!, "AWS_WEB_IDENTITY_TOKEN_FILE");
    const request = assumeRoleWithWebIdentity({
      roleArn: arn,
      roleSessionName: options.sessionName ?? (environment("AWS_ROLE_SESSION_NAME") || SESSION_NAME),
      webIdentityToken: secret,
      durationSeconds: options.durationSeconds,
      policy: options.policy,
    });
    const answer = await sendUnsigned(context, request, { region: stsRegion(arn, options.region, context), secret });
    return answer.credentials;
  }, options.refreshBefore);
}

async function tokenOf(give: () => string | Promise<string>, clock: Clock): Promise<string> {
  const given = new AbortController();
  const late = lapse(clock, TOKEN_TIMEOUT, given.signal).then(() => {
    throw new CredentialsError(`Cannot assume a role by web identity as 'token' gave none within ${TOKEN_TIMEOUT} s`);
  });
  late.catch(() => {}); // also rejects, unheard, when the token was given
  try {
    return await Promise.race([give(), late]);
  } finally {
    given.abort();
  }
}

/** Never shows what came. */
function assertToken(path: string, token: unknown): void {
  if (typeof token !== "string" || !token) refuse(path, "text, or a function that gives it", undefined);
}
