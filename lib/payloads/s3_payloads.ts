import { asError } from "../as_error.ts";
import { refuse } from "../check.ts";
import { utf8Bytes, utf8Text } from "../codec/base64.ts";
import { looksLikePointer } from "../codec/looks_like_pointer.ts";
import { DecodeError, PayloadNotFoundError } from "../errors.ts";
import { headObject } from "../s3/head_object.ts";
import { objectPath } from "../s3/object_path.ts";
import type {
  MessageAttributeInput,
  OffloadedPayload,
  PayloadContext,
  PayloadGate,
  PayloadLocation,
  PayloadStore,
  ResolvedPayload,
} from "../types.ts";
import { bucketRequest } from "./bucket_request.ts";
import { byteGate } from "./byte_gate.ts";
import { cleanUp } from "./clean_up.ts";
import { asNotFound, downloadAll, downloadStream } from "./download.ts";
import { KEY_ATTRIBUTE, parsePointer, POINTER_ATTRIBUTES, writePointer } from "./pointer.ts";
import { removeQuietly } from "./remove_quietly.ts";
import { assertAllowed, type S3PayloadsOptions, type Settings, settingsOf, SHARED_SEGMENT } from "./settings.ts";
import { upload, uploadStream } from "./upload.ts";

/**
 * Keeps bodies that are too large for a message in S3, in the format of the Amazon SQS Extended Client libraries for
 * Java and Python: what they send is read, and they read what is sent. For the `payloads` option of `connect()`.
 *
 * - A body is stored when it and its attributes have more than `threshold` bytes, or `always`. A stream goes up in parts
 *   of 5 MiB, larger ones above 4.8 GiB, and takes constant memory up to there. What several queues share has
 *   `dashi-shared` as a segment of its key.
 * - Every upload carries a CRC-32C that S3 checks and keeps. Every download is checked against its length and against
 *   the checksum of the whole object that S3 kept, whoever stored it: CRC-32C, CRC-32, CRC-64/NVME, SHA-256 or SHA-1
 *   (those two, as a stream, only where the runtime has `node:crypto`). Of what others uploaded in parts S3 may keep a
 *   checksum of the parts' checksums alone (`…-3`), which tells nothing without the parts' sizes: its length is checked.
 * - A download that stalls for the broker's `requestTimeout` fails.
 * - A pointer outside of `allowedBuckets` and `allowedPrefixes` is never followed.
 * - After an ack the payload is removed, from `bucket` under `prefix` only, and never a shared one, nor one that only
 *   `stream()` reads with `ack: "none"`: give the bucket a lifecycle rule for those, and one that ends incomplete uploads.
 *
 * The keys need `s3:GetObject`, `s3:PutObject`, `s3:DeleteObject` and `s3:AbortMultipartUpload`, and with `tags`
 * `s3:PutObjectTagging`; with `s3:ListBucket` a payload that is gone is told apart from one that may not be read.
 *
 * @param options See {@linkcode S3PayloadsOptions}: only `bucket` has no default.
 * @returns The store. It does nothing until the broker that it is passed to uses it.
 * @throws {ConfigError} If an option is wrong.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-s3-messages.html}
 *
 * @example Usage
 * ```ts
 * import { connect } from "@dashi/sqs";
 * import { s3Payloads } from "@dashi/sqs/payloads";
 *
 * const broker = connect({ payloads: s3Payloads({ bucket: "letters", prefix: "orders/" }) });
 * ```
 */
export function s3Payloads(options: S3PayloadsOptions): PayloadStore {
  const settings = settingsOf(options);
  return Object.freeze<PayloadStore>({
    needs: POINTER_ATTRIBUTES,
    threshold: settings.threshold,
    always: settings.always,
    maxBytes: settings.maxBytes,
    isPointer: looksLikePointer,
    offload: (body, about, context) => offload(settings, body, about, context),
    resolve: async (body, { lazy, eager, messageAttributes }, context) => {
      const location = parsePointer(body, messageAttributes);
      const large = !eager && (location.size ?? 0) > settings.lazyAbove;
      return await resolve(settings, location, lazy || large, context);
    },
    gate: (): PayloadGate => byteGate(settings.maxBytesInFlight),
    cleanUp: (locations, context) => cleanUp(settings, locations, context),
  });
}

