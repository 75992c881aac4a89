import * as v from "valibot";
import { assertText, refuse } from "../check.ts";
import { badAnswer } from "../http/answer.ts";
import { readXmlAnswer } from "../http/read_xml_answer.ts";
import type { AwsRequest } from "../types.ts";
import { s3Request } from "./request.ts";
import { MAX_PARTS } from "./upload_part.ts";
import { xmlText } from "./xml_text.ts";

/** Options of {@linkcode completeMultipartUpload}. */
export interface CompleteMultipartUploadOptions {
  /** The bucket's name. */
  readonly bucket: string;
  /** 1 to 1,024 bytes. */
  readonly key: string;
  /** The upload's id, of `createMultipartUpload`. */
  readonly uploadId: string;
  /** The parts, in ascending order. */
  readonly parts: readonly UploadedPart[];
  /** CRC-32C of the whole object in base64, for an upload that was begun with `crc32c`. */
  readonly crc32c?: string | undefined;
  /** The whole object's bytes; S3 refuses to put together another number. */
  readonly size?: number | undefined;
}

/** A part that was uploaded. */
export interface UploadedPart {
  /** The part's place, 1 to 10,000. */
  readonly partNumber: number;
  /** S3's tag of the part. */
  readonly etag: string;
  /** The part's CRC-32C in base64. */
  readonly crc32c?: string | undefined;
}

/** The answer to {@linkcode completeMultipartUpload}. */
export interface CompleteMultipartUploadOutput {
  /** S3's tag of these bytes. */
  readonly etag?: string;
  /** The object's version, in a bucket with versions. */
  readonly versionId?: string;
}

const Answer =
  /* @__PURE__ */ (() => v.object({ CompleteMultipartUploadResult: v.object({ ETag: v.optional(v.string()) }) }))();

/**
 * Builds a `CompleteMultipartUpload` request: no I/O, no clock, no randomness. S3 may begin its answer with 200 and
 * still end it with an error, which the parser throws.
 *
 * @param options The upload and its parts.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If an option is wrong, or no URL can carry the key.
 * @see {@link https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { completeMultipartUpload } from "@dashi/sqs/s3";
 *
 * const parts = [{ partNumber: 1, etag: '"a54357aff0632cce46d942af68356b38"' }];
 * const request = completeMultipartUpload({ bucket: "letters", key: "long.txt", uploadId: "x", parts });
 * assert.equal(request.method, "POST");
 * ```
 */
export function completeMultipartUpload(
  options: CompleteMultipartUploadOptions,
): AwsRequest<CompleteMultipartUploadOutput> {
  const { bucket, key, uploadId, parts, crc32c, size } = options;
  assertText("uploadId", uploadId);
  if (!Array.isArray(parts) || !parts.length || parts.length > MAX_PARTS) {
    refuse("parts", `a list of 1 to ${MAX_PARTS} parts`, parts?.length);
  }
  const body = '<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' +
    parts.map((part) =>
      `<Part>${part.crc32c ? `<ChecksumCRC32C>${xmlText(part.crc32c)}</ChecksumCRC32C>` : ""}` +
      `<ETag>${xmlText(part.etag)}</ETag><PartNumber>${part.partNumber}</PartNumber></Part>`
    ).join("") + "</CompleteMultipartUpload>";
  return s3Request(
    "CompleteMultipartUpload",
    {
      method: "POST",
      bucket,
      key,
      query: { uploadId },
      headers: {
        "content-type": "application/xml",
        "x-amz-checksum-crc32c": crc32c,
        "x-amz-checksum-type": crc32c && "FULL_OBJECT",
        "x-amz-mp-object-size": size?.toString(),
      },
      body,
    },
    async (response, asked) => {
      const answer = v.safeParse(Answer, await readXmlAnswer(response, asked, asked.toError));
      if (!answer.success) throw badAnswer(asked, response, "it has no result");
      return {
        etag: answer.output.CompleteMultipartUploadResult.ETag,
        versionId: response.headers.get("x-amz-version-id") ?? undefined,
      };
    },
  );
}
