import { assertText, assertWithin } from "../check.ts";
import type { AwsRequest } from "../types.ts";
import { answer, text } from "./answer.ts";
import { sqsRequest } from "./request.ts";

/** Options of {@linkcode startMessageMoveTask}. */
export interface StartMessageMoveTaskOptions {
  /** The ARN of the dead-letter queue that is emptied. */
  readonly sourceArn: string;
  /** The ARN of the queue that the messages go to. Default: the queue that each came from. */
  readonly destinationArn?: string | undefined;
  /** The most messages to move a second, 1 to 500. Default: as many as SQS sees fit. */
  readonly maxNumberOfMessagesPerSecond?: number | undefined;
}

/** The answer to {@linkcode startMessageMoveTask}. */
export interface StartMessageMoveTaskOutput {
  /** The task's handle, for `cancelMessageMoveTask`. */
  readonly taskHandle: string;
}

const Answer = /* @__PURE__ */ (() => answer({ TaskHandle: text }))();

/**
 * Builds a `StartMessageMoveTask` request: no I/O, no clock, no randomness.
 *
 * SQS moves the messages of a dead-letter queue itself, one task a queue at a time, for 36 hours at the most. The
 * request is signed for the region that the ARN names, unless the caller names another.
 *
 * @param options ARNs and speed.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If an ARN is missing or the speed is out of range.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { startMessageMoveTask } from "@dashi/sqs/sqs";
 *
 * const request = startMessageMoveTask({ sourceArn: "arn:aws:sqs:eu-west-1:123456789012:dead" });
 * assert.equal(request.action, "StartMessageMoveTask");
 * ```
 */
export function startMessageMoveTask(options: StartMessageMoveTaskOptions): AwsRequest<StartMessageMoveTaskOutput> {
  const { sourceArn, destinationArn, maxNumberOfMessagesPerSecond } = options;
  assertText("sourceArn", sourceArn);
  if (maxNumberOfMessagesPerSecond !== undefined) {
    assertWithin("maxNumberOfMessagesPerSecond", maxNumberOfMessagesPerSecond, 1, 500);
  }
  return sqsRequest(
    "StartMessageMoveTask",
    {
      SourceArn: sourceArn,
      DestinationArn: destinationArn,
      MaxNumberOfMessagesPerSecond: maxNumberOfMessagesPerSecond,
    },
    Answer,
    ({ TaskHandle }) => ({ taskHandle: TaskHandle }),
  );
}
