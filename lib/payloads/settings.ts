import { assertCredentials, assertOptions, type Check, defined, is, listOf, within } from "../check.ts";
import { PayloadForbiddenError } from "../errors.ts";
import { assertEndpoint, assertRegion } from "../http/endpoint.ts";
import { assertBucket } from "../s3/request.ts";
import { objectHeaders, type ObjectOptions } from "../s3/object_headers.ts";
import { objectPath } from "../s3/object_path.ts";
import type { PayloadLocation } from "../types.ts";
import type { BucketPlace } from "./bucket_request.ts";

/** Options of `s3Payloads`. */
export interface S3PayloadsOptions extends BucketPlace, Omit<ObjectOptions, "contentType"> {
  /** The bucket that payloads are stored in, and the only one that they are removed from. */
  readonly bucket: string;
  /** Begins every key that is written, and every key that is removed. Default: the empty string. */
  readonly prefix?: string | undefined;
  /** Bodies and attributes of more bytes than this, 0 to 1,048,576, are stored. Default: 262,144. */
  readonly threshold?: number | undefined;
  /** Stores every body. Default: false. */
  readonly always?: boolean | undefined;
  /** The buckets that a pointer may name. Default: `[bucket]`. */
  readonly allowedBuckets?: readonly string[] | undefined;
  /** What the keys that a pointer may name begin with. Default: `[prefix]`. */
  readonly allowedPrefixes?: readonly string[] | undefined;
  /** Removes a payload after its message was acked in time. Default: true. */
  readonly deleteOnAck?: boolean | undefined;
  /** Acks messages whose payload is gone, unseen. Default: false, it is a `PayloadNotFoundError`. */
  readonly ignoreNotFound?: boolean | undefined;
  /** Writes the pointer's older class and `SQSLargePayloadSize`. Both are always read. Default: false. */
  readonly legacyAttribute?: boolean | undefined;
  /**
   * The most bytes of a payload that is read into memory, and of any body once it is decompressed: 1 or more. Streams are
   * not bounded. Default: 64 MiB.
   */
  readonly maxBytes?: number | undefined;
  /**
   * The most bytes of payloads that a consumer reads into memory, or has read for a loop that has not taken them yet: 1
   * or more; a larger one is read alone. Default: 64 MiB.
   */
  readonly maxBytesInFlight?: number | undefined;
  /**
   * Payloads that announce more bytes than this, 0 or more, are read by `delivery.stream()` alone, unless a consumer says
   * `payloads: "eager"`. Default: none are.
   */
  readonly lazyAbove?: number | undefined;
  /** Makes the part of a key after the prefix, which must be new each time. Default: a UUID. */
  readonly key?: ((payload: NewPayload) => string) | undefined;
}

/** What the `key` option is told. */
export interface NewPayload {
  /** The queue or exchange that the message goes to. */
  readonly queue: string;
  /** True where several queues get one pointer. */
  readonly shared: boolean;
  /** Bytes of body and attributes, where that is known: not of a stream. */
  readonly size?: number;
}

/** The defaults of `s3Payloads`: code, docs and tests read them here. */
export const PAYLOAD_DEFAULTS = {
  prefix: "",
  threshold: 262_144,
  always: false,
  deleteOnAck: true,
  ignoreNotFound: false,
  legacyAttribute: false,
  maxBytes: 64 * 2 ** 20,
  maxBytesInFlight: 64 * 2 ** 20,
  lazyAbove: Infinity,
} as const;

/** The settled options. */
export type Settings =
  & S3PayloadsOptions
  & Required<Pick<S3PayloadsOptions, keyof typeof PAYLOAD_DEFAULTS | "allowedBuckets" | "allowedPrefixes">>;

/** A segment of the keys of payloads that several queues share. No ack removes such a payload, whatever the prefix. */
export const SHARED_SEGMENT = "dashi-shared";

/** Checks the options and fills in the defaults. */
export function settingsOf(options: S3PayloadsOptions): Settings {
  const [yesOrNo, text, bytes] = [is("boolean"), is("string"), within(1, 2 ** 40)];
  const bucketName: Check = (path, value) => assertBucket(value, path);
  const byItsHeader: Check = () => {}; // by objectHeaders(), below
  assertOptions<S3PayloadsOptions>("", options, {
    bucket: bucketName,
    prefix: text,
    threshold: within(0, 1_048_576),
    always: yesOrNo,
    allowedBuckets: listOf(bucketName),
    allowedPrefixes: listOf(text),
    deleteOnAck: yesOrNo,
    ignoreNotFound: yesOrNo,
    legacyAttribute: yesOrNo,
    maxBytes: bytes,
    maxBytesInFlight: bytes,
    lazyAbove: (path, value) => value === Infinity || within(0, 2 ** 40)(path, value),
    key: is("function"),
    region: assertRegion,
    credentials: assertCredentials,
    endpoint: assertEndpoint,
    metadata: byItsHeader,
    tags: byItsHeader,
    serverSideEncryption: byItsHeader,
    storageClass: byItsHeader,
  });
  assertBucket(options.bucket);
  objectHeaders(options);
  const settings = { ...PAYLOAD_DEFAULTS, ...defined(options) } as Settings;
  const { bucket, prefix, allowedBuckets = [bucket], allowedPrefixes = [prefix] } = settings;
  if (prefix) objectPath(`${prefix}x`);
  return { ...settings, allowedBuckets: [...allowedBuckets], allowedPrefixes: [...allowedPrefixes] };
}

/** Throws unless a pointer may be followed. Nothing was asked yet. */
export function assertAllowed(settings: Settings, { bucket, key }: PayloadLocation): void {
  if (!settings.allowedBuckets.includes(bucket)) {
    throw new PayloadForbiddenError("Cannot follow the payload pointer as its bucket is not among 'allowedBuckets'");
  }
  if (!settings.allowedPrefixes.some((prefix) => key.startsWith(prefix))) {
    throw new PayloadForbiddenError(
      "Cannot follow the payload pointer as its key begins with none of 'allowedPrefixes'",
    );
  }
  try {
    objectPath(key);
  } catch (cause) {
    throw new PayloadForbiddenError("Cannot follow the payload pointer as no URL can carry its key", { cause });
  }
}

/** True for a payload that an ack here may remove. */
export function isOurs({ bucket, prefix }: Settings, location: PayloadLocation): boolean {
  return location.bucket === bucket && location.key.startsWith(prefix) &&
    !location.key.split("/").includes(SHARED_SEGMENT);
}
