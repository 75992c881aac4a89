import { assertOptions, assertText, refuse, within } from "../check.ts";
import { CredentialsError } from "../errors.ts";
import { environment, isPrivateHost } from "../http/endpoint.ts";
import type { CredentialProvider } from "../types.ts";
import { cached } from "./cached.ts";
import { askMetadata, keysIn } from "./metadata.ts";

/** Options of {@linkcode instanceMetadata}. */
export interface InstanceMetadataOptions {
  /**
   * The service's address. Default: `AWS_EC2_METADATA_SERVICE_ENDPOINT`, else `http://169.254.169.254`, or
   * `http://[fd00:ec2::254]` where `AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE` is `IPv6`.
   */
  readonly endpoint?: string | undefined;
  /** The name of the instance's role. Default: asked for. */
  readonly role?: string | undefined;
  /** Seconds before their end, 0 or more, at which keys are refreshed. Default: 60. */
  readonly refreshBefore?: number | undefined;
}

const WHAT = "instance metadata";
const ADVICE = "there is none outside of EC2, and in a container the instance's hop limit must be 2 or more";

/**
 * The keys of an EC2 instance's role, by version 2 of its metadata service: a session token by PUT, then the keys with
 * it. Version 1 is never asked. Each try has one second; redirects are not followed. In a container the token's answer
 * arrives only if the instance's hop limit is 2 or more.
 *
 * @param options Address, role, and when to refresh.
 * @returns The provider. It rejects with a `CredentialsError` where there is no such service, the instance has no role,
 *   or `AWS_EC2_METADATA_DISABLED` is `true`.
 * @throws {ConfigError} If an option is wrong.
 * @see {@link https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html}
 *
 * @example Usage
 * ```ts
 * import { connect } from "@dashi/sqs";
 * import { instanceMetadata } from "@dashi/sqs/credentials";
 *
 * const broker = connect({ credentials: instanceMetadata({ refreshBefore: 300 }) });
 * ```
 */
export function instanceMetadata(options: InstanceMetadataOptions = {}): CredentialProvider {
  assertOptions<InstanceMetadataOptions>("", options, {
    endpoint: (path, endpoint) => isSafe(endpoint) || refuse(path, SAFE, endpoint),
    role: assertText,
    refreshBefore: within(0, Infinity, true),
  });
  const { endpoint, role, refreshBefore } = options;
  return cached("instanceMetadata", async (context) => {
    if (environment("AWS_EC2_METADATA_DISABLED")?.toLowerCase() === "true") {
      throw new CredentialsError(`Cannot get keys from ${WHAT} as AWS_EC2_METADATA_DISABLED says so`);
    }
    const base = `${origin(endpoint)}/latest/`;
    const ask = (path: string, headers: Record<string, string>, method: "GET" | "PUT" = "GET"): Promise<string> =>
      askMetadata(context, { url: base + path, headers, method, what: WHAT, advice: ADVICE });
    const token = await ask("api/token", { "x-aws-ec2-metadata-token-ttl-seconds": "21600" }, "PUT");
    if (!/^[\x21-\x7E]{1,4096}$/.test(token)) {
      throw new CredentialsError(`Cannot get keys from ${WHAT} as its session token is none`);
    }
    const headers = { "x-aws-ec2-metadata-token": token };
    const folder = "meta-data/iam/security-credentials/";
    const name = role ?? (await ask(folder, headers)).split("\n")[0].trim();
    if (!/^[\w+=,.@-]{1,64}$/.test(name)) {
      throw new CredentialsError(`Cannot get keys from ${WHAT} as the instance has no role, or one of no role's name`);
    }
    return keysIn(await ask(folder + encodeURIComponent(name), headers), WHAT);
  }, refreshBefore);
}

/** Keys must not come in clear from a public host. */
const SAFE = "an https URL, or an http URL of this machine or a private network, without a user";

function isSafe(url: unknown): boolean {
  if (typeof url !== "string" || !URL.canParse(url)) return false;
  const { protocol, hostname, username, password } = new URL(url);
  if (username || password) return false; // no request can be made to such a URL
  return protocol === "https:" || (protocol === "http:" && isPrivateHost(hostname));
}

function origin(given: string | undefined): string {
  const own = given ?? environment("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (own && !isSafe(own)) {
    throw new CredentialsError(`Cannot use AWS_EC2_METADATA_SERVICE_ENDPOINT as it must be ${SAFE}`);
  }
  const sixth = environment("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE")?.toLowerCase() === "ipv6";
  return (own || (sixth ? "http://[fd00:ec2::254]" : "http://169.254.169.254")).replace(/\/+$/, "");
}
