import { ConfigError } from "../errors.ts";
import { environment } from "../http/endpoint.ts";
import type { CredentialProvider, Credentials } from "../types.ts";

/**
 * The keys of `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, read anew for each request: keys
 * that are changed there count at once. `connect()` does the same where it is given no credentials.
 *
 * @returns The provider. It rejects with a `ConfigError` where the variables are not set or may not be read.
 * @see {@link https://docs.aws.amazon.com/sdkref/latest/guide/feature-static-credentials.html}
 *
 * @example Usage
 * ```ts
 * import { connect } from "@dashi/sqs";
 * import { env } from "@dashi/sqs/credentials";
 *
 * const broker = connect({ credentials: env() });
 * ```
 */
export function env(): CredentialProvider {
  let keys: Credentials | undefined;
  // deno-lint-ignore require-await -- a provider gives a promise, and its throw must be a rejection
  return async () => {
    const accessKeyId = environment("AWS_ACCESS_KEY_ID");
    const secretAccessKey = environment("AWS_SECRET_ACCESS_KEY");
    const sessionToken = environment("AWS_SESSION_TOKEN") || undefined;
    if (!accessKeyId || !secretAccessKey) {
      throw new ConfigError(
        "Cannot sign as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set or can't be read: " +
          "set 'credentials' in connect(), say defaultChain()",
      );
    }
    // The same object for the same keys: derived signing keys are kept by it.
    if (
      keys?.accessKeyId !== accessKeyId || keys.secretAccessKey !== secretAccessKey ||
      keys.sessionToken !== sessionToken
    ) {
      keys = Object.freeze({ accessKeyId, secretAccessKey, sessionToken });
    }
    return keys;
  };
}
