/**
 * Requests of AWS's Security Token Service: pure builders, each with the parser of its answer.
 *
 * @example Whose keys does this broker sign with?
 * ```ts
 * import { connect, send } from "@dashi/sqs";
 * import { getCallerIdentity } from "@dashi/sqs/sts";
 *
 * const broker = connect({
 *   credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" },
 *   http: {
 *     fetch: () =>
 *       Promise.resolve(
 *         new Response(`<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/ann</Arn>
 *           <UserId>AIDAEXAMPLE</UserId><Account>123456789012</Account>
 *           </GetCallerIdentityResult></GetCallerIdentityResponse>`),
 *       ),
 *   },
 * });
 * const { arn } = await send(broker, getCallerIdentity());
 * ```
 *
 * @module
 */
export { assumeRole, type AssumeRoleRequestOptions } from "./assume_role.ts";
export { assumeRoleWithWebIdentity, type AssumeRoleWithWebIdentityOptions } from "./assume_role_with_web_identity.ts";
export { type CallerIdentity, getCallerIdentity } from "./get_caller_identity.ts";
export type { AssumedRole } from "./request.ts";
export type { AwsBody, AwsRequest, Credentials, Service } from "../types.ts";
