import { fromBase64 } from "../codec/base64.ts";
import type { WireAttribute } from "../types.ts";
import { type Input, isRecord, optionalText } from "./input.ts";
import { invalid, invalidValue, missing, SqsFault } from "./sqs_fault.ts";

/** Bytes of a request and of a message. */
export const MAX_BYTES = 1_048_576;

/** What XML 1.0 has no character for, and so SQS none. */
// deno-lint-ignore no-control-regex -- these are the characters that are refused
const FORBIDDEN = /[^\x09\x0A\x0D\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u;

const ATTRIBUTE_NAME = /^(?!AWS\.|Amazon\.|\.)(?!.*\.\.)(?!.*\.$)[A-Za-z0-9_.-]{1,256}$/i;
const ATTRIBUTE_TYPE = /^(?=.{1,256}$)(?:String|Number|Binary)(?:\..+)?$/;

/**
 * The body of a message to send, checked.
 *
 * @param parameter What SQS calls it.
 */
export function bodyOf(input: Input, parameter = "MessageBody"): string {
  const body = optionalText(input, "MessageBody");
  if (!body) throw missing(parameter);
  if (FORBIDDEN.test(body)) {
    throw new SqsFault(
      "InvalidMessageContents",
      "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
    );
  }
  return body;
}

/** The attributes of a message to send, checked. */
export function attributesOf(input: Input, name = "MessageAttributes"): Record<string, WireAttribute> {
  const attributes = input[name] ?? {};
  if (!isRecord(attributes)) throw invalid(`${name} must be a map.`);
  const count = Object.keys(attributes).length;
  if (count > 10) throw invalid(`Number of message attributes [${count}] exceeds the allowed maximum [10].`);
  const checked = Object.entries(attributes).map(([key, value]) => {
    if (!ATTRIBUTE_NAME.test(key)) {
      throw invalid(`Message (user) attribute name '${key}' is not one that is allowed.`);
    }
    return [key, attributeOf(key, value)];
  });
  return Object.fromEntries(checked);
}

/** The system attributes of a message to send, checked: there is one that can be sent. */
export function systemAttributesOf(input: Input): Record<string, WireAttribute> {
  const attributes = attributesOf(input, "MessageSystemAttributes");
  const unknown = Object.keys(attributes).find((name) => name !== "AWSTraceHeader");
  if (unknown !== undefined) throw invalid(`Message system attribute name '${unknown}' is invalid.`);
  return attributes;
}

function attributeOf(name: string, value: unknown): WireAttribute {
  const { DataType, StringValue, BinaryValue, StringListValues, BinaryListValues } = isRecord(value) ? value : {};
  if ((StringListValues ?? BinaryListValues) != null) {
    throw new SqsFault(
      "UnsupportedOperation",
      "Message attribute list values in SendMessage operation are not supported.",
    );
  }
  if (typeof DataType !== "string" || !ATTRIBUTE_TYPE.test(DataType)) {
    throw invalid(
      `The type of message (user) attribute '${name}' is invalid. You must use only the following supported type prefixes: Binary, Number, String.`,
    );
  }
  const binary = DataType.startsWith("Binary");
  const given = binary ? BinaryValue : StringValue;
  if (typeof given !== "string" || given === "") {
    throw invalid(`Message (user) attribute '${name}' must contain a non-empty value of type '${DataType}'.`);
  }
  if (StringValue != null && BinaryValue != null) {
    throw invalid(`Message (user) attribute '${name}' must have a single value.`);
  }
  if (binary && !isBase64(given)) {
    throw new SqsFault("SerializationException", `The value of message (user) attribute '${name}' is not base64.`);
  }
  if (!binary && FORBIDDEN.test(given)) {
    throw invalid(`The message (user) attribute '${name}' has characters that are not allowed.`);
  }
  if (DataType.startsWith("Number") && !/^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i.test(given)) {
    throw invalid(`Can't cast the value of message (user) attribute '${name}' to a number.`);
  }
  return binary ? { DataType, BinaryValue: given } : { DataType, StringValue: given };
}

function isBase64(text: string): boolean {
  try {
    fromBase64(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * The size of a message as SQS counts it: the body, and of each attribute its name, type and value. Those of a batch are
 * counted before anybody has checked what they are.
 */
export function sizeOf(body: string, attributes: unknown): number {
  let size = bytesOf(body);
  for (const [name, value] of Object.entries(Object(attributes))) {
    const { DataType = "", StringValue = "", BinaryValue = "" } = Object(value) as Partial<WireAttribute>;
    size += bytesOf(name) + bytesOf(DataType) + bytesOf(StringValue);
    size += Math.floor(String(BinaryValue).replace(/=+$/, "").length * 3 / 4);
  }
  return size;
}

function bytesOf(value: string): number {
  return new TextEncoder().encode(value).length;
}

/** A group id or deduplication id, checked. */
export function idOf(input: Input, name: string): string | undefined {
  const id = optionalText(input, name);
  if (id !== undefined && !/^[!-~]{1,128}$/.test(id)) {
    throw invalidValue(
      name,
      id,
      `${name} can only include alphanumeric and punctuation characters. 1 to 128 in length.`,
    );
  }
  return id;
}

/**
 * The entries of a batch, checked as far as one fault refuses the whole batch.
 *
 * @param type What SQS calls one of them.
 */
export function entriesOf(input: Input, type: string): (Input & { readonly Id: string })[] {
  const entries = input.Entries;
  if (entries === undefined || entries === null) throw missing("Entries");
  if (!Array.isArray(entries) || !entries.every(isRecord)) throw invalid("Entries must be a list.");
  if (entries.length === 0) {
    throw new SqsFault("EmptyBatchRequest", `There should be at least one ${type} in the request.`);
  }
  if (entries.length > 10) {
    throw new SqsFault(
      "TooManyEntriesInBatchRequest",
      `Maximum number of entries per request are 10. You have sent ${entries.length}.`,
    );
  }
  const ids = entries.map(({ Id }) => Id);
  const without = ids.findIndex((id) => id == null);
  if (without >= 0) throw missing(`${type}.${without + 1}.Id`);
  if (!ids.every((id) => typeof id === "string" && /^[A-Za-z0-9_-]{1,80}$/.test(id))) {
    throw new SqsFault(
      "InvalidBatchEntryId",
      "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
    );
  }
  const twice = ids.find((id, at) => ids.indexOf(id) !== at);
  if (twice !== undefined) throw new SqsFault("BatchEntryIdsNotDistinct", `Id ${twice} repeated.`);
  return entries as (Input & { readonly Id: string })[];
}
