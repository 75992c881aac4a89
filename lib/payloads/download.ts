/**
 * Reads objects as streams that end in an error unless all is there, and right.
 *
 * @module
 */
import { asError } from "../as_error.ts";
import { pause, stateOf } from "../broker.ts";
import { AwsError, IntegrityError, PayloadForbiddenError, PayloadNotFoundError } from "../errors.ts";
import { endpointFor } from "../http/endpoint.ts";
import { backoffSeconds } from "../http/retryable.ts";
import { getObject, type GetObjectOutput } from "../s3/get_object.ts";
import type { PayloadContext, PayloadLocation } from "../types.ts";
import { type BucketPlace, bucketRequest } from "./bucket_request.ts";
import { type Checker, checkerFor } from "./checker.ts";
import { guard } from "./guard.ts";

/** An object that is being read. */
interface Download {
  /** Its bytes, where that is known. */
  readonly size?: number;
  /** The next bytes; undefined at the end, when number and checksum were found right. */
  read(): Promise<Uint8Array | undefined>;
  /** Checks all the bytes, where their checksum could not be found as they passed. */
  readonly check: Checker["check"];
  /** Ends the reading. */
  cancel(reason?: unknown): Promise<void>;
}

/**
 * Begins to read an object. Each wait for bytes is bounded by the broker's `requestTimeout`.
 *
 * @throws {PayloadNotFoundError} If it is gone.
 * @throws {AwsError} If S3 answers with another error, or not in time.
 */
async function download(
  settings: BucketPlace,
  location: PayloadLocation,
  context: PayloadContext,
): Promise<Download> {
  const state = stateOf(context.broker);
  let object: GetObjectOutput;
  try {
    object = await bucketRequest(settings, context, getObject(location));
  } catch (error) {
    throw asNotFound(error, location);
  }
  // Without an ETag this may be a proxy's page with status 200, so that the size which the message announces counts.
  // S3 always sends one, but browsers hide it unless a CORS rule shows it.
  const size = object.etag ? object.size : location.size || object.size;
  // Where the runtime undid a content encoding, the checksum is that of other bytes.
  const sums = size === undefined && object.contentEncoding ? {} : object.checksums;
  // moto gives what was stored in parts the CRC-32 for its CRC-32C, unless its Python has a package for that.
  const takeCrc32 = /-\d+"?$/.test(object.etag ?? "") &&
    !!endpointFor("s3", settings.endpoint ?? state.options.endpoint);
  const checker: Checker = checkerFor(sums, size, takeCrc32);
  const reader = object.body.getReader();
  const guarded = guard(state, context.signal, reader);
  return {
    size,
    check: checker.check,
    async read() {
      try {
        const { done, value } = await guarded.read();
        if (!done) {
          checker.add(value);
          return value;
        }
        checker.finish();
      } catch (error) {
        reader.cancel(error).catch(() => {});
        throw error;
      }
    },
    async cancel(reason) {
      guarded.end();
      await reader.cancel(reason);
    },
  };
}

/**
 * Reads a whole object into memory.
 *
 * @throws {PayloadForbiddenError} If it has more than `maxBytes`.
 * @throws {IntegrityError} If what came is not what was stored.
 */
export async function downloadAll(
  settings: BucketPlace & { readonly maxBytes: number; readonly threshold: number },
  location: PayloadLocation,
  context: PayloadContext,
): Promise<Uint8Array<ArrayBuffer>> {
  const { maxBytes } = settings;
  assertFits(location.size, maxBytes);
  const state = stateOf(context.broker);
  // The size that is announced is the sender's word; the answer's is S3's.
  let held = location.size ?? Math.min(maxBytes, settings.threshold);
  let leave = await context.gate?.enter(held, context.signal);
  try {
    for (let attempt = 1;; attempt++) {
      const source = await download(settings, location, context);
      try {
        assertFits(source.size, maxBytes);
        const size = source.size ?? maxBytes;
        if (leave && size > held) {
          leave();
          leave = await context.gate!.enter(held = size, context.signal);
        }
        const bytes = await readAll(source, maxBytes);
        await source.check(bytes);
        return bytes;
      } catch (error) {
        source.cancel(error).catch(() => {});
        // send() tries a request again, and this one succeeded: that its body broke off or came damaged is ours to mend.
        const mayPass = error instanceof IntegrityError || error instanceof AwsError;
        if (!mayPass || attempt >= state.maxAttempts) throw error;
        const delay = backoffSeconds(attempt, state.random);
        state.emit({ type: "retry", service: "s3", action: "GetObject", attempt, delay, error });
        await pause(state.clock, delay, context.signal);
      }
    }
  } finally {
    leave?.();
  }
}

async function readAll(source: Download, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  let bytes = new Uint8Array(source.size ?? 65_536);
  let length = 0;
  for (let chunk; (chunk = await source.read());) {
    assertFits(length + chunk.length, maxBytes);
    if (length + chunk.length > bytes.length) {
      const larger = new Uint8Array(Math.max(bytes.length * 2, length + chunk.length));
      larger.set(bytes.subarray(0, length));
      bytes = larger;
    }
    bytes.set(chunk, length);
    length += chunk.length;
  }
  return bytes.subarray(0, length);
}

/** Reads an object as a stream, in constant memory. The first request is made when the first bytes are asked for. */
export function downloadStream(
  settings: BucketPlace,
  location: PayloadLocation,
  context: PayloadContext,
): ReadableStream<Uint8Array> {
  const ended = new AbortController();
  const signal = context.signal ? AbortSignal.any([context.signal, ended.signal]) : ended.signal;
  let source: Download | undefined;
  let bytes = 0;
  const report = (error?: Error) =>
    context.emit({
      type: "payload",
      operation: "read",
      bucket: location.bucket,
      key: location.key,
      size: bytes,
      error,
    });
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        source ??= await download(settings, location, { ...context, signal });
        const chunk = await source.read();
        if (chunk) {
          bytes += chunk.length;
          controller.enqueue(chunk);
        } else {
          report();
          controller.close();
        }
      } catch (error) {
        if (!ended.signal.aborted) report(asError(error));
        throw error;
      }
    },
    async cancel(reason) {
      ended.abort(reason);
      await source?.cancel(reason);
    },
  }, { highWaterMark: 0 });
}

/** The typed error for an object that is gone; any other error as it is. */
export function asNotFound(error: unknown, { bucket, key }: PayloadLocation): unknown {
  if (!(error instanceof AwsError) || !/^(?:NoSuchKey|NotFound)$/.test(error.awsCode)) return error;
  return new PayloadNotFoundError(
    `The payload ${JSON.stringify(key)} is not in bucket ${bucket} (any more): it was removed or has expired`,
    { cause: error },
  );
}

function assertFits(size: number | undefined, maxBytes: number): void {
  if (size !== undefined && size > maxBytes) {
    throw new PayloadForbiddenError(
      `Cannot read a payload of ${size} bytes into memory as 'maxBytes' is ${maxBytes}: raise it, or consume with ` +
        '{ payloads: "lazy" } and read delivery.stream()',
    );
  }
}
