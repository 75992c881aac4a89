import { assertText, assertWithin } from "../check.ts";
import { badAnswer } from "../http/answer.ts";
import type { AwsRequest } from "../types.ts";
import { checksumHeaders, readChecksums, type S3Checksums } from "./checksums.ts";
import { s3Request, UNSIGNED_PAYLOAD } from "./request.ts";

/** Parts of one upload. */
export const MAX_PARTS = 10_000;
/** Bytes that every part but the last must have. */
export const MIN_PART_BYTES = 5 * 2 ** 20;

/** Options of {@linkcode uploadPart}. */
export interface UploadPartOptions {
  /** The bucket's name. */
  readonly bucket: string;
  /** 1 to 1,024 bytes. */
  readonly key: string;
  /** The upload's id, of `createMultipartUpload`. */
  readonly uploadId: string;
  /** The part's place, 1 to 10,000. */
  readonly partNumber: number;
  /** 5 MiB to 5 GiB; the last part may be shorter. */
  readonly body: string | Uint8Array;
  /** The part's checksums in base64; S3 refuses a part that has another. */
  readonly checksums?: S3Checksums | undefined;
  /** SHA-256 of the part in hex, which makes it part of the signature. Default: left to TLS and the checksums. */
  readonly contentSha256?: string | undefined;
}

/** The answer to {@linkcode uploadPart}. */
export interface UploadPartOutput {
  /** What completing the upload must repeat. */
  readonly etag: string;
  /** The checksums that S3 computed, where it tells them. */
  readonly checksums: S3Checksums;
}

/**
 * Builds an `UploadPart` request: no I/O, no clock, no randomness. A part that is sent again replaces the first.
 *
 * @param options The upload, the part's place and its bytes.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If an option is wrong, or no URL can carry the key.
 * @see {@link https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { uploadPart } from "@dashi/sqs/s3";
 *
 * const request = uploadPart({ bucket: "letters", key: "long.txt", uploadId: "x", partNumber: 1, body: "The end" });
 * assert.deepEqual(request.query, { partNumber: "1", uploadId: "x" });
 * ```
 */
export function uploadPart(options: UploadPartOptions): AwsRequest<UploadPartOutput, string | Uint8Array> {
  const { bucket, key, uploadId, partNumber, body } = options;
  assertText("uploadId", uploadId);
  assertWithin("partNumber", partNumber, 1, MAX_PARTS);
  return s3Request(
    "UploadPart",
    {
      method: "PUT",
      bucket,
      key,
      query: { partNumber: String(partNumber), uploadId },
      headers: {
        ...checksumHeaders(options.checksums),
        "x-amz-content-sha256": options.contentSha256 ?? UNSIGNED_PAYLOAD,
      },
      body,
    },
    async (response, asked) => {
      await response.body?.cancel();
      const etag = response.headers.get("etag");
      if (!etag) throw badAnswer(asked, response, "it shows no ETag (to browsers by a CORS rule)");
      return { etag, checksums: readChecksums(response.headers) };
    },
  );
}
