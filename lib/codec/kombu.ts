import { assertOptions, is, oneOf, refuse, show } from "../check.ts";
import { ConfigError, DashiError, DecodeError } from "../errors.ts";
import type { Codec, DecodedMessage, EncodedMessage, IncomingMessage, OutgoingMessage } from "../types.ts";
import { fromBase64, textFromBase64, textToBase64, toBase64, utf8Bytes, utf8Text } from "./base64.ts";
import { compress, decompress, KOMBU_GZIP } from "./compression.ts";
import { parsePythonJson, stringifyPythonJson } from "./python_json.ts";

/** Options of {@linkcode kombu}. */
export interface KombuOptions {
  /** Writes base64 around the whole envelope, kombu's `sqs_base64_encoding`. Both forms are read. Default: true. */
  readonly base64?: boolean | undefined;
  /** How the body stands in the envelope, kombu's `body_encoding`. Both forms are read. Default: `"base64"`. */
  readonly bodyEncoding?: "base64" | "utf-8" | undefined;
}

/**
 * The codec for kombu's envelope, which Celery's messages have too: what kombu 5.7 writes is read, and the other way
 * round.
 *
 * As in kombu, a string body goes as `text/plain`, a `Uint8Array` or `ArrayBuffer` as `application/data`, everything else
 * as JSON with Python's types (`Date` as datetime, `Uint8Array` and `ArrayBuffer` as bytes, `bigint`, NaN). With
 * `contentType: "application/json"` a string goes as JSON as well. A body that is no envelope is read as plain text, and
 * where it is base64 of text as that text; `text()` leaves it alone. `contentEncoding: "gzip"` or `"zlib"` is kombu's
 * `compression`.
 *
 * Pickle is never read, and no content type that it takes a library to read: YAML and MessagePack. What kombu has no
 * serializer for, such as `image/jpeg`, is read as it stands: bytes or text, as its content encoding says.
 *
 * @param options Which forms are written.
 * @returns The codec. It answers at once but for compression, which gives a promise.
 * @throws {ConfigError} If an option is unknown or not one of its choices.
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
  assertOptions<KombuOptions>("", options, { base64: is("boolean"), bodyEncoding: oneOf("base64", "utf-8") });
  const { base64 = true, bodyEncoding = "base64" } = options;
  return {
    encode(message) {
      const { contentEncoding, exchange, fanout, headers, properties } = message;
      const { data, type, encoding } = serialize(message);
      // A message that is sent on has the headers of the one that came, and is compressed no longer. Whoever compressed
      // bytes says of which type they were.
      const kept = typeof data !== "string" && message.contentType ? headers.compression : undefined;
      const seal = (data: string | Uint8Array, compression: unknown): EncodedMessage => {
        const text = stringifyPythonJson({
          body: bodyEncoding === "base64" ? encodeBody(data) : data,
          "content-encoding": encoding,
          "content-type": type,
          headers: { ...headers, compression },
          properties: {
            delivery_mode: 2,
            priority: 0,
            ...properties,
            delivery_info: { ...properties.delivery_info as object, exchange, routing_key: message.routingKey },
            body_encoding: bodyEncoding,
            delivery_tag: message.messageId,
          },
        });
        return { body: base64 && !fanout ? textToBase64(text) : text };
      };
      if (!contentEncoding || contentEncoding === encoding) return seal(data, kept);
      return compress(toBytes(data), contentEncoding).then((bytes) => seal(bytes, KOMBU_GZIP));
    },
    decode: (message) => guarded(() => open(message)),
  };
}

function encodeBody(data: string | Uint8Array): string {
  return typeof data === "string" ? textToBase64(data) : toBase64(data);
}

const JSON_TYPE = "application/json";

/** Makes a body text or bytes, as kombu's producer does. */
function serialize({ body, contentType }: OutgoingMessage): {
  data: string | Uint8Array;
  type: string;
  encoding: string;
} {
  const data = body instanceof ArrayBuffer ? new Uint8Array(body) : body; // JSON would leave its bytes out
  if (data instanceof Uint8Array) return { data, type: contentType ?? "application/data", encoding: "binary" };
  // JSON.stringify() leaves these out, and null would go in their place.
  if (typeof body === "function" || typeof body === "symbol") refuse("body", "what JSON can say", body);
  const type = contentType ?? (typeof body === "string" ? "text/plain" : JSON_TYPE);
  if (type === JSON_TYPE) return { data: stringifyPythonJson(body), type, encoding: "utf-8" };
  // Half a surrogate pair has no UTF-8, so it would arrive as another character.
  if (typeof body === "string" && !/[\ud800-\udfff]/u.test(body)) return { data: body, type, encoding: "utf-8" };
  throw new ConfigError(`Cannot write the body as ${type} as it must be whole text or bytes for that: send JSON`);
}

