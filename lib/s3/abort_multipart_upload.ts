import { assertText } from "../check.ts";
import type { AwsRequest } from "../types.ts";
import { s3Request } from "./request.ts";

/** Options of {@linkcode abortMultipartUpload}. */
export interface AbortMultipartUploadOptions {
  /** The bucket's name. */
  readonly bucket: string;
  /** 1 to 1,024 bytes. */
  readonly key: string;
  /** The upload's id, of `createMultipartUpload`. */
  readonly uploadId: string;
}

/**
 * Builds an `AbortMultipartUpload` request: no I/O, no clock, no randomness. It removes the parts that have arrived; one
 * that is still on its way then may arrive later, so abort after the last part's request has ended.
 *
 * @param options The upload.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If an option is wrong, or no URL can carry the key.
 * @see {@link https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { abortMultipartUpload } from "@dashi/sqs/s3";
 *
 * assert.equal(abortMultipartUpload({ bucket: "letters", key: "long.txt", uploadId: "x" }).method, "DELETE");
 * ```
 */
export function abortMultipartUpload(options: AbortMultipartUploadOptions): AwsRequest<void> {
  const { bucket, key, uploadId } = options;
  assertText("uploadId", uploadId);
  return s3Request(
    "AbortMultipartUpload",
    { method: "DELETE", bucket, key, query: { uploadId } },
    async (response) => await response.body?.cancel(),
  );
}
