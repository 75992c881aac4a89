/**
 * The requests that send messages which were checked: by the builders of the two actions, or by `publish()` in words of
 * its own.
 *
 * @module
 */
import type { AwsRequest } from "../types.ts";
import { answer, fields, maybe, text } from "./answer.ts";
import { type BatchOutput, batchRequest, type WireEntry } from "./batch.ts";
import type { OutgoingSqsMessage, SentSqsMessage } from "./message.ts";
import { sqsRequest } from "./request.ts";

/** A request that sends a message. */
export function sendChecked(queueUrl: string, message: OutgoingSqsMessage): AwsRequest<SentSqsMessage> {
  return sqsRequest("SendMessage", { QueueUrl: queueUrl, ...writeMessage(message) }, Answer, readSent);
}

/** A request that sends several. */
export function sendCheckedBatch(
  queueUrl: string,
  entries: readonly WireEntry[],
): AwsRequest<BatchOutput<{ readonly id: string } & SentSqsMessage>> {
  return batchRequest("SendMessageBatch", queueUrl, entries, Entry, readSent);
}

const SentFields = /* @__PURE__ */ (() => ({
  MessageId: text,
  MD5OfMessageBody: maybe(text),
  MD5OfMessageAttributes: maybe(text),
  MD5OfMessageSystemAttributes: maybe(text),
  SequenceNumber: maybe(text),
}))();

/** Gives a {@linkcode SentSqsMessage} its names. */
function readSent(sent: {
  MessageId: string;
  MD5OfMessageBody?: string | null;
  MD5OfMessageAttributes?: string | null;
  MD5OfMessageSystemAttributes?: string | null;
  SequenceNumber?: string | null;
}): SentSqsMessage {
  return {
    messageId: sent.MessageId,
    md5OfMessageBody: sent.MD5OfMessageBody ?? undefined,
    md5OfMessageAttributes: sent.MD5OfMessageAttributes ?? undefined,
    md5OfMessageSystemAttributes: sent.MD5OfMessageSystemAttributes ?? undefined,
    sequenceNumber: sent.SequenceNumber ?? undefined,
  };
}

const Answer = /* @__PURE__ */ (() => answer(SentFields))();
const Entry = /* @__PURE__ */ (() => fields({ Id: text, ...SentFields }))();

/** Gives a message's fields the wire's names. */
export function writeMessage(message: OutgoingSqsMessage): Readonly<Record<string, unknown>> {
  const { messageAttributes = {} } = message;
  return {
    MessageBody: message.messageBody,
    DelaySeconds: message.delaySeconds,
    MessageAttributes: Object.keys(messageAttributes).length ? messageAttributes : undefined,
    MessageSystemAttributes: message.messageSystemAttributes,
    MessageGroupId: message.messageGroupId,
    MessageDeduplicationId: message.messageDeduplicationId,
  };
}
