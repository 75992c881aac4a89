import { assertKeys } from "../check.ts";
import type { CredentialProvider, Credentials } from "../types.ts";

/**
 * Always the same keys. They stay in a closure: no log and no serialiser shows them.
 *
 * @param credentials The keys; `sessionToken` for temporary ones.
 * @returns The provider.
 * @throws {ConfigError} If a key is not a string that is not empty. The message does not show it.
 * @see {@link https://docs.aws.amazon.com/sdkref/latest/guide/feature-static-credentials.html}
 *
 * @example Usage
 * ```ts
 * import { connect } from "@dashi/sqs";
 * import { staticCredentials } from "@dashi/sqs/credentials";
 *
 * const broker = connect({
 *   credentials: staticCredentials({ accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" }),
 * });
 * ```
 */
export function staticCredentials(credentials: Credentials): CredentialProvider {
  assertKeys("credentials", credentials);
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = credentials;
  const keys = Object.freeze({ accessKeyId, secretAccessKey, sessionToken, expiration });
  return () => Promise.resolve(keys);
}
