/**
 * Requests to a bucket: signed, for the region where the bucket is.
 *
 * @module
 */
import { stateOf } from "../broker.ts";
import { utf8Bytes } from "../codec/base64.ts";
import { AwsError, BucketRegionError, IntegrityError } from "../errors.ts";
import { send } from "../http/send.ts";
import type { AwsBody, AwsRequest, CredentialProvider, Credentials, Endpoints, PayloadContext } from "../types.ts";

/** Where a bucket is and with which keys it is asked; the broker's, where they are left out. */
export interface BucketPlace {
  /** The region. Default: the broker's. */
  readonly region?: string | undefined;
  /** The keys. Default: the broker's. */
  readonly credentials?: Credentials | CredentialProvider | undefined;
  /** Where S3 is. Default: the broker's `endpoint`. */
  readonly endpoint?: Endpoints | undefined;
}

/** The slowest upload that a large body still has time for, in bytes a second. */
const SLOWEST = 64 * 1024;

/**
 * Sends a request to a bucket. A bucket that turns out to be in another region is asked there once more, and from then
 * on at once.
 *
 * @throws {IntegrityError} If S3 got other bytes than were sent, by their checksum.
 * @throws {AwsError} If S3 answers with another error, or not in time.
 */
export async function bucketRequest<Output>(
  place: BucketPlace,
  { broker, signal, onAttempt }: Pick<PayloadContext, "broker" | "signal" | "onAttempt">,
  request: AwsRequest<Output, AwsBody>,
): Promise<Output> {
  const { settled } = stateOf(broker);
  const known = `s3-region:${request.bucket}`;
  const body = request.body as string | Uint8Array<ArrayBuffer>;
  const wait = Math.ceil(body.length / SLOWEST);
  const signed = { ...await withContentHash(request, body), wait };
  const region = settled.get(known) as string | undefined ?? place.region;
  const { credentials, endpoint } = place;
  const options = { region, credentials, endpoint, signal, onAttempt };
  try {
    return await send(broker, signed, options);
  } catch (error) {
    if (error instanceof BucketRegionError && error.region !== region) {
      settled.set(known, error.region);
      return await send(broker, signed, { ...options, region: error.region });
    }
    if (error instanceof AwsError && /Digest$|(?:Checksum|SHA256)Mismatch$/.test(error.awsCode)) {
      throw new IntegrityError(`S3 got other bytes than were sent: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

/**
 * Makes the body part of the signature, an empty one too: a bucket's policy may demand that, and what begins an upload in
 * parts has none.
 */
async function withContentHash<Output>(
  request: AwsRequest<Output, AwsBody>,
  body: string | Uint8Array<ArrayBuffer>,
): Promise<AwsRequest<Output, AwsBody>> {
  const bytes = typeof body === "string" ? utf8Bytes(body) : body;
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const hex = Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { ...request, headers: { ...request.headers, "x-amz-content-sha256": hex } };
}