/** Gives a `DecodeError` for all that goes wrong: what the runtime says may repeat what the message holds. */
function guarded<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof DashiError
      ? error
      : new DecodeError("Cannot read the message as it is damaged, or in an encoding that is not known here");
  }
}

/** Reads a message, enveloped or plain. */
function open({ body, maxBytes }: IncomingMessage): DecodedMessage | Promise<DecodedMessage> {
  const text = undoBase64(body);
  const found = readEnvelope(text);
  if (!found) return { body: text, headers: {}, properties: { delivery_info: {} } };
  const headers = record(found.headers ?? {});
  const properties = record(found.properties);
  const contentType = label(found["content-type"]);
  const contentEncoding = label(found["content-encoding"]);
  const give = (data: unknown, encoded: boolean): DecodedMessage => ({
    body: deserialize(data, encoded, contentType, contentEncoding),
    headers,
    properties,
    contentType,
    contentEncoding,
  });
  const { compression } = headers;
  const encoded = properties.body_encoding === "base64";
  if (!encoded && !/^utf-8$/i.test(label(properties.body_encoding) ?? "utf-8")) {
    throw new DecodeError("Cannot read the body as its body_encoding is neither base64 nor utf-8");
  }
  if (!compression) return give(found.body, encoded);
  return decompress(toBytes(found.body, encoded), String(compression), maxBytes)
    .then((bytes) => guarded(() => give(bytes, false)));
}

/** Undoes the outer base64 where it is certain, by kombu's own rule. */
function undoBase64(body: string): string {
  const text = body.trim();
  // Python strips ASCII's white space alone.
  const plain = text[0] === "{" || text.length % 4 || text !== body && /[^\t-~]/.test(body);
  return plain ? body : textFromBase64(text) ?? body;
}

/** The envelope, if the text is one: whatever is not is somebody's plain body, as it is for kombu. */
function readEnvelope(text: string): Record<string, unknown> | undefined {
  try {
    const found = /^\s*\{/.test(text) && parsePythonJson(text) as Record<string, unknown>;
    if (found && Object.hasOwn(found, "properties")) return found;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
}

function record(value: unknown): Record<string, unknown> {
  // Bytes and a Date have a type of their own in Python's JSON, and are objects too.
  if (value && Object.getPrototypeOf(value) === Object.prototype) return value as Record<string, unknown>;
  throw new DecodeError("Cannot read the envelope as its headers and properties must be objects");
}

function label(value: unknown): string | undefined {
  return value ? String(value) : undefined;
}

function deserialize(data: unknown, encoded: boolean, type = "application/data", encoding = "utf-8"): unknown {
  if (data == null) return null;
  // kombu hands an empty body on as it is.
  if (type.split(";")[0] === JSON_TYPE) return data && parsePythonJson(toText(data, encoded));
  if (/^application\/x-(?:python|yaml|msgpack)/.test(type)) {
    const why = type.includes("python") ? "pickle can run code" : "it is not known here";
    throw new DecodeError(`Cannot read a body of type ${show(type)} as ${why}: send JSON, or pass a codec for it`);
  }
  if (/^(?:binary|ascii-8bit)$/i.test(encoding)) return toBytes(data, encoded);
  if (encoding === "utf-8") return toText(data, encoded);
  // Python writes latin-1, too.
  return new TextDecoder(encoding.replace("latin-", "latin"), { fatal: true }).decode(toBytes(data, encoded));
}

function toText(data: unknown, encoded: boolean): string {
  const text = typeof data === "string" ? encoded ? textFromBase64(data) : data : undefined;
  return text ?? utf8Text(toBytes(data, encoded));
}

function toBytes(data: unknown, encoded = false): Uint8Array<ArrayBuffer> {
  if (data instanceof Uint8Array) return data as Uint8Array<ArrayBuffer>;
  if (typeof data !== "string") throw new DecodeError("Cannot read the body as it is neither text nor bytes");
  return encoded ? fromBase64(data) : utf8Bytes(data);
}
