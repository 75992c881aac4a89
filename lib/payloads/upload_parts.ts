/**
 * Stores a long stream in parts, some side by side, in constant memory.
 *
 * @module
 */
import { AwsError, ConfigError } from "../errors.ts";
import { abortMultipartUpload } from "../s3/abort_multipart_upload.ts";
import {
  completeMultipartUpload,
  type CompleteMultipartUploadOptions,
  type UploadedPart,
} from "../s3/complete_multipart_upload.ts";
import { checksumText, crc32c, crc32cOfBoth } from "../s3/crc32c.ts";
import { createMultipartUpload } from "../s3/create_multipart_upload.ts";
import { headObject } from "../s3/head_object.ts";
import { MAX_PARTS, MIN_PART_BYTES, uploadPart } from "../s3/upload_part.ts";
import type { PayloadContext, PayloadLocation } from "../types.ts";
import { unlessAborted } from "../unless_aborted.ts";
import { bucketRequest } from "./bucket_request.ts";
import { assertSame } from "./checker.ts";
import { removeQuietly } from "./remove_quietly.ts";
import type { Settings } from "./settings.ts";

/** Parts that are on their way while the next one fills. */
const SIDE_BY_SIDE = 2;

/**
 * The bytes of a part: 5 MiB for the first thousand, and for each further thousand twice as many, so that memory is
 * constant up to 4.8 GiB and 10,000 parts hold 4.8 TiB.
 *
 * @param partNumber 1 to 10,000.
 */
export function partSize(partNumber: number): number {
  return MIN_PART_BYTES * 2 ** Math.floor((partNumber - 1) / 1000);
}

/** Fills a buffer with what comes next; one that comes back shorter was the last. */
export type Fill = (buffer: Uint8Array<ArrayBuffer>) => Promise<Uint8Array<ArrayBuffer>>;

/**
 * Stores what is left of a stream, behind a first part that is full. If that fails, no part is left.
 *
 * @returns The bytes that were stored.
 */
export async function uploadParts(
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
      const buffer = new Uint8Array(used?.byteLength === most ? used : new ArrayBuffer(most));
      const body = await unlessAborted(fill(buffer), signal);
      if (!body.length) break;
      if (partNumber > MAX_PARTS) {
        throw new ConfigError(
          `Cannot store a stream as it must be of ${size} bytes at most, which is what ${MAX_PARTS} parts hold`,
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
