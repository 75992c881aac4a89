import { CredentialsError } from "../errors.ts";
import type { CredentialContext, CredentialProvider, Credentials } from "../types.ts";

/**
 * The first of several providers that has keys, asked alone from then on.
 *
 * @param providers In the order of asking.
 * @param ends True for a provider's error after which no other is asked: the one who called gets it, and the next call
 *   begins anew.
 */
export function firstOf(
  providers: readonly CredentialProvider[],
  ends: (error: unknown, provider: CredentialProvider) => boolean,
): CredentialProvider {
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
        if (ends(error, provider)) throw error;
        failures.push(error instanceof Error ? error.message : "no reason given");
      }
    }
    throw new CredentialsError(`Cannot find credentials. Tried were:\n${failures.map((why) => `- ${why}`).join("\n")}`);
  }

  return (context) => chosen ? chosen(context) : choose(context);
}
