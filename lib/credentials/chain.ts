import { is, listOf, refuse } from "../check.ts";
import { CredentialsError } from "../errors.ts";
import type { CredentialContext, CredentialProvider, Credentials } from "../types.ts";

/**
 * The first of several providers that has keys. The one that gave them is asked from then on, so that an identity does
 * not change while a program runs; its later failures are its own.
 *
 * @param providers In the order of asking.
 * @returns The provider. It rejects with one `CredentialsError` that says what each of them tried.
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
  let chosen: CredentialProvider | undefined;

  async function choose(context: CredentialContext): Promise<Credentials> {
    const failures: string[] = [];
    for (const provider of providers) {
      context.signal?.throwIfAborted();
      try {
        const keys: Credentials | undefined = await provider(context);
        if (!keys?.accessKeyId) throw new CredentialsError("A provider gave no access key");
        chosen = provider;
        return keys;
      } catch (error) {
        context.signal?.throwIfAborted();
        failures.push(error instanceof Error ? error.message : "no reason given");
      }
    }
    throw new CredentialsError(`Cannot find credentials. Tried were:\n${failures.map((why) => `- ${why}`).join("\n")}`);
  }

  return (context) => chosen ? chosen(context) : choose(context);
}
