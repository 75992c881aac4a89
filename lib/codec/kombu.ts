import { refuse } from "../check.ts";
import { ConfigError, DecodeError } from "../errors.ts";
import type { Codec, DecodedMessage, EncodedMessage, IncomingMessage, OutgoingMessage } from "../types.ts";
import { fromBase64, textFromBase64, toBase64, utf8Bytes, utf8Text } from "./base64.ts";
import { compress, decompress, KOMBU_GZIP } from "./compression.ts";
import { parsePythonJson, revivePythonJson, stringifyPythonJson } from "./python_json.ts";

/** Options of {@linkcode kombu}. */
export interface KombuOptions {
  /** Writes base64 around the whole envelope, kombu's `sqs_base64_encoding`. Both forms are read. Default: true. */
  readonly base64?: boolean;
  /** How the body stands in the envelope, kombu's `body_encoding`. Both forms are read. Default: `"base64"`. */
  readonly bodyEncoding?: "base64" | "utf-8";
}

/**
 * The codec for kombu's envelope, which Celery's messages have too: what kombu 5.7 writes is read, and the other way
 * round.
 *
 * As in kombu, a string body goes as `text/plain`, a `Uint8Array` as `application/data`, everything else as JSON with
 * Python's types (`Date` as datetime, `Uint8Array` as bytes, `bigint`, NaN). With `contentType: "application/json"` a
 * string goes as JSON as well. A body that is no envelope is read as plain text. `contentEncoding: "gzip"` or `"zlib"`
 * is kombu's `compression`.
 *
 * Pickle is never read, and no content type that it takes a library to read.
 *
 * @param options Which forms are written.
 * @returns The codec. It answers at once but for compression, which gives a promise.
 * @throws {ConfigError} If an option is not one of its choices.
 * @see {@link https://docs.celeryq.dev/projects/kombu/en/stable/reference/kombu.transport.SQS.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { kombu } from "@dashi/sqs";
 *
 * const { body } = await kombu({ base64: false }).encode({
 *   body: { id: 1, due: new Date(0) },
 *   headers: {},
 *   properties: { correlation_id: "a" },
 *   exchange: "",
 *   routingKey: "orders",
 *   messageId: "4b6b1d8e-7b1c-4c55-9f0c-111111111111",
 * });
 * const message = await kombu().decode({ body, messageAttributes: {} });
 * assert.deepEqual(message.body, { id: 1, due: new Date(0) });
 * assert.equal(message.properties?.correlation_id, "a");
 * ```
 */
export function kombu(options: KombuOptions = {}): Codec {
  const { base64 = true, bodyEncoding = "base64" } = options;
  if (typeof base64 !== "boolean") refuse("base64", "true or false", base64);
  if (bodyEncoding !== "base64" && bodyEncoding !== "utf-8") refuse("bodyEncoding", "base64 or utf-8", bodyEncoding);
  return {
    encode(message) {
      const content = serialize(message);
      const { contentEncoding } = message;
      const seal = (data: string | Uint8Array, compression?: string): EncodedMessage => {
        const text = stringifyPythonJson(envelope(message, content, data, bodyEncoding, compression));
        return { body: base64 && !message.fanout ? toBase64(utf8Bytes(text)) : text };
      };
      if (!contentEncoding || contentEncoding === content.encoding) return seal(content.data);
      return compress(bytesOf(content.data), contentEncoding).then((bytes) => seal(bytes, KOMBU_GZIP));
    },
    decode: open,
  };
}

/** A body made text or bytes, with its type. */
interface Content {
  readonly data: string | Uint8Array<ArrayBuffer>;
  readonly type: string;
  readonly encoding: "utf-8" | "binary";
}

function serialize({ body, contentType }: OutgoingMessage): Content {
  if (body instanceof Uint8Array) {
    return { data: body as Uint8Array<ArrayBuffer>, type: contentType ?? "application/data", encoding: "binary" };
  }
  const type = contentType ?? (typeof body === "string" ? "text/plain" : JSON_TYPE);
  if (type === JSON_TYPE) return { data: stringifyPythonJson(body), type, encoding: "utf-8" };
  if (typeof body !== "string") {
    throw new ConfigError(`Cannot write the body as ${type} as it must be a string or a Uint8Array for that`);
  }
  if (/[\ud800-\udfff]/u.test(body)) {
    throw new ConfigError("Cannot write the body as text as it has half of a surrogate pair in it: send it as JSON");
  }
  return { data: body, type, encoding: "utf-8" };
}

const JSON_TYPE = "application/json";

function bytesOf(data: string | Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return typeof data === "string" ? utf8Bytes(data) : data;
}

