/**
 * Stores bodies: small ones in one request, streams in parts.
 *
 * @module
 */
import { refuse } from "../check.ts";
import { AwsError, ConfigError } from "../errors.ts";
import { onAbort } from "../on_abort.ts";
import { checksumText, crc32c } from "../s3/crc32c.ts";
import { putObject } from "../s3/put_object.ts";
import type { PayloadContext, PayloadLocation } from "../types.ts";
import { bucketRequest } from "./bucket_request.ts";
import { assertSame } from "./checker.ts";
import { removeQuietly } from "./remove_quietly.ts";
import type { Settings } from "./settings.ts";
import { type Fill, partSize, uploadParts } from "./upload_parts.ts";

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
    // What got no answer may be stored all the same; what was refused at the first try is not.
    const refused = error instanceof ConfigError ||
      (error instanceof AwsError && error.status >= 400 && error.status < 500 && !error.cause);
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
  const callOff = signal && onAbort(signal, cancel);
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
    callOff?.();
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
