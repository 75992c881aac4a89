import type { CredentialProvider } from "../types.ts";
import { chain } from "./chain.ts";
import { container } from "./container.ts";
import { env } from "./env.ts";
import { instanceMetadata } from "./instance_metadata.ts";
import { profile } from "./profile.ts";
import { webIdentity } from "./web_identity.ts";

/**
 * Keys from wherever AWS's own SDKs look for them, in this order: the environment's variables, a web identity token
 * (IRSA), the shared files' profile, the container's service (ECS, EKS Pod Identity), instance metadata (EC2). The first
 * that has keys is kept to.
 *
 * @returns The provider. It rejects with one `CredentialsError` that says what was tried.
 * @see {@link https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html}
 *
 * @example Usage
 * ```ts
 * import { connect } from "@dashi/sqs";
 * import { defaultChain } from "@dashi/sqs/credentials";
 *
 * const broker = connect({ credentials: defaultChain() });
 * ```
 */
export function defaultChain(): CredentialProvider {
  return chain(env(), webIdentity(), profile(), container(), instanceMetadata());
}
