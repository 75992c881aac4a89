/**
 * The pointers of the Amazon SQS Extended Client libraries, old and new.
 *
 * @module
 */
import { DecodeError } from "../errors.ts";
import type { MessageAttributeInput, PayloadLocation, PlainAttributeValue } from "../types.ts";

const POINTER = "software.amazon.payloadoffloading.PayloadS3Pointer";
const LEGACY_POINTER = "com.amazon.sqs.javamessaging.MessageS3Pointer";
const SIZE = "ExtendedPayloadSize";
const LEGACY_SIZE = "SQSLargePayloadSize";

/** The message attribute by which a sender chooses a payload's key, as with the Extended Client for Python. */
export const KEY_ATTRIBUTE = "S3Key";

/** The message attributes that pointers come with. */
export const POINTER_ATTRIBUTES: readonly string[] = [SIZE, LEGACY_SIZE, KEY_ATTRIBUTE];

/**
 * Writes a pointer.
 *
 * @param legacy Writes the older class and attribute, for receivers of before 2020.
 * @returns The text for the MessageBody, and the attribute with the payload's size in bytes.
 */
export function writePointer(
  { bucket, key, size = 0 }: PayloadLocation,
  legacy = false,
): { body: string; messageAttributes: Record<string, MessageAttributeInput> } {
  return {
    body: JSON.stringify([legacy ? LEGACY_POINTER : POINTER, { s3BucketName: bucket, s3Key: key }]),
    messageAttributes: { [legacy ? LEGACY_SIZE : SIZE]: { DataType: "Number", StringValue: `${size}` } },
  };
}

/**
 * Reads a pointer. It came from whoever may write to the queue: what it says is not to be trusted.
 *
 * @throws {DecodeError} If it is not a whole pointer. The message does not repeat it.
 */
export function parsePointer(
  body: string,
  messageAttributes: Readonly<Record<string, PlainAttributeValue>> = {},
): PayloadLocation {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    throw broken("it is not whole JSON");
  }
  if (!Array.isArray(json) || json.length !== 2 || (json[0] !== POINTER && json[0] !== LEGACY_POINTER)) {
    throw broken("it is not a list of a pointer's class and its fields");
  }
  const fields = json[1];
  if (typeof fields !== "object" || fields === null) throw broken("its fields are missing");
  const { s3BucketName: bucket, s3Key: key = messageAttributes[KEY_ATTRIBUTE] } = fields as Record<string, unknown>;
  if (typeof bucket !== "string" || typeof key !== "string" || !bucket || !key) {
    throw broken("it has no s3BucketName or no s3Key");
  }
  const size = String(messageAttributes[SIZE] ?? messageAttributes[LEGACY_SIZE] ?? "");
  return { bucket, key, size: /^\d{1,15}$/.test(size) ? Number(size) : undefined };
}

function broken(why: string): DecodeError {
  return new DecodeError(`Cannot read the payload pointer as ${why}`);
}
