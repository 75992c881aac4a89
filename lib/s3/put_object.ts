import { badAnswer } from "../http/answer.ts";
import type { AwsRequest } from "../types.ts";
import { checksumHeaders, readChecksums, type S3Checksums } from "./checksums.ts";
import { objectHeaders, type ObjectOptions } from "./object_headers.ts";
import { s3Request, UNSIGNED_PAYLOAD } from "./request.ts";

/** Options of {@linkcode putObject}. */
export interface PutObjectOptions extends ObjectOptions {
  /** The bucket's name. */
  readonly bucket: string;
  /** 1 to 1,024 bytes. */
  readonly key: string;
  /**
   * The bytes, up to 5 GiB. No stream: S3 wants to be told the length first, which `fetch` can't for a stream, and a
   * request that is tried again needs its body again. A stream goes up in parts, {@linkcode uploadPart}.
   */
  readonly body: string | Uint8Array;
  /** The body's checksums in base64; S3 refuses a body that has another. */
  readonly checksums?: S3Checksums | undefined;
  /** SHA-256 of the body in hex, which makes it part of the signature. Default: left to TLS and the checksums. */
  readonly contentSha256?: string | undefined;
  /** Writes only if there is no such object: an existing one is the error `PreconditionFailed`. Default: false. */
  readonly onlyIfNew?: boolean | undefined;
}

/** The answer to {@linkcode putObject}. */
export interface PutObjectOutput {
  /** S3's tag of these bytes. */
  readonly etag?: string;
  /** Set in a bucket with versions. */
  readonly versionId?: string;
  /** The checksums that S3 computed, where it tells them. */
  readonly checksums: S3Checksums;
}

/**
 * Builds a `PutObject` request: no I/O, no clock, no randomness.
 *
 * @param options Where, what, and what S3 keeps beside it.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If an option is wrong, or no URL can carry the key.
 * @see {@link https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { putObject } from "@dashi/sqs/s3";
 *
 * const request = putObject({ bucket: "letters", key: "to whom+it/concerns", body: "Hello" });
 * assert.equal(request.path, "/to%20whom%2Bit/concerns");
 * ```
 */
export function putObject(options: PutObjectOptions): AwsRequest<PutObjectOutput, string | Uint8Array> {
  const { bucket, key, body } = options;
  return s3Request(
    "PutObject",
    {
      method: "PUT",
      bucket,
      key,
      headers: {
        ...objectHeaders(options),
        ...checksumHeaders(options.checksums),
        "x-amz-content-sha256": options.contentSha256 ?? UNSIGNED_PAYLOAD,
        "if-none-match": options.onlyIfNew ? "*" : undefined,
      },
      body,
    },
    async (response, asked) => {
      const { headers } = response;
      await response.body?.cancel();
      const etag = headers.get("etag") ?? undefined;
      // A proxy's page with status 200 stored nothing. To browsers an ETag is shown by a CORS rule only.
      if (!etag && /html/.test(headers.get("content-type") ?? "")) {
        throw badAnswer(asked, response, "it is an HTML page");
      }
      return { etag, versionId: headers.get("x-amz-version-id") ?? undefined, checksums: readChecksums(headers) };
    },
  );
}
