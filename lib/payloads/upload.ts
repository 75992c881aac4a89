/**
 * Stores bodies: small ones in one request, streams in parts.
 *
 * @module
 */
import { refuse } from "../check.ts";
import { AwsError, ConfigError, IntegrityError } from "../errors.ts";
import { abortMultipartUpload } from "../s3/abort_multipart_upload.ts";
import type { S3Checksums } from "../s3/checksums.ts";
import {
  completeMultipartUpload,
  type CompleteMultipartUploadOptions,
  type UploadedPart,
} from "../s3/complete_multipart_upload.ts";
import { checksumText, crc32c, crc32cOfBoth } from "../s3/crc32c.ts";
import { createMultipartUpload } from "../s3/create_multipart_upload.ts";
import { deleteObject } from "../s3/delete_object.ts";
import { headObject } from "../s3/head_object.ts";
import { putObject } from "../s3/put_object.ts";
import { MAX_PARTS, MIN_PART_BYTES, uploadPart } from "../s3/upload_part.ts";
import type { AwsRequest, PayloadContext, PayloadLocation } from "../types.ts";
import { bucketRequest } from "./bucket_request.ts";
import type { Settings } from "./settings.ts";

/** Parts that are on their way while the next one fills. */
const SIDE_BY_SIDE = 2;

/**
 * The bytes of a part: 5 MiB for the first thousand, and for each further thousand twice as many, so that memory is
 * constant up to 5 GiB and 10,000 parts hold the 5 TiB of S3's largest object.
 *
 * @param partNumber 1 to 10,000.
 */
export function partSize(partNumber: number): number {
  return MIN_PART_BYTES * 2 ** Math.floor((partNumber - 1) / 1000);
}

/** Stores bytes in one request. */
export async function put(
  settings: Settings,
  target: PayloadLocation,
  body: Uint8Array<ArrayBuffer>,
  context: PayloadContext,
): Promise<void> {
  const sum = checksumText(crc32c(body));
  const request = putObject({ ...settings, ...target, body, checksums: { crc32c: sum } });
  assertSame(sum, (await bucketRequest(settings, context, request)).checksums);
}

/** Stores bytes in one request. If that fails, nothing is left. */
export async function upload(
  settings: Settings,
  target: PayloadLocation,
  body: Uint8Array<ArrayBuffer>,
  context: PayloadContext,
): Promise<void> {
  try {
    await put(settings, target, body, context);
  } catch (error) {
    // What got no answer may be stored all the same; what was refused is not.
    const refused = error instanceof ConfigError ||
      (error instanceof AwsError && error.status >= 400 && error.status < 500);
    if (!refused) await removeQuietly(settings, target, context);
    throw error;
  }
}

/**
 * Stores a stream, in constant memory: in one request if it is short, else in parts. If that fails, the source is
 * cancelled and no part is left.
 *
 * @returns The bytes that were stored.
 */
export async function uploadStream(
  settings: Settings,
  target: PayloadLocation,
  stream: ReadableStream<Uint8Array>,
  context: PayloadContext,
): Promise<number> {
  const reader = stream.getReader();
  const { signal } = context;
  const cancel = () => reader.cancel(signal?.reason).catch(() => {});
  signal?.addEventListener("abort", cancel);
  try {
    signal?.throwIfAborted();
    const fill = filler(reader);
    const first = await fill(new Uint8Array(partSize(1)));
    signal?.throwIfAborted();
    if (first.length < partSize(1)) {
      await upload(settings, target, first, context);
      return first.length;
    }
    return await uploadParts(settings, target, first, fill, context);
  } catch (error) {
    reader.cancel(error).catch(() => {});
    throw signal?.aborted ? signal.reason : error;
  } finally {
    signal?.removeEventListener("abort", cancel);
  }
}

type Fill = (buffer: Uint8Array<ArrayBuffer>) => Promise<Uint8Array<ArrayBuffer>>;