async function offload(
  settings: Settings,
  body: string | ReadableStream<Uint8Array>,
  about: Parameters<PayloadStore["offload"]>[1],
  context: PayloadContext,
): Promise<OffloadedPayload> {
  const location = { bucket: settings.bucket, key: newKey(settings, about) };
  const report = (size?: number, error?: Error) =>
    context.emit({ type: "payload", operation: "store", ...location, size, error });
  let size: number;
  try {
    if (typeof body === "string") {
      // As UTF-8 a lone surrogate would be another character.
      if (!body.isWellFormed()) refuse("body", "well-formed text", "text with a lone surrogate");
      const bytes = utf8Bytes(body);
      size = bytes.length;
      await upload(settings, location, bytes, context);
    } else {
      size = await uploadStream(settings, location, body, context);
    }
  } catch (error) {
    report(undefined, asError(error));
    throw error;
  }
  report(size);
  return {
    ...writePointer({ ...location, size }, settings.legacyAttribute),
    location: { ...location, size },
    async undo() {
      if (await removeQuietly(settings, location, context)) {
        context.emit({ type: "payload", operation: "remove", ...location });
      }
    },
  };
}

function newKey(settings: Settings, about: Parameters<PayloadStore["offload"]>[1]): string {
  const { queue, shared, size, messageAttributes } = about;
  const chosen = textOf(messageAttributes?.[KEY_ATTRIBUTE]);
  const rest = chosen ?? settings.key?.({ queue, shared, size }) ?? crypto.randomUUID();
  if (typeof rest !== "string" || !rest) refuse("key", "a function that gives a string which is not empty", rest);
  const key = settings.prefix + (shared ? `${SHARED_SEGMENT}/` : "") + rest;
  objectPath(key);
  return key;
}

function textOf(value: MessageAttributeInput | undefined): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "object" && "DataType" in value ? value.StringValue : undefined;
}

async function resolve(
  settings: Settings,
  location: PayloadLocation,
  lazy: boolean,
  context: PayloadContext,
): Promise<ResolvedPayload> {
  assertAllowed(settings, location);
  const { bucket, key } = location;
  const report = (size?: number, error?: Error) =>
    context.emit({ type: "payload", operation: "read", bucket, key, size, error });
  const { signal: _, gate: __, ...later } = context;
  const lazily: ResolvedPayload = {
    location,
    stream: (signal) => downloadStream(settings, location, { ...later, signal }),
  };
  try {
    if (lazy) {
      if (settings.ignoreNotFound) await assertThere(settings, location, context);
      return lazily;
    }
    const bytes = await downloadAll(settings, location, context);
    report(bytes.length);
    const body = decode(bytes);
    return {
      body,
      location: { ...location, size: bytes.length },
      stream: () => new Blob([body]).stream(),
    };
  } catch (error) {
    if (!context.signal?.aborted) report(undefined, asError(error));
    if (settings.ignoreNotFound && error instanceof PayloadNotFoundError) return { ...lazily, missing: true };
    throw error;
  }
}

async function assertThere(settings: Settings, location: PayloadLocation, context: PayloadContext): Promise<void> {
  try {
    await bucketRequest(settings, context, headObject(location));
  } catch (error) {
    throw asNotFound(error, location);
  }
}

function decode(bytes: Uint8Array<ArrayBuffer>): string {
  try {
    return utf8Text(bytes);
  } catch (cause) {
    throw new DecodeError('Cannot read the payload as it is not UTF-8: consume with { payloads: "lazy" } for bytes', {
      cause,
    });
  }
}
