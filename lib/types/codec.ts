/**
 * How values become bodies, and bodies values.
 *
 * @module
 */
import type { MessageAttributeInput, PlainAttributeValue } from "./message.ts";

/** What a codec is given to write. */
export interface OutgoingMessage {
  /** The value to send. */
  readonly body: unknown;
  /** Application headers. */
  readonly headers: Readonly<Record<string, unknown>>;
  /** AMQP properties such as `correlation_id`, `reply_to`, `priority`, `expiration`. */
  readonly properties: Readonly<Record<string, unknown>>;
  /** The content type that the user asked for. */
  readonly contentType?: string | undefined;
  /** `gzip`, `zlib`, or an encoding of the codec's own. */
  readonly contentEncoding?: string | undefined;
  /** The exchange; the empty string for none. */
  readonly exchange: string;
  /** The routing key, or the queue's name. */
  readonly routingKey: string;
  /** A UUID for this message. */
  readonly messageId: string;
  /** True for an SNS topic, whose body kombu writes without its outer base64. */
  readonly fanout?: boolean | undefined;
}

/** What a codec writes. */
export interface EncodedMessage {
  /** The text that becomes the MessageBody. */
  readonly body: string;
  /** Message attributes that the codec adds; the user's own win. */
  readonly messageAttributes?: Readonly<Record<string, MessageAttributeInput>> | undefined;
}

/** What a codec is given to read. */
export interface IncomingMessage {
  /** The text of the MessageBody, payload resolved, SNS envelope removed. */
  readonly body: string;
  /** The message attributes, plain. */
  readonly messageAttributes: Readonly<Record<string, PlainAttributeValue>>;
  /** The most bytes that the body may have once it is decompressed, where the broker's payload store says. */
  readonly maxBytes?: number | undefined;
}

/** What a codec reads. */
export interface DecodedMessage {
  /** The value. */
  readonly body: unknown;
  /** Application headers. */
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
  /** AMQP properties. */
  readonly properties?: Readonly<Record<string, unknown>> | undefined;
  /** The body's content type. */
  readonly contentType?: string | undefined;
  /** The body's content encoding. */
  readonly contentEncoding?: string | undefined;
}

/**
 * Turns values into message bodies and back. Both ways may be asynchronous. What `decode` throws makes the one message
 * undecodable and never ends the iteration.
 *
 * @example A codec for plain numbers
 * ```ts
 * import type { Codec } from "@dashi/sqs";
 *
 * const numbers: Codec = {
 *   encode: ({ body }) => ({ body: String(body) }),
 *   decode: ({ body }) => ({ body: Number(body), contentType: "text/plain" }),
 * };
 * ```
 */
export interface Codec {
  /** Names of the message attributes that reading needs, or `["All"]`; a receive then asks for them. Default: none. */
  readonly needs?: readonly string[] | undefined;
  /** Writes a message. */
  encode(message: OutgoingMessage): EncodedMessage | Promise<EncodedMessage>;
  /** Reads a message. */
  decode(message: IncomingMessage): DecodedMessage | Promise<DecodedMessage>;
}