async function uploadParts(
  settings: Settings,
  target: PayloadLocation,
  first: Uint8Array<ArrayBuffer>,
  fill: Fill,
  context: PayloadContext,
): Promise<number> {
  const { uploadId } = await bucketRequest(
    settings,
    context,
    createMultipartUpload({ ...settings, ...target, crc32c: true }),
  );
  const ended = new AbortController();
  const signal = context.signal ? AbortSignal.any([context.signal, ended.signal]) : ended.signal;
  const under = { ...context, signal };
  const begun = { ...target, uploadId };
  const parts: UploadedPart[] = [];
  const spare: Uint8Array<ArrayBuffer>[] = [];
  const sending = new Set<Promise<void>>();
  let size = 0;
  let whole = 0;
  let completing = false;

  const begin = (partNumber: number, body: Uint8Array<ArrayBuffer>) => {
    const crc = crc32c(body);
    whole = crc32cOfBoth(whole, crc, body.length);
    size += body.length;
    const sum = checksumText(crc);
    const part = uploadPart({ ...begun, partNumber, body, checksums: { crc32c: sum } });
    const sent: Promise<void> = bucketRequest(settings, under, part).then(({ etag, checksums }) => {
      assertSame(sum, checksums);
      parts[partNumber - 1] = { partNumber, etag, crc32c: sum };
      spare.push(body);
    }).finally(() => sending.delete(sent));
    sent.catch((error) => ended.abort(error));
    sending.add(sent);
  };

  try {
    begin(1, first);
    for (let partNumber = 2;; partNumber++) {
      if (sending.size >= SIDE_BY_SIDE) await Promise.race(sending);
      signal.throwIfAborted();
      const most = partSize(partNumber);
      const used = spare.pop()?.buffer;
      const body = await heed(signal, fill(new Uint8Array(used?.byteLength === most ? used : new ArrayBuffer(most))));
      if (!body.length) break;
      if (partNumber > MAX_PARTS) {
        throw new ConfigError(
          `Cannot store a stream as it must be of ${size} bytes at most: S3 takes no larger object`,
        );
      }
      begin(partNumber, body);
      if (body.length < most) break;
    }
    await Promise.all(sending);
    signal.throwIfAborted();
    completing = true;
    await complete(settings, { ...begun, parts, size, crc32c: checksumText(whole) }, under);
    return size;
  } catch (error) {
    ended.abort(error);
    await Promise.allSettled(sending);
    await removeQuietly(settings, target, context, abortMultipartUpload(begun));
    // A try without an answer may have put the object together all the same.
    if (completing) await removeQuietly(settings, target, context);
    throw error;
  }
}

async function complete(
  settings: Settings,
  options: CompleteMultipartUploadOptions,
  context: PayloadContext,
): Promise<void> {
  try {
    await bucketRequest(settings, context, completeMultipartUpload(options));
  } catch (error) {
    // An earlier try that got no answer may have completed it.
    if (!(error instanceof AwsError && error.awsCode === "NoSuchUpload")) throw error;
    const { bucket, key } = options;
    const { size } = await bucketRequest(settings, context, headObject({ bucket, key }));
    if (size !== options.size) throw error;
  }
}

/** Removes an object, or what another request removes. A failure is an event, and gives false. */
export async function removeQuietly(
  settings: Settings,
  target: PayloadLocation,
  { signal: _, ...context }: PayloadContext,
  request: AwsRequest<void> = deleteObject(target),
): Promise<boolean> {
  try {
    await bucketRequest(settings, context, request);
    return true;
  } catch (error) {
    // An upload that is gone has no parts left.
    if (error instanceof AwsError && error.awsCode === "NoSuchUpload") return true;
    const { bucket, key } = target;
    context.emit({ type: "payload", operation: "remove", bucket, key, error: error as Error });
    return false;
  }
}

/** Throws if S3 says that it summed up other bytes; not every server says it. */
function assertSame(crc32c: string, theirs: S3Checksums): void {
  if (theirs.crc32c !== undefined && theirs.crc32c !== crc32c) {
    throw new IntegrityError("S3 got other bytes than were sent: its CRC-32C is another");
  }
}

/** Fills buffers from a reader; a buffer that comes back shorter was the last. */
function filler(reader: ReadableStreamDefaultReader<Uint8Array>): Fill {
  let rest = new Uint8Array(0) as Uint8Array;
  return async (buffer) => {
    let length = 0;
    while (length < buffer.length) {
      if (!rest.length) {
        const { done, value } = await reader.read();
        if (done) break;
        if (!(value instanceof Uint8Array)) refuse("body", "a stream of Uint8Array chunks", value);
        rest = value;
      }
      const taken = rest.subarray(0, buffer.length - length);
      buffer.set(taken, length);
      length += taken.length;
      rest = rest.subarray(taken.length);
    }
    return buffer.subarray(0, length);
  };
}

/** Stops waiting when the signal fires. */
async function heed<T>(signal: AbortSignal, step: Promise<T>): Promise<T> {
  const over = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { signal: over.signal });
    if (signal.aborted) reject(signal.reason);
  });
  try {
    return await Promise.race([step, aborted]);
  } finally {
    over.abort();
  }
}
