import { assertText } from "../check.ts";
import type { AwsRequest } from "../types.ts";
import { type OutgoingSqsMessage, readSent, type SentSqsMessage, writeMessage } from "./message.ts";
import { sendChecked } from "./send_checked.ts";

/** Options of {@linkcode sendMessage}. */
export interface SendMessageOptions extends OutgoingSqsMessage {
  /** The queue's URL. */
  readonly queueUrl: string;
}

/** The answer to {@linkcode sendMessage}. */
export type SendMessageOutput = SentSqsMessage;

/**
 * Builds a `SendMessage` request: no I/O, no clock, no randomness.
 *
 * @param options Queue URL, body (up to 1 MiB), delay in seconds (0 to 900), attributes, and the ids of FIFO queues.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If SQS would refuse the message: an empty body, a character that XML 1.0 lacks, a delay out of
 * range.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { sendMessage } from "@dashi/sqs/sqs";
 *
 * const request = sendMessage({ queueUrl: "https://sqs.eu-west-1.amazonaws.com/1/jobs", messageBody: "hello", delaySeconds: 5 });
 * assert.equal(JSON.parse(request.body).DelaySeconds, 5);
 * ```
 */
export function sendMessage(options: SendMessageOptions): AwsRequest<SendMessageOutput> {
  const { queueUrl } = options;
  assertText("queueUrl", queueUrl);
  return sendChecked(queueUrl, writeMessage(options), readSent);
}
