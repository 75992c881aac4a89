import { ConfigError } from "../errors.ts";

/** An access key and its secret, and perhaps a session token. */
export interface KeyPair {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/**
 * Both halves of a pair of keys, or none: half a pair is never mixed with another's half, as kombu does.
 *
 * @throws {ConfigError} If there is only one.
 */
export function halves(
  path: string,
  accessKeyId: string | null | undefined,
  secretAccessKey: string | null | undefined,
): KeyPair | undefined {
  if (!accessKeyId !== !secretAccessKey) {
    throw new ConfigError(
      `Cannot use the keys of '${path}' as the ${accessKeyId ? "secret access key" : "access key id"} is missing`,
    );
  }
  return accessKeyId && secretAccessKey ? { accessKeyId, secretAccessKey } : undefined;
}
