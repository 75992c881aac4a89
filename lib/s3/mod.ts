/**
 * Amazon S3's REST protocol: one pure request builder an action, with the parser of its answer. `send` of `@dashi/sqs`
 * signs and sends them.
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { sign } from "@dashi/sqs";
 * import { getObject } from "@dashi/sqs/s3";
 *
 * const signed = await sign(getObject({ bucket: "letters", key: "a b" }), {
 *   region: "eu-west-1",
 *   credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" },
 * });
 * assert.equal(signed.url, "https://letters.s3.eu-west-1.amazonaws.com/a%20b");
 * ```
 *
 * @module
 */
export * from "./abort_multipart_upload.ts";
export type { S3Checksums } from "./checksums.ts";
export * from "./complete_multipart_upload.ts";
export { checksumText, crc32c, crc32cOfBoth } from "./crc32c.ts";
export * from "./create_multipart_upload.ts";
export * from "./delete_object.ts";
export * from "./delete_objects.ts";
export * from "./get_object.ts";
export { headObject, type HeadObjectOptions, type HeadObjectOutput } from "./head_object.ts";
export type { ObjectOptions, ServerSideEncryption } from "./object_headers.ts";
export { MAX_KEY_BYTES, objectPath } from "./object_path.ts";
export * from "./put_object.ts";
export * from "./upload_part.ts";
export type { AwsBody, AwsRequest, Service } from "../types.ts";