function envelope(
  { headers, properties, exchange, routingKey, messageId }: OutgoingMessage,
  { type, encoding }: Content,
  data: string | Uint8Array,
  bodyEncoding: string,
  compression?: string,
): unknown {
  return {
    body: bodyEncoding === "base64" ? toBase64(bytesOf(data as string)) : data,
    "content-encoding": encoding,
    "content-type": type,
    headers: compression ? { ...headers, compression } : headers,
    properties: {
      delivery_mode: 2,
      priority: 0,
      ...properties,
      delivery_info: { ...properties.delivery_info as object, exchange, routing_key: routingKey },
      body_encoding: bodyEncoding,
      delivery_tag: messageId,
    },
  };
}

interface Envelope {
  readonly body?: unknown;
  readonly headers?: unknown;
  readonly properties: unknown;
  readonly "content-type"?: unknown;
  readonly "content-encoding"?: unknown;
}

/** Reads a message, enveloped or plain. */
function open(message: IncomingMessage): DecodedMessage | Promise<DecodedMessage> {
  const text = undoBase64(message.body);
  const found = readEnvelope(text);
  if (!found) return { body: text, headers: {}, properties: { delivery_info: {} } };
  const properties = record("properties", found.properties);
  const headers = record("headers", found.headers ?? {});
  const contentType = label("content-type", found["content-type"]);
  const contentEncoding = label("content-encoding", found["content-encoding"]);
  const encoded = isBase64(properties.body_encoding);
  const give = (data: unknown, encoded: boolean): DecodedMessage => ({
    body: deserialize(data, encoded, contentType ?? "application/data", contentEncoding ?? "utf-8"),
    headers,
    properties,
    contentType,
    contentEncoding,
  });
  const { compression } = headers;
  if (!compression) return give(found.body, encoded);
  return decompress(readable("bytes", () => toBytes(found.body, encoded)), String(compression))
    .then((bytes) => give(bytes, false));
}

/** Undoes the outer base64 where it is certain, by kombu's own rule. */
function undoBase64(body: string): string {
  const text = body.trim();
  return text[0] === "{" || text.length % 4 ? body : textFromBase64(text) ?? body;
}

/** The envelope, if the text is one: whatever is not is somebody's plain body, as it is for kombu. */
function readEnvelope(text: string): Envelope | undefined {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    const found = revivePythonJson(text);
    return Object.hasOwn(found as object, "properties") ? found as Envelope : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function record(name: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new DecodeError(`Cannot read the envelope as its '${name}' is not an object`);
}

function label(name: string, value: unknown): string | undefined {
  if (value == null || typeof value === "string") return value ?? undefined;
  throw new DecodeError(`Cannot read the envelope as its '${name}' is not a string`);
}

function isBase64(encoding: unknown): boolean {
  if (!encoding || /^utf-8$/i.test(String(encoding))) return false;
  if (encoding === "base64") return true;
  throw new DecodeError(`Cannot read a body in '${encoding}' as body_encoding must be base64 or utf-8`);
}

function deserialize(data: unknown, encoded: boolean, type: string, encoding: string): unknown {
  // kombu hands an empty body on as it is, whatever its type.
  if (data == null || data === "") return data ?? null;
  if (type === JSON_TYPE) return parsePythonJson(readable(type, () => toText(data, encoded)));
  if (!/^(?:text\/.*|application\/(?:data|text|octet-stream))$/i.test(type)) {
    const why = /python-serialize|pickle/.test(type) ? "pickle is refused, as it can run code" : "it is not known here";
    throw new DecodeError(`Cannot read a body of type '${type}' as ${why}: send JSON, or pass a codec that reads it`);
  }
  return readable(`${type} in ${encoding}`, () => {
    if (/^(?:binary|ascii-8bit)$/i.test(encoding)) return toBytes(data, encoded);
    if (/^(?:utf-?8|(?:us-)?ascii)$/i.test(encoding)) return toText(data, encoded);
    return new TextDecoder(encoding, { fatal: true }).decode(toBytes(data, encoded));
  });
}

function toText(data: unknown, encoded: boolean): string {
  if (data instanceof Uint8Array) return utf8Text(data);
  if (typeof data !== "string") throw new TypeError();
  return encoded ? textFromBase64(data) ?? utf8Text(fromBase64(data)) : data;
}

function toBytes(data: unknown, encoded: boolean): Uint8Array<ArrayBuffer> {
  if (data instanceof Uint8Array) return data as Uint8Array<ArrayBuffer>;
  if (typeof data !== "string") throw new TypeError();
  return encoded ? fromBase64(data) : utf8Bytes(data);
}

/** What the runtime says of damaged bytes may repeat them. */
function readable<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch {
    throw new DecodeError(`Cannot read the body as ${what}: its base64 or its characters are damaged`);
  }
}
