import { assertText, assertWithin } from "../check.ts";
import type { AwsRequest, SqsMessage } from "../types.ts";
import { MAX_BATCH, MAX_VISIBILITY, MAX_WAIT } from "./limits.ts";
import { receiveChecked } from "./receive_checked.ts";

/** Options of {@linkcode receiveMessage}. */
export interface ReceiveMessageOptions {
  /** The queue's URL. */
  readonly queueUrl: string;
  /** The most messages to receive, 1 to 10. Default: 10. */
  readonly maxMessages?: number | undefined;
  /** Long-poll time in seconds, 0 to 20. Default: 0, a short poll. */
  readonly waitTimeSeconds?: number | undefined;
  /** Seconds that the messages stay hidden, 0 to 43,200. Default: the queue's own value. */
  readonly visibilityTimeout?: number | undefined;
  /** The system attributes to give, or `["All"]`. Default: none. */
  readonly systemAttributes?: readonly string[] | undefined;
  /** The names of the message attributes to give, or `["All"]`. Default: none. */
  readonly messageAttributes?: readonly string[] | undefined;
  /** FIFO: the id under which a retry within five minutes receives the same messages. */
  readonly receiveRequestAttemptId?: string | undefined;
}

/** The answer to {@linkcode receiveMessage}. */
export interface ReceiveMessageOutput {
  /** The messages, as they came; an empty list if there were none. */
  readonly messages: readonly SqsMessage[];
}

/**
 * Builds a `ReceiveMessage` request: no I/O, no clock, no randomness.
 *
 * @param options Queue URL, batch size (1 to 10) and long-poll time in seconds (0 to 20).
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If the queue URL is missing or an option is out of range.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { receiveMessage } from "@dashi/sqs/sqs";
 *
 * const request = receiveMessage({ queueUrl: "https://sqs.eu-west-1.amazonaws.com/1/jobs", maxMessages: 5 });
 * assert.equal(JSON.parse(request.body).MaxNumberOfMessages, 5);
 * ```
 */
export function receiveMessage(options: ReceiveMessageOptions): AwsRequest<ReceiveMessageOutput> {
  const { queueUrl, maxMessages = MAX_BATCH, waitTimeSeconds = 0, visibilityTimeout } = options;
  assertText("queueUrl", queueUrl);
  assertWithin("maxMessages", maxMessages, 1, MAX_BATCH);
  assertWithin("waitTimeSeconds", waitTimeSeconds, 0, MAX_WAIT);
  if (visibilityTimeout !== undefined) assertWithin("visibilityTimeout", visibilityTimeout, 0, MAX_VISIBILITY);
  return receiveChecked({
    QueueUrl: queueUrl,
    MaxNumberOfMessages: maxMessages,
    WaitTimeSeconds: waitTimeSeconds,
    VisibilityTimeout: visibilityTimeout,
    MessageSystemAttributeNames: options.systemAttributes,
    MessageAttributeNames: options.messageAttributes,
    ReceiveRequestAttemptId: options.receiveRequestAttemptId,
  });
}
