/**
 * The requests that send messages which were checked: by the builders of the two actions, or by `publish()` in words of
 * its own.
 *
 * @module
 */
import type { AwsRequest, WireAttribute } from "../types.ts";
import { answer, fields, maybe, text } from "./answer.ts";
import { batchAnswer, type BatchOutput, batchRequest, type WireEntry } from "./batch.ts";
import { sqsRequest } from "./request.ts";

/** A message as SQS wants it. */
export interface WireMessage {
  readonly MessageBody: string;
  readonly DelaySeconds?: number;
  /** Unset for none: SQS takes no empty ones. */
  readonly MessageAttributes?: Readonly<Record<string, WireAttribute>>;
  readonly MessageSystemAttributes?: Readonly<Record<string, WireAttribute>>;
  readonly MessageGroupId?: string;
  readonly MessageDeduplicationId?: string;
}

/** What SQS says of a message that it took, as it came. */
export interface WireSent {
  readonly MessageId: string;
  readonly MD5OfMessageBody?: string | null;
  readonly MD5OfMessageAttributes?: string | null;
  readonly MD5OfMessageSystemAttributes?: string | null;
  readonly SequenceNumber?: string | null;
}

const SentFields = /* @__PURE__ */ (() => ({
  MessageId: text,
  MD5OfMessageBody: maybe(text),
  MD5OfMessageAttributes: maybe(text),
  MD5OfMessageSystemAttributes: maybe(text),
  SequenceNumber: maybe(text),
}))();
const Answer = /* @__PURE__ */ (() => answer(SentFields))();
const BatchAnswer = /* @__PURE__ */ (() => batchAnswer(fields({ Id: text, ...SentFields })))();

/** A request that sends a message. */
export function sendChecked<Sent extends object>(
  queueUrl: string,
  message: WireMessage,
  read: (sent: WireSent) => Sent,
): AwsRequest<Sent> {
  return sqsRequest("SendMessage", { QueueUrl: queueUrl, ...message }, Answer, read);
}

/** A request that sends several. */
export function sendCheckedBatch<Sent extends object>(
  queueUrl: string,
  entries: readonly WireEntry[],
  read: (sent: WireSent) => Sent,
): AwsRequest<BatchOutput<{ readonly id: string } & Sent>> {
  return batchRequest("SendMessageBatch", queueUrl, entries, BatchAnswer, read);
}

/** Reads what SQS says of a message as it came. */
export function asItCame(sent: WireSent): WireSent {
  return sent;
}
