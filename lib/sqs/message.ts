/**
 * What SendMessage and SendMessageBatch have in common: the fields of a message and the rules for them.
 *
 * @module
 */
import { assertText, assertWithin, refuse } from "../check.ts";
import { MAX_ATTRIBUTES, wireAttribute } from "../codec/attributes.ts";
import { assertMessageId, assertSqsText } from "../codec/sqs_text.ts";
import type { MessageAttributeInput, WireAttribute } from "../types.ts";
import { MAX_DELAY } from "./limits.ts";
import type { WireMessage, WireSent } from "./send_checked.ts";

/** A message to send. */
export interface OutgoingSqsMessage {
  /** The body: 1 byte to 1 MiB, of the characters that XML 1.0 allows. */
  readonly messageBody: string;
  /** Seconds until the message can be received, 0 to 900; on a FIFO queue only its own delay counts. Default: the queue's. */
  readonly delaySeconds?: number | undefined;
  /** Up to 10 attributes: text, numbers, bytes, or SQS's typed form. */
  readonly messageAttributes?: Readonly<Record<string, MessageAttributeInput>> | undefined;
  /** System attributes; SQS takes `AWSTraceHeader`. */
  readonly messageSystemAttributes?: Readonly<Record<string, WireAttribute>> | undefined;
  /** The group: messages of one group keep their order (FIFO) or share a fair part (standard). Up to 128 characters. */
  readonly messageGroupId?: string | undefined;
  /** FIFO: a second message with this id within five minutes is taken, and not delivered. Up to 128 characters. */
  readonly messageDeduplicationId?: string | undefined;
}

/** What SQS says of a message that it took. */
export interface SentSqsMessage {
  /** SQS's id of the message. */
  readonly messageId: string;
  /** The MD5 of the body, in hex. */
  readonly md5OfMessageBody?: string;
  /** The MD5 of the message attributes, in hex. */
  readonly md5OfMessageAttributes?: string;
  /** The MD5 of the system attributes, in hex. */
  readonly md5OfMessageSystemAttributes?: string;
  /** FIFO: the message's place in the queue, 20 digits. */
  readonly sequenceNumber?: string;
}

/**
 * Checks a message and gives its fields the wire's names.
 *
 * @param path What stands before an option's name in an error.
 * @throws {ConfigError} If SQS would refuse the message.
 */
export function writeMessage(message: OutgoingSqsMessage, path = ""): WireMessage {
  const { messageBody, delaySeconds, messageAttributes = {}, messageGroupId, messageDeduplicationId } = message;
  assertText(`${path}messageBody`, messageBody);
  assertSqsText(`${path}messageBody`, messageBody);
  if (delaySeconds !== undefined) assertWithin(`${path}delaySeconds`, delaySeconds, 0, MAX_DELAY);
  const attributes = Object.entries(messageAttributes);
  const { length } = attributes;
  if (length > MAX_ATTRIBUTES) refuse(`${path}messageAttributes`, `${MAX_ATTRIBUTES} at the most`, length);
  for (const [name, id] of Object.entries({ messageGroupId, messageDeduplicationId })) {
    if (id !== undefined) assertMessageId(path + name, id);
  }
  const wire = attributes.map(([name, value]) =>
    [name, wireAttribute(`${path}messageAttributes.${name}`, value)] as const
  );
  return {
    MessageBody: messageBody,
    DelaySeconds: delaySeconds,
    MessageAttributes: length ? Object.fromEntries(wire) : undefined,
    MessageSystemAttributes: message.messageSystemAttributes,
    MessageGroupId: messageGroupId,
    MessageDeduplicationId: messageDeduplicationId,
  };
}

/** Gives what SQS says of a message our names. */
export function readSent(sent: WireSent): SentSqsMessage {
  return {
    messageId: sent.MessageId,
    md5OfMessageBody: sent.MD5OfMessageBody ?? undefined,
    md5OfMessageAttributes: sent.MD5OfMessageAttributes ?? undefined,
    md5OfMessageSystemAttributes: sent.MD5OfMessageSystemAttributes ?? undefined,
    sequenceNumber: sent.SequenceNumber ?? undefined,
  };
}
