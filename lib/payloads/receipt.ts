import type { PayloadLocation } from "../types.ts";

const BUCKET_MARK = "-..s3BucketName..-";
const KEY_MARK = "-..s3Key..-";

/**
 * Takes apart a receipt handle that may come from an Amazon SQS Extended Client: such a client puts the payload's bucket
 * and key before SQS's own receipt handle, which alone SQS understands.
 *
 * To ack with it here: delete the message with `receiptHandle`, then give `location` to the store's `cleanUp`, which
 * removes only what its options allow.
 *
 * @param receiptHandle The receipt handle, embedded or plain.
 * @returns SQS's own receipt handle, and where the payload lies if the handle says so.
 * @see {@link https://github.com/awslabs/amazon-sqs-java-extended-client-lib}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseReceiptHandle } from "@dashi/sqs/payloads";
 *
 * const handle = "-..s3BucketName..-letters-..s3BucketName..--..s3Key..-1-..s3Key..-AQEB";
 * assert.deepEqual(parseReceiptHandle(handle), {
 *   receiptHandle: "AQEB",
 *   location: { bucket: "letters", key: "1" },
 * });
 * assert.deepEqual(parseReceiptHandle("AQEB"), { receiptHandle: "AQEB" });
 * ```
 */
export function parseReceiptHandle(receiptHandle: string): { receiptHandle: string; location?: PayloadLocation } {
  // A key may hold anything, the marks too; SQS's own part is base64 and holds none: so the last mark ends the key.
  const rest = receiptHandle.startsWith(BUCKET_MARK) ? receiptHandle.slice(BUCKET_MARK.length) : "";
  const afterBucket = rest.indexOf(BUCKET_MARK + KEY_MARK);
  const afterKey = rest.lastIndexOf(KEY_MARK);
  const keyAt = afterBucket + BUCKET_MARK.length + KEY_MARK.length;
  if (afterBucket <= 0 || afterKey <= keyAt) return { receiptHandle };
  return {
    receiptHandle: rest.slice(afterKey + KEY_MARK.length),
    location: { bucket: rest.slice(0, afterBucket), key: rest.slice(keyAt, afterKey) },
  };
}

/**
 * Writes a receipt handle as the Amazon SQS Extended Clients do, so that one of them can ack a message that was received
 * here.
 *
 * @param receiptHandle SQS's own receipt handle.
 * @param location Where the payload lies.
 * @returns The receipt handle with bucket and key before it.
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { embedReceiptHandle } from "@dashi/sqs/payloads";
 *
 * assert.equal(
 *   embedReceiptHandle("AQEB", { bucket: "letters", key: "1" }),
 *   "-..s3BucketName..-letters-..s3BucketName..--..s3Key..-1-..s3Key..-AQEB",
 * );
 * ```
 */
export function embedReceiptHandle(receiptHandle: string, { bucket, key }: PayloadLocation): string {
  return BUCKET_MARK + bucket + BUCKET_MARK + KEY_MARK + key + KEY_MARK + receiptHandle;
}
