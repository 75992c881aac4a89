/**
 * Large payloads in S3, in the format of the Amazon SQS Extended Client libraries, and Celery's results in S3.
 *
 * @example Usage
 * ```ts
 * import { connect } from "@dashi/sqs";
 * import { s3Payloads } from "@dashi/sqs/payloads";
 *
 * const broker = connect({ region: "eu-west-1", payloads: s3Payloads({ bucket: "letters" }) });
 * ```
 *
 * @module
 */
export type { BucketPlace } from "./bucket_request.ts";
export { byteGate } from "./byte_gate.ts";
export * from "./receipt.ts";
export * from "./s3_payloads.ts";
export * from "./s3_results.ts";
export { type NewPayload, PAYLOAD_DEFAULTS, type S3PayloadsOptions, SHARED_SEGMENT } from "./settings.ts";
export type { ObjectOptions, ServerSideEncryption } from "../s3/object_headers.ts";
export type * from "../types.ts";
