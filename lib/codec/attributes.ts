/**
 * Message attributes: what users pass in, what is on the wire, and what users get.
 *
 * @module
 */
import { assertText, refuse } from "../check.ts";
import { DecodeError } from "../errors.ts";
import type { MessageAttributeInput, PlainAttributeValue, TypedAttributeValue, WireAttribute } from "../types.ts";
import { byteLength, fromBase64, toBase64 } from "./base64.ts";
import { assertSqsText } from "./sqs_text.ts";

/** The most attributes that a message of SQS may have; with more, the raw delivery of SNS drops it. */
export const MAX_ATTRIBUTES = 10;

/** The names that SQS takes: no dot at either end, no two dots in a row, and not AWS's own prefixes. */
const NAME = /^(?!aws\.|amazon\.|\.|.*\.(?:\.|$))[\w.-]{1,256}$/i;
const TYPE = /^(?:String|Number|Binary)(?:\.[\w.-]{1,249})?$/;

/**
 * Writes message attributes for SQS's JSON protocol.
 *
 * @param input Plain values (text, finite numbers, bytes), or SQS's typed form. At most ten.
 * @returns The attributes as they are sent.
 * @throws {ConfigError} If SQS would refuse one, naming `messageAttributes.<name>`.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html}
 */
export function toWireAttributes(
  input: Readonly<Record<string, MessageAttributeInput>>,
): Record<string, WireAttribute> {
  const entries = Object.entries(input);
  if (entries.length > MAX_ATTRIBUTES) {
    refuse("messageAttributes", `${MAX_ATTRIBUTES} attributes at the most`, entries.length);
  }
  // Not by assignment: an attribute may be called __proto__.
  return Object.fromEntries(entries.map(([name, value]) => {
    const path = `messageAttributes.${name}`;
    if (!NAME.test(name)) {
      refuse(path, "named with letters, digits, _, - and single dots, not AWS. or Amazon.", name);
    }
    return [name, wireAttribute(path, value)];
  }));
}

/**
 * Writes one message attribute.
 *
 * @throws {ConfigError} If SQS would refuse it, naming `path`.
 */
export function wireAttribute(path: string, value: unknown): WireAttribute {
  const { DataType, StringValue, BinaryValue } = typedForm(value);
  if (!TYPE.test(DataType)) refuse(path, "text, a number, bytes, or SQS's typed form", value);
  if (DataType.startsWith("B")) {
    const text = BinaryValue instanceof Uint8Array ? toBase64(BinaryValue) : BinaryValue;
    if (!bytesIn(text)?.length) refuse(path, "bytes, or their base64, and not empty", text);
    return { DataType, BinaryValue: text };
  }
  assertText(path, StringValue);
  if (DataType.startsWith("N") && !/^[+-]?[\d.]+(?:e[+-]?\d+)?$/i.test(StringValue)) {
    refuse(path, "a finite number", StringValue);
  }
  assertSqsText(path, StringValue);
  return { DataType, StringValue };
}

function typedForm(value: unknown): TypedAttributeValue {
  if (typeof value === "string") return { DataType: "String", StringValue: value };
  if (typeof value === "number" || typeof value === "bigint") return { DataType: "Number", StringValue: `${value}` };
  return value instanceof Uint8Array ? { DataType: "Binary", BinaryValue: value } : Object(value);
}

/** The bytes of base64; undefined for what is none. */
function bytesIn(text: string | undefined): Uint8Array | undefined {
  try {
    return fromBase64(text!);
  } catch {
    return undefined;
  }
}

/**
 * Reads message attributes.
 *
 * @param wire The attributes as they came; none is an empty object.
 * @returns Text for String, bytes for Binary. A Number becomes a number; one that a number can't hold a bigint if it is
 * whole, else its text.
 * @throws {DecodeError} If a Binary is not base64.
 */
export function fromWireAttributes(
  wire: Readonly<Record<string, WireAttribute>> = {},
): Record<string, PlainAttributeValue> {
  return Object.fromEntries(Object.entries(wire).map(([name, value]) => [name, plainValue(name, value)]));
}

function plainValue(
  name: string,
  { DataType, StringValue = "", BinaryValue = "" }: WireAttribute,
): PlainAttributeValue {
  if (DataType.startsWith("N")) return exact(StringValue);
  const value = DataType.startsWith("B") ? bytesIn(BinaryValue) : StringValue;
  if (value === undefined) throw new DecodeError(`Cannot read the attribute '${name}' as it is not base64`);
  return value;
}

/** A number if it keeps all digits as one; else a bigint for an integer, and the text for the rest. */
function exact(text: string): PlainAttributeValue {
  const number = +text;
  if (/^-?\d{16,40}$/.test(text) && !Number.isSafeInteger(number)) return BigInt(text);
  // Fifteen digits always come back as they were.
  return Number.isFinite(number) && (text.length < 16 || String(number) === text) ? number : text;
}

/**
 * The size of message attributes as SQS counts it: name, type and value of each, in bytes.
 *
 * @param wire The attributes as they are sent.
 * @returns Bytes.
 */
export function attributesSize(wire: Readonly<Record<string, WireAttribute>>): number {
  let size = 0;
  for (const [name, { DataType, StringValue = "", BinaryValue = "" }] of Object.entries(wire)) {
    size += byteLength(name + DataType + StringValue) + fromBase64(BinaryValue).length;
  }
  return size;
}
