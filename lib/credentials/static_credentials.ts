import { ConfigError } from "../errors.ts";
import type { CredentialProvider, Credentials } from "../types.ts";

/**
 * Always the same keys. They stay in a closure: no log and no serialiser shows them.
 *
 * @param credentials The keys; `sessionToken` for temporary ones.
 * @returns The provider.
 * @throws {ConfigError} If a key is not a string that is not empty. The message does not show it.
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
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = credentials;
  for (const [name, value] of Object.entries({ accessKeyId, secretAccessKey })) {
    if (typeof value !== "string" || value === "") {
      throw new ConfigError(`Cannot use '${name}' as it must be a string that is not empty`);
    }
  }
  const keys = Object.freeze({ accessKeyId, secretAccessKey, sessionToken, expiration });
  return () => Promise.resolve(keys);
}
