import { assertOptions, within } from "../check.ts";
import { CredentialsError } from "../errors.ts";
import { environment } from "../http/endpoint.ts";
import type { CredentialProvider } from "../types.ts";
import { cached } from "./cached.ts";
import { readToken } from "./files.ts";
import { askMetadata, keysIn } from "./metadata.ts";

/** Options of {@linkcode container}. */
export interface ContainerOptions {
  /** Seconds before their end, 0 or more, at which keys are refreshed. Default: 60. */
  readonly refreshBefore?: number | undefined;
}

const WHAT = "the container's credential service";
/** ECS's address. */
const ECS = "http://169.254.170.2";
/** Where keys may be asked for without https: loopback, ECS, and EKS Pod Identity. */
const NEAR = /^(?:127(?:\.\d{1,3}){3}|\[::1\]|localhost|169\.254\.170\.(?:2|23)|\[fd00:ec2::23\])$/;

/**
 * The keys of an ECS task's role, or of a pod's role by EKS Pod Identity: from the address in
 * `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` or `_FULL_URI`, with the token in `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`
 * (read at each refresh) or `AWS_CONTAINER_AUTHORIZATION_TOKEN`. A full address must be https, loopback, or one of ECS's
 * and EKS's own, so that nobody else is asked and told the token.
 *
 * @param options When to refresh.
 * @returns The provider. It rejects with a `CredentialsError` where there is no such service or it does not answer well.
 * @throws {ConfigError} If an option is wrong.
 * @see {@link https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html}
 *
 * @example Usage
 * ```ts
 * import { connect } from "@dashi/sqs";
 * import { container } from "@dashi/sqs/credentials";
 *
 * const broker = connect({ credentials: container() });
 * ```
 */
export function container(options: ContainerOptions = {}): CredentialProvider {
  assertOptions<ContainerOptions>("", options, {
    refreshBefore: within(0, Infinity, true),
  });
  return cached("container", async (context) => {
    const url = address();
    const file = environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const token = file
      ? await readToken(file, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
      : environment("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    // What is not a header's value would be repeated in the error of whoever makes the request.
    if (token && !/^[\x20-\x7E]+$/.test(token)) {
      throw new CredentialsError(
        `Cannot ask ${WHAT} as its authorization token has characters that a header can't have`,
      );
    }
    const headers: Record<string, string> = token ? { authorization: token } : {};
    return keysIn(await askMetadata(context, { url: url.href, headers, what: WHAT }), WHAT);
  }, options.refreshBefore);
}

function address(): URL {
  const relative = environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const full = environment("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (relative) {
    const url = URL.canParse(ECS + relative) ? new URL(ECS + relative) : undefined;
    if (relative.startsWith("/") && url?.origin === ECS) return url;
    throw new CredentialsError(
      "Cannot use AWS_CONTAINER_CREDENTIALS_RELATIVE_URI as it must be a path that begins with /",
    );
  }
  if (!full) {
    throw new CredentialsError(
      `Cannot ask ${WHAT} as AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and _FULL_URI are not set`,
    );
  }
  const url = URL.canParse(full) ? new URL(full) : undefined;
  if (url?.protocol === "https:" || (url?.protocol === "http:" && NEAR.test(url.hostname))) return url;
  throw new CredentialsError(
    "Cannot use AWS_CONTAINER_CREDENTIALS_FULL_URI as it must be https, loopback, 169.254.170.2, 169.254.170.23 or " +
      "[fd00:ec2::23]",
  );
}
