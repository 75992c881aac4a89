import { assertText } from "../check.ts";
import type { AwsRequest } from "../types.ts";
import { type BatchOutput, writeEntries } from "./batch.ts";
import { type OutgoingSqsMessage, readSent, type SentSqsMessage, writeMessage } from "./message.ts";
import { sendCheckedBatch } from "./send_checked.ts";

/** An entry of {@linkcode sendMessageBatch}. */
export interface SendMessageBatchEntry extends OutgoingSqsMessage {
  /** The entry's id, which its result carries: up to 80 letters, digits, hyphens and underscores. */
  readonly id: string;
}

/** Options of {@linkcode sendMessageBatch}. */
export interface SendMessageBatchOptions {
  /** The queue's URL. */
  readonly queueUrl: string;
  /** 1 to 10 messages with distinct ids; 1 MiB in all. */
  readonly entries: readonly SendMessageBatchEntry[];
}

/** The answer to {@linkcode sendMessageBatch}: good and bad entries at once. */
export type SendMessageBatchOutput = BatchOutput<{ readonly id: string } & SentSqsMessage>;

/**
 * Builds a `SendMessageBatch` request: no I/O, no clock, no randomness.
 *
 * An answer with failed entries is a good answer: look at `failed`. An entry that the answer does not speak of is there
 * too, with the code `MissingFromAnswer`.
 *
 * @param options Queue URL and 1 to 10 messages.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If there is no queue URL, too few or too many entries, ids that clash, or a message that
 * SQS would refuse.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { sendMessageBatch } from "@dashi/sqs/sqs";
 *
 * const request = sendMessageBatch({
 *   queueUrl: "https://sqs.eu-west-1.amazonaws.com/1/jobs",
 *   entries: [{ id: "a", messageBody: "hello" }, { id: "b", messageBody: "world" }],
 * });
 * assert.equal(JSON.parse(request.body).Entries[1].MessageBody, "world");
 * ```
 */
export function sendMessageBatch(options: SendMessageBatchOptions): AwsRequest<SendMessageBatchOutput> {
  const { queueUrl, entries } = options;
  assertText("queueUrl", queueUrl);
  return sendCheckedBatch(queueUrl, writeEntries(entries, writeMessage), readSent);
}
