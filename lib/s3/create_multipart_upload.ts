import * as v from "valibot";
import { badAnswer } from "../http/answer.ts";
import { readXmlAnswer } from "../http/read_xml_answer.ts";
import type { AwsRequest } from "../types.ts";
import { objectHeaders, type ObjectOptions } from "./object_headers.ts";
import { s3Request } from "./request.ts";

/** Options of {@linkcode createMultipartUpload}. */
export interface CreateMultipartUploadOptions extends ObjectOptions {
  /** The bucket's name. */
  readonly bucket: string;
  /** 1 to 1,024 bytes. */
  readonly key: string;
  /** Has S3 keep a CRC-32C of the whole object; each part then needs its own. Default: false. */
  readonly crc32c?: boolean | undefined;
}

/** The answer to {@linkcode createMultipartUpload}. */
export interface CreateMultipartUploadOutput {
  /** The id that the upload's other requests carry. */
  readonly uploadId: string;
}

const Answer =
  /* @__PURE__ */ (() =>
    v.object({ InitiateMultipartUploadResult: v.object({ UploadId: v.pipe(v.string(), v.nonEmpty()) }) }))();

/**
 * Builds a `CreateMultipartUpload` request: no I/O, no clock, no randomness. What it begins costs storage until
 * {@linkcode completeMultipartUpload} or {@linkcode abortMultipartUpload} ends it.
 *
 * @param options Where, and what S3 keeps beside the object.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If an option is wrong, or no URL can carry the key.
 * @see {@link https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { createMultipartUpload } from "@dashi/sqs/s3";
 *
 * const request = createMultipartUpload({ bucket: "letters", key: "long.txt", crc32c: true });
 * assert.equal(request.headers["x-amz-checksum-type"], "FULL_OBJECT");
 * ```
 */
export function createMultipartUpload(options: CreateMultipartUploadOptions): AwsRequest<CreateMultipartUploadOutput> {
  const { bucket, key, crc32c } = options;
  return s3Request(
    "CreateMultipartUpload",
    {
      method: "POST",
      bucket,
      key,
      query: { uploads: "" },
      headers: {
        ...objectHeaders(options),
        "x-amz-checksum-algorithm": crc32c ? "CRC32C" : undefined,
        "x-amz-checksum-type": crc32c ? "FULL_OBJECT" : undefined,
      },
    },
    async (response, asked) => {
      const answer = v.safeParse(Answer, await readXmlAnswer(response, asked, asked.toError));
      if (!answer.success) throw badAnswer(asked, response, "it has no UploadId");
      return { uploadId: answer.output.InitiateMultipartUploadResult.UploadId };
    },
  );
}
