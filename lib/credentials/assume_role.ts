import type { CredentialProvider } from "../types.ts";
import { defaultChain } from "./default_chain.ts";
import { type AssumeRoleOptions, roleOf } from "./role.ts";

/**
 * The keys of a role, assumed through STS with other keys, and assumed again ahead of their end.
 *
 * Each provider holds one role; brokers, predefined queues and exchanges may share it and with it one cache. A role that
 * is assumed with another role's keys (`credentials: assumeRole({ … })`) lasts one hour at the most: STS refuses more.
 *
 * @param options The role, the session, and the keys that assume it.
 * @returns The provider. It rejects with an `AwsError` if STS refuses, for example as the role may not be assumed.
 * @throws {ConfigError} If the ARN, the session's name, the duration or `refreshBefore` is wrong.
 * @see {@link https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html}
 *
 * @example Usage
 * ```ts
 * import { connect } from "@dashi/sqs";
 * import { assumeRole } from "@dashi/sqs/credentials";
 *
 * const broker = connect({
 *   region: "eu-west-1",
 *   credentials: assumeRole({ arn: "arn:aws:iam::123456789012:role/orders", refreshBefore: 120 }),
 * });
 * ```
 */
export function assumeRole(options: AssumeRoleOptions): CredentialProvider {
  return roleOf({ ...options, credentials: options?.credentials ?? defaultChain() });
}
