/**
 * What Publish and PublishBatch have in common: the fields of a message and the rules for them.
 *
 * @module
 */
import * as v from "valibot";
import { refuse } from "../check.ts";
import { wireAttribute } from "../codec/attributes.ts";
import { assertMessageId } from "../codec/sqs_text.ts";
import { entries, type QueryParams } from "../http/query_request.ts";
import type { MessageAttributeInput } from "../types.ts";

/** A message for a topic. */
export interface OutgoingSnsMessage {
  /** The text: 1 byte to 256 KiB, or to the topic's MaximumMessageSize. */
  readonly message: string;
  /** The subject, which raw delivery leaves out. */
  readonly subject?: string | undefined;
  /** Attributes: text, numbers, bytes, or SNS's typed form. Raw delivery drops a message of more than 10. */
  readonly messageAttributes?: Readonly<Record<string, MessageAttributeInput>> | undefined;
  /** FIFO: the group, whose messages keep their order. Up to 128 characters. */
  readonly messageGroupId?: string | undefined;
  /** FIFO: a second message with this id within five minutes is taken, and not delivered. Up to 128 characters. */
  readonly messageDeduplicationId?: string | undefined;
}

/** What SNS says of a message that it took. */
export interface SentSnsMessage {
  /** SNS's id of the message. */
  readonly messageId: string;
  /** FIFO: the message's place in the topic, 20 digits. */
  readonly sequenceNumber?: string;
}

/** The fields of a {@linkcode SentSnsMessage} on the wire. */
export const SentFields = { MessageId: v.string(), SequenceNumber: v.optional(v.string()) };

/**
 * Checks a message and gives its fields the wire's names.
 *
 * @param path What stands before an option's name in an error.
 * @throws {ConfigError} If SNS would refuse the message.
 */
export function writeMessage(options: OutgoingSnsMessage, path = ""): QueryParams {
  const { message, subject, messageAttributes = {}, messageGroupId, messageDeduplicationId } = options;
  if (typeof message !== "string" || message === "") refuse(`${path}message`, "a string that is not empty", message);
  for (const [name, id] of Object.entries({ messageGroupId, messageDeduplicationId })) {
    if (id !== undefined) assertMessageId(path + name, id);
  }
  const attributes = Object.entries(messageAttributes).map(([name, value]) =>
    [name, { ...wireAttribute(`${path}messageAttributes.${name}`, value) }] as const
  );
  return {
    Message: message,
    Subject: subject,
    MessageAttributes: entries(Object.fromEntries(attributes), "Name", "Value"),
    MessageGroupId: messageGroupId,
    MessageDeduplicationId: messageDeduplicationId,
  };
}
