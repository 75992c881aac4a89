import { assertOptions, assertText, within } from "../check.ts";
import { CredentialsError } from "../errors.ts";
import { environment } from "../http/endpoint.ts";
import type { CredentialContext, CredentialProvider, Credentials } from "../types.ts";
import { cached } from "./cached.ts";
import { container } from "./container.ts";
import { env } from "./env.ts";
import { readFileText } from "./files.ts";
import { type Profiles, readProfiles } from "./ini.ts";
import { instanceMetadata } from "./instance_metadata.ts";
import { roleOf } from "./role.ts";
import { webIdentity } from "./web_identity.ts";

/** Options of {@linkcode profile}. */
export interface ProfileOptions {
  /** The profile's name. Default: `AWS_PROFILE`, else `default`. */
  readonly profile?: string | undefined;
  /** The one file to read, instead of the `config` and the `credentials` file. */
  readonly file?: string | undefined;
  /** Seconds before their end, 0 or more, at which keys are refreshed. Default: 60. */
  readonly refreshBefore?: number | undefined;
}

/**
 * The keys of a profile in AWS's shared files: `~/.aws/config` and `~/.aws/credentials`, or what `AWS_CONFIG_FILE` and
 * `AWS_SHARED_CREDENTIALS_FILE` name. Static keys, session tokens, `role_arn` with `source_profile` (chains too) or
 * `credential_source`, and `web_identity_token_file` are followed. `credential_process` is not run, and SSO and MFA are
 * not asked: the error says so. The files are read with the first request, at each refresh, and when AWS says that the
 * keys have expired.
 *
 * @param options The profile, and the file.
 * @returns The provider. It rejects with a `CredentialsError` where there is no file system, no such profile, or no keys
 *   in it.
 * @throws {ConfigError} If an option is wrong.
 * @see {@link https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html}
 *
 * @example Usage
 * ```ts
 * import { connect } from "@dashi/sqs";
 * import { profile } from "@dashi/sqs/credentials";
 *
 * const broker = connect({ credentials: profile({ profile: "staging" }) });
 * ```
 */
export function profile(options: ProfileOptions = {}): CredentialProvider {
  assertOptions<ProfileOptions>("", options, {
    profile: assertText,
    file: assertText,
    refreshBefore: within(0, Infinity, true),
  });
  return cached("profile", async (context) => {
    const name = options.profile ?? (environment("AWS_PROFILE") || "default");
    const keys = keysOf(await load(options.file), name, []);
    return typeof keys === "function" ? await keys(context) : keys;
  }, options.refreshBefore);
}

async function load(file: string | undefined): Promise<Profiles> {
  const home = environment("HOME") || environment("USERPROFILE") || "";
  const paths = file !== undefined ? [file] : [
    environment("AWS_CONFIG_FILE") || `${home}/.aws/config`,
    environment("AWS_SHARED_CREDENTIALS_FILE") || `${home}/.aws/credentials`,
  ];
  const all: Profiles = Object.create(null);
  for (const path of paths) {
    const text = await readFileText(path.replace(/^~(?=[/\\])/, home), "the shared file");
    // The credentials file comes last and wins.
    for (const [name, settings] of Object.entries(readProfiles(text ?? ""))) {
      all[name] = Object.assign(all[name] ?? Object.create(null), settings);
    }
  }
  return all;
}

/** The keys of a profile, or the provider of its role's. */
function keysOf(profiles: Profiles, name: string, above: readonly string[]): Credentials | CredentialProvider {
  const fail = (why: string): never => {
    throw new CredentialsError(`Cannot use the profile ${JSON.stringify(name)} of the shared files as ${why}`);
  };
  const settings = profiles[name];
  if (!settings) return fail("there is none of that name");
  const { role_arn: arn, aws_access_key_id: accessKeyId, aws_secret_access_key: secretAccessKey } = settings;
  // A profile may name itself as the source of its role: then its own static keys assume it.
  if (arn && above.at(-1) !== name) {
    if (above.includes(name)) return fail(`it is its own source: ${[...above, name].join(" -> ")}`);
    return roleIn(profiles, name, [...above, name], fail);
  }
  if (accessKeyId && secretAccessKey) {
    return { accessKeyId, secretAccessKey, sessionToken: settings.aws_session_token || undefined };
  }
  if (settings.credential_process) return fail("this library runs no 'credential_process': use a function of your own");
  if (settings.sso_session || settings.sso_start_url) {
    return fail("this library asks no SSO: use a function of your own");
  }
  return fail("it has no aws_access_key_id with an aws_secret_access_key, and no role_arn");
}

function roleIn(
  profiles: Profiles,
  name: string,
  path: readonly string[],
  fail: (why: string) => never,
): CredentialProvider {
  const settings = profiles[name];
  const { role_arn: arn, source_profile: source, credential_source: place, web_identity_token_file: tokenFile } =
    settings;
  if (settings.mfa_serial) return fail("this library asks for no MFA code: use a function of your own");
  const duration = settings.duration_seconds;
  const session = {
    arn,
    sessionName: settings.role_session_name || undefined,
    durationSeconds: duration ? Number(duration) : undefined,
    region: settings.region || undefined,
  };
  if (tokenFile) return webIdentity({ ...session, tokenFile });
  if (!source && !place) {
    return fail("its role_arn has no source_profile, credential_source or web_identity_token_file");
  }
  const credentials = source ? keysOf(profiles, source, path) : placeOf(place, fail);
  return roleOf({ ...session, credentials, externalId: settings.external_id || undefined });
}

/** What a `credential_source` names. */
function placeOf(place: string, fail: (why: string) => never): (context: CredentialContext) => Promise<Credentials> {
  switch (place.toLowerCase()) {
    case "environment":
      return env();
    case "ec2instancemetadata":
      return instanceMetadata();
    case "ecscontainer":
      return container();
  }
  return fail("its credential_source is not Environment, Ec2InstanceMetadata or EcsContainer");
}
