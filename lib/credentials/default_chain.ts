import { AwsError } from "../errors.ts";
import { environment } from "../http/endpoint.ts";
import type { CredentialProvider } from "../types.ts";
import { container } from "./container.ts";
import { env } from "./env.ts";
import { firstOf } from "./first_of.ts";
import { instanceMetadata } from "./instance_metadata.ts";
import { profile } from "./profile.ts";
import { webIdentity } from "./web_identity.ts";

/**
 * Keys from wherever AWS's own SDKs look for them, in this order: the environment's variables, a web identity token
 * (IRSA), the shared files' profile, the container's service (ECS, EKS Pod Identity), instance metadata (EC2). The first
 * that has keys is kept to.
 *
 * What is set up for this program is what is meant. If the variables name a web identity or a container's service and it
 * fails, or STS refuses a role, the search ends with that error: the role of the machine, which comes after them, is
 * another identity. The next request begins the search anew.
 *
 * @returns The provider. It rejects with one `CredentialsError` that says what was tried, or with the error of what is set
 *   up and fails.
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
  const [pod, task] = [webIdentity(), container()];
  return firstOf([env(), pod, profile(), task, instanceMetadata()], (error, provider) => {
    if (provider === pod) return isSet("AWS_ROLE_ARN") && isSet("AWS_WEB_IDENTITY_TOKEN_FILE");
    if (provider === task) {
      return isSet("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") || isSet("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    }
    return error instanceof AwsError; // of a profile's role
  });
}

function isSet(variable: string): boolean {
  return !!environment(variable);
}
