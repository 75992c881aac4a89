import type { AwsRequest } from "../types.ts";
import { s3Request } from "./request.ts";

/** Options of {@linkcode headObject}. */
export interface HeadObjectOptions {
  /** The bucket's name. */
  readonly bucket: string;
  /** 1 to 1,024 bytes. */
  readonly key: string;
  /** The object's version, in a bucket with versions. */
  readonly versionId?: string | undefined;
}

/** What is known of an object. */
export interface HeadObjectOutput {
  /** Its bytes; of a range, the range's. Undefined where the answer doesn't say or where the runtime decoded it. */
  readonly size?: number;
  /** S3's tag of these bytes. */
  readonly etag?: string;
  /** The object's version, in a bucket with versions. */
  readonly versionId?: string;
  /** The media type. */
  readonly contentType?: string;
  /** The encoding that the object was stored in. */
  readonly contentEncoding?: string;
  /** The user's own metadata, names in lower case. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Reads what the headers say of an object. */
export function objectFacts({ headers }: Response): HeadObjectOutput {
  const metadata: Record<string, string> = {};
  for (const [name, value] of headers) if (name.startsWith("x-amz-meta-")) metadata[name.slice(11)] = value;
  const contentEncoding = headers.get("content-encoding") ?? undefined;
  const length = headers.get("content-length");
  // `fetch` undoes a content encoding that it knows, and leaves the headers as they came.
  const decoded = /\b(?:gzip|deflate|br|zstd)\b/.test(contentEncoding ?? "");
  return {
    size: length !== null && /^\d{1,15}$/.test(length) && !decoded ? Number(length) : undefined,
    etag: headers.get("etag") ?? undefined,
    versionId: headers.get("x-amz-version-id") ?? undefined,
    contentType: headers.get("content-type") ?? undefined,
    contentEncoding,
    metadata,
  };
}

/**
 * Builds a `HeadObject` request: no I/O, no clock, no randomness. A missing object is an `AwsError` with the code
 * `NotFound`, or `AccessDenied` where the keys may not list the bucket.
 *
 * @param options Bucket and key.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If an option is wrong, or no URL can carry the key.
 * @see {@link https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { headObject } from "@dashi/sqs/s3";
 *
 * assert.equal(headObject({ bucket: "letters", key: "1.txt" }).method, "HEAD");
 * ```
 */
export function headObject(options: HeadObjectOptions): AwsRequest<HeadObjectOutput> {
  const { bucket, key, versionId } = options;
  return s3Request(
    "HeadObject",
    { method: "HEAD", bucket, key, query: versionId === undefined ? {} : { versionId } },
    objectFacts,
  );
}
