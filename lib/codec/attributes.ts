/**
 * Message attributes: what users pass in, what is on the wire, and what users get.
 *
 * @module
 */
import { refuse } from "../check.ts";
import type { MessageAttributeInput, PlainAttributeValue, TypedAttributeValue, WireAttribute } from "../types.ts";
import { fromBase64, toBase64 } from "./base64.ts";
import { assertSqsText, byteLength } from "./sqs_text.ts";

/** The most attributes that a message may have. */
export const MAX_ATTRIBUTES = 10;

/** Names that SQS takes: no dot at an end or beside a dot, none of AWS's own. */
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
      refuse(path, "named with up to 256 of A-Z a-z 0-9 _ - and single dots inside, not AWS. or Amazon.", name);
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
  const { DataType, StringValue, BinaryValue } = typedForm(value) ?? refuse(path, EXPECTED, value);
  if (!TYPE.test(DataType)) refuse(path + ".DataType", "String, Number or Binary, or one with a .suffix", DataType);
  if (DataType.startsWith("B")) {
    const text = BinaryValue instanceof Uint8Array ? toBase64(BinaryValue) : BinaryValue;
    if (typeof text !== "string" || !isBase64(text)) refuse(path, "bytes, or their base64, and not empty", text);
    return { DataType, BinaryValue: text };
  }
  if (typeof StringValue !== "string" || StringValue === "") refuse(path, "text that is not empty", StringValue);
  if (DataType.startsWith("N") && !(StringValue.trim() && Number.isFinite(+StringValue))) {
    refuse(path, "a finite number", StringValue);
  }
  assertSqsText(path, StringValue);
  return { DataType, StringValue };
}

const EXPECTED = "a string, a number, bytes, or SQS's typed form";

function typedForm(value: unknown): TypedAttributeValue | undefined {
  switch (typeof value) {
    case "string":
      return { DataType: "String", StringValue: value };
    case "number":
    case "bigint":
      return { DataType: "Number", StringValue: String(value) };
  }
  if (value instanceof Uint8Array) return { DataType: "Binary", BinaryValue: value };
  return typeof (value as TypedAttributeValue | null)?.DataType === "string" ? value as TypedAttributeValue : undefined;
}

function isBase64(text: string): boolean {
  try {
    return fromBase64(text).length > 0;
  } catch {
    return false;
  }
}

/**
 * Reads message attributes.
 *
 * @param wire The attributes as they came; none is an empty object.
 * @returns Text for String, bytes for Binary. A Number becomes a number; one that a number can't hold a bigint if it is
 * whole, else its text.
 * @throws {Error} If a Binary is not base64.
 */
export function fromWireAttributes(
  wire: Readonly<Record<string, WireAttribute>> = {},
): Record<string, PlainAttributeValue> {
  return Object.fromEntries(
    Object.entries(wire).map(([name, { DataType, StringValue = "", BinaryValue = "" }]) => [
      name,
      DataType.startsWith("B") ? fromBase64(BinaryValue) : DataType.startsWith("N") ? exact(StringValue) : StringValue,
    ]),
  );
}

/** A number as a number if it keeps its digits. */
function exact(text: string): PlainAttributeValue {
  const number = +text;
  if (/^[+-]?\d+$/.test(text)) return Number.isSafeInteger(number) ? number : BigInt(text.replace("+", ""));
  const digits = text.replace(/e.*$/i, "").replace(/\D/g, "").replace(/^0+/, "");
  return text.trim() && Number.isFinite(number) && (digits.length < 16 || String(number) === text) ? number : text;
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
    const padding = BinaryValue.endsWith("==") ? 2 : BinaryValue.endsWith("=") ? 1 : 0;
    size += byteLength(name) + byteLength(DataType) + byteLength(StringValue) + BinaryValue.length * 3 / 4 - padding;
  }
  return size;
}
