import { is, listOf, refuse } from "../check.ts";
import { AwsError } from "../errors.ts";
import type { CredentialProvider } from "../types.ts";
import { firstOf } from "./first_of.ts";

/**
 * The first of several providers that has keys. The one that gave them is asked from then on, so that an identity does
 * not change while a program runs; its later failures are its own.
 *
 * An outage is no reason to choose another: an `AwsError` that is retryable ends the search, and the next call begins it
 * anew.
 *
 * @param providers In the order of asking.
 * @returns The provider. It rejects with one `CredentialsError` that says what each of them tried, or with the `AwsError`
 *   of an outage.
 * @throws {ConfigError} If there is none, or one is no function.
 *
 * @example Keys from the environment, else from the instance
 * ```ts
 * import { connect } from "@dashi/sqs";
 * import { chain, env, instanceMetadata } from "@dashi/sqs/credentials";
 *
 * const broker = connect({ credentials: chain(env(), instanceMetadata()) });
 * ```
 */
export function chain(...providers: readonly CredentialProvider[]): CredentialProvider {
  listOf(is("function"))("providers", providers);
  if (!providers.length) refuse("providers", "one provider or more", providers);
  return firstOf(providers, (error) => error instanceof AwsError && error.retryable);
}
