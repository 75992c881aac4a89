/**
 * Where keys come from: functions to pass as `connect({ credentials })`, as a predefined queue's or as a topic's. Each
 * keeps its keys in a closure, refreshes them ahead of their end, once for all who ask, and shows them to nobody.
 *
 * @example A role, assumed with the keys of whatever this program runs on
 * ```ts
 * import { connect } from "@dashi/sqs";
 * import { assumeRole } from "@dashi/sqs/credentials";
 *
 * const broker = connect({ credentials: assumeRole({ arn: "arn:aws:iam::123456789012:role/orders" }) });
 * ```
 *
 * @module
 */
export { assumeRole } from "./assume_role.ts";
export { chain } from "./chain.ts";
export { container, type ContainerOptions } from "./container.ts";
export { defaultChain } from "./default_chain.ts";
export { env } from "./env.ts";
export { instanceMetadata, type InstanceMetadataOptions } from "./instance_metadata.ts";
export { profile, type ProfileOptions } from "./profile.ts";
export type { AssumeRoleOptions, RoleSessionOptions } from "./role.ts";
export { staticCredentials } from "./static_credentials.ts";
export { webIdentity, type WebIdentityOptions } from "./web_identity.ts";
export type {
  Clock,
  CredentialContext,
  CredentialProvider,
  Credentials,
  DashiEvent,
  DropReason,
  Endpoints,
  Fetch,
  Service,
  SettlementEvent,
} from "../types.ts";
