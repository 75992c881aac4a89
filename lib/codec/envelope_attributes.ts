/**
 * Headers and properties as message attributes, for the codecs that have no envelope.
 *
 * @module
 */
import { refuse } from "../check.ts";
import { ConfigError } from "../errors.ts";
import type { MessageAttributeInput, OutgoingMessage, PlainAttributeValue } from "../types.ts";
import { wireAttribute } from "./attributes.ts";

/** Stands before a property's name. Everything else is a header. */
const PREFIX = "property.";
/**
 * Attributes that are not read as headers: users send messages on with their headers. The first two mark a body in S3:
 * the new message would seem to have one there. `S3Key` is the key that a sender chose: both messages would share one
 * object, which the first ack removes.
 */
const MARK = /^(?:ExtendedPayloadSize|SQSLargePayloadSize|S3Key)$/;

/**
 * Makes attributes of headers and properties. Undefined ones are left out, as in JSON.
 *
 * @throws {ConfigError} If one can't be an attribute, naming it, or compression is asked for.
 */
export function writeAttributes(
  codec: string,
  { headers, properties, contentEncoding }: OutgoingMessage,
): Record<string, MessageAttributeInput> {
  if (contentEncoding) {
    throw new ConfigError(`Cannot write 'contentEncoding' with ${codec} as it has no header for it: use kombu()`);
  }
  const entries = [
    ...fit("headers", headers, (name) => {
      if (name.startsWith(PREFIX)) refuse("headers", `named without '${PREFIX}', which marks a property`, name);
      return name;
    }),
    ...fit("properties", properties, (name) => PREFIX + name),
  ];
  return Object.fromEntries(entries);
}

function fit(
  path: string,
  values: Readonly<Record<string, unknown>>,
  rename: (name: string) => string,
): [string, MessageAttributeInput][] {
  return Object.entries(values).filter(([, value]) => value !== undefined).map(([name, value]) => {
    if (typeof value === "object" && !(value instanceof Uint8Array)) {
      refuse(`${path}.${name}`, "a string, a number or bytes, as this codec sends it as a message attribute", value);
    }
    wireAttribute(`${path}.${name}`, value);
    return [rename(name), value as MessageAttributeInput];
  });
}

/** Makes headers and properties of attributes again. */
export function readAttributes(attributes: Readonly<Record<string, PlainAttributeValue>>): {
  headers: Record<string, PlainAttributeValue>;
  properties: Record<string, PlainAttributeValue>;
} {
  const entries = Object.entries(attributes);
  const isProperty = ([name]: [string, PlainAttributeValue]) => name.startsWith(PREFIX);
  return {
    headers: Object.fromEntries(entries.filter((entry) => !isProperty(entry) && !MARK.test(entry[0]))),
    properties: Object.fromEntries(
      entries.filter(isProperty).map(([name, value]) => [name.slice(PREFIX.length), value]),
    ),
  };
}
