/**
 * What a message may be published with, and the checks of it.
 *
 * @module
 */
import { assertOptions, type Check, has, is, within } from "../check.ts";
import { assertMessageId } from "../codec/sqs_text.ts";
import { MAX_DELAY } from "../sqs/limits.ts";
import type { Codec, MessageAttributeInput, PayloadLocation } from "../types.ts";

/** Options of {@linkcode publish}. A message goes to a `queue`, or through an `exchange` with a `routingKey`. */
export interface PublishOptions {
  /** The queue's name or URL. */
  readonly queue?: string | undefined;
  /**
   * The exchange, which routes the message to none, one or several queues; `""` is the default one, whose routing key is a
   * queue's name.
   */
  readonly exchange?: string | undefined;
  /** The key that the exchange routes by. Default: the empty string. */
  readonly routingKey?: string | undefined;
  /** Application headers, for codecs that have them. */
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
  /**
   * AMQP properties, such as `correlation_id`, `reply_to` and `priority`. As in kombu, `delay_seconds`, `MessageGroupId`,
   * `MessageDeduplicationId` and `message_attributes` are also told to SQS, unless the option of that meaning is given.
   */
  readonly properties?: Readonly<Record<string, unknown>> | undefined;
  /** Up to ten message attributes: text, numbers, bytes, or SQS's typed form. */
  readonly messageAttributes?: Readonly<Record<string, MessageAttributeInput>> | undefined;
  /** Seconds until the message can be received, 0 to 900; neither for FIFO queues nor for fanout. Default: the queue's. */
  readonly delaySeconds?: number | undefined;
  /** The message group: the order of FIFO queues, the fair parts of others. Default: none, and `default` for FIFO. */
  readonly groupId?: string | undefined;
  /**
   * FIFO: the id that SQS drops a second message by, for five minutes. Default: a UUID, the same for all tries; SQS takes
   * it also where a queue has `ContentBasedDeduplication`, so give a hash of the body to drop what is sent twice.
   */
  readonly deduplicationId?: string | undefined;
  /** Seconds, 0 to 10^9, after which the message is of no use: written as the AMQP property. Default: never. */
  readonly expiration?: number | undefined;
  /** The content type to declare. Default: the codec's. */
  readonly contentType?: string | undefined;
  /** `gzip` or `zlib`: the codec compresses the body. */
  readonly contentEncoding?: string | undefined;
  /** The W3C trace context, sent as the header `traceparent`. */
  readonly traceparent?: string | undefined;
  /** How the body is written. Default: the predefined queue's, then the broker's. */
  readonly codec?: Codec | undefined;
  /** Whether it is an error if the exchange has no queue for the message, not only an event. Default: true. */
  readonly mandatory?: boolean | undefined;
  /** Ends the waiting. What was being sent may or may not arrive. */
  readonly signal?: AbortSignal | undefined;
}

/** A message for {@linkcode publishAll}: its body, and the options that are its own. */
export interface PublishInput<T = unknown> extends Omit<PublishOptions, "signal"> {
  /** The value to send, or a stream of bytes. */
  readonly body: T;
}

/** A message as one queue or topic took it. */
export interface SentPart {
  /** The queue, by the name it was called. */
  readonly queue?: string;
  /** The fanout exchange's topic. */
  readonly topic?: string;
  /** SQS's or SNS's id of the message. */
  readonly messageId: string;
  /** FIFO: the message's place, 20 digits. */
  readonly sequenceNumber?: string;
  /** Where the body was stored, if it was. */
  readonly payload?: PayloadLocation;
}

/** What became of a message. */
export interface PublishResult {
  /** SQS's id where one queue or topic took the message; else, a UUID that stands for it here. */
  readonly messageId: string;
  /** Who took it; an empty list where nobody did. */
  readonly sent: readonly SentPart[];
  /** Where the body was stored; the first of several, all of which stand in `sent`. */
  readonly payload?: PayloadLocation;
  /** Why it, or a part of it, was not sent. Only of `publishAll` and `publishMany`: `publish` throws it. */
  readonly error?: Error;
}

const CHECKS = /* @__PURE__ */ (() => {
  const [text, record, yesOrNo] = [is("string"), is("object"), is("boolean")];
  return {
    queue: text,
    exchange: text,
    routingKey: text,
    headers: record,
    properties: record,
    messageAttributes: record,
    delaySeconds: within(0, MAX_DELAY),
    groupId: assertMessageId,
    deduplicationId: assertMessageId,
    expiration: within(0, 1e9, true),
    contentType: text,
    contentEncoding: text,
    traceparent: text,
    codec: has("encode"),
    mandatory: yesOrNo,
    signal: has("throwIfAborted"),
  };
})();

/**
 * Checks each option alone; what they mean together is for those who use them.
 *
 * @param others The checks of options that the caller has beside these.
 * @throws {ConfigError} If one is unknown or wrong.
 */
export function assertPublishOptions(options: PublishOptions, others?: Readonly<Record<string, Check>>): void {
  assertOptions<PublishOptions>("", options, others ? { ...CHECKS, ...others } : CHECKS);
}
