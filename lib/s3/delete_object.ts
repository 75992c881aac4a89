import type { AwsRequest } from "../types.ts";
import { s3Request } from "./request.ts";

/** Options of {@linkcode deleteObject}. */
export interface DeleteObjectOptions {
  /** The bucket's name. */
  readonly bucket: string;
  /** 1 to 1,024 bytes. */
  readonly key: string;
  /** The object's version, in a bucket with versions. */
  readonly versionId?: string | undefined;
}

/**
 * Builds a `DeleteObject` request: no I/O, no clock, no randomness. Deleting what is not there succeeds.
 *
 * @param options Bucket and key.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If an option is wrong, or no URL can carry the key.
 * @see {@link https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { deleteObject } from "@dashi/sqs/s3";
 *
 * assert.equal(deleteObject({ bucket: "letters", key: "1.txt" }).method, "DELETE");
 * ```
 */
export function deleteObject(options: DeleteObjectOptions): AwsRequest<void> {
  const { bucket, key, versionId } = options;
  return s3Request(
    "DeleteObject",
    { method: "DELETE", bucket, key, query: versionId === undefined ? {} : { versionId } },
    async (response) => await response.body?.cancel(),
  );
}
