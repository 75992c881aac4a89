import type { AwsRequest } from "../types.ts";
import { readChecksums, type S3Checksums } from "./checksums.ts";
import { type HeadObjectOutput, objectFacts } from "./head_object.ts";
import { s3Request } from "./request.ts";

/** Options of {@linkcode getObject}. */
export interface GetObjectOptions {
  /** The bucket's name. */
  readonly bucket: string;
  /** 1 to 1,024 bytes. */
  readonly key: string;
  /** The object's version, in a bucket with versions. */
  readonly versionId?: string | undefined;
  /** The bytes to give, first and last included, such as `bytes=0-99`. Default: all. */
  readonly range?: string | undefined;
  /** Gives the object only if it still is this one. */
  readonly ifMatch?: string | undefined;
}

/** The answer to {@linkcode getObject}. */
export interface GetObjectOutput extends HeadObjectOutput {
  /** The bytes as they come: read it to its end or cancel it. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** What S3 kept of the whole object, in base64. None is given for a range. */
  readonly checksums: S3Checksums;
}

/**
 * Builds a `GetObject` request: no I/O, no clock, no randomness. Its answer is a stream that nothing has checked yet.
 *
 * @param options Bucket and key.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If an option is wrong, or no URL can carry the key.
 * @see {@link https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { getObject } from "@dashi/sqs/s3";
 *
 * const request = getObject({ bucket: "letters", key: "1.txt" });
 * const { body, size } = await request.parse(new Response("Hello", { headers: { "content-length": "5" } }));
 * assert.equal(size, 5);
 * assert.equal(await new Response(body).text(), "Hello");
 * ```
 */
export function getObject(options: GetObjectOptions): AwsRequest<GetObjectOutput> {
  const { bucket, key, versionId, range, ifMatch } = options;
  return s3Request(
    "GetObject",
    {
      method: "GET",
      bucket,
      key,
      query: versionId === undefined ? {} : { versionId },
      headers: {
        "x-amz-checksum-mode": range ? undefined : "ENABLED",
        "if-match": ifMatch,
        range,
      },
    },
    (response) => ({
      ...objectFacts(response),
      body: response.body ?? new Blob().stream(),
      checksums: response.status === 206 ? {} : readChecksums(response.headers),
    }),
  );
}
