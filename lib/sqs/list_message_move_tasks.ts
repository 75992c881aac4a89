import { assertText, assertWithin } from "../check.ts";
import type { AwsRequest } from "../types.ts";
import { answer, fields, listOf, maybe, number, text } from "./answer.ts";
import { sqsRequest } from "./request.ts";

/** Options of {@linkcode listMessageMoveTasks}. */
export interface ListMessageMoveTasksOptions {
  /** The ARN of the dead-letter queue. */
  readonly sourceArn: string;
  /** The most tasks to give, 1 to 10, the latest first. Default: 1. */
  readonly maxResults?: number | undefined;
}

/** A task that moves messages out of a dead-letter queue. */
export interface MessageMoveTask {
  /** Its handle, while it runs. */
  readonly taskHandle?: string;
  /** `RUNNING`, `COMPLETED`, `CANCELLING`, `CANCELLED` or `FAILED`. */
  readonly status: string;
  /** The ARN of the dead-letter queue. */
  readonly sourceArn?: string;
  /** The ARN of the queue that the messages go to, if one was given. */
  readonly destinationArn?: string;
  /** The most messages to move a second, if that was given. */
  readonly maxNumberOfMessagesPerSecond?: number;
  /** About how many messages were moved. */
  readonly approximateNumberOfMessagesMoved: number;
  /** About how many there were to move when the task began. */
  readonly approximateNumberOfMessagesToMove?: number;
  /** Why it failed, if it did. */
  readonly failureReason?: string;
  /** When it began. */
  readonly startedAt?: Date;
}

/** The answer to {@linkcode listMessageMoveTasks}. */
export interface ListMessageMoveTasksOutput {
  /** The tasks, the latest first. */
  readonly tasks: readonly MessageMoveTask[];
}

const Answer = /* @__PURE__ */ (() =>
  answer({
    Results: maybe(listOf(fields({
      TaskHandle: maybe(text),
      Status: text,
      SourceArn: maybe(text),
      DestinationArn: maybe(text),
      MaxNumberOfMessagesPerSecond: maybe(number),
      ApproximateNumberOfMessagesMoved: maybe(number),
      ApproximateNumberOfMessagesToMove: maybe(number),
      FailureReason: maybe(text),
      StartedTimestamp: maybe(number),
    }))),
  }))();

/**
 * Builds a `ListMessageMoveTasks` request: no I/O, no clock, no randomness.
 *
 * @param options ARN of the dead-letter queue, and how many tasks to give (1 to 10).
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If the ARN is missing or `maxResults` is out of range.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListMessageMoveTasks.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { listMessageMoveTasks } from "@dashi/sqs/sqs";
 *
 * const request = listMessageMoveTasks({ sourceArn: "arn:aws:sqs:eu-west-1:123456789012:dead", maxResults: 10 });
 * assert.equal(JSON.parse(request.body).MaxResults, 10);
 * ```
 */
export function listMessageMoveTasks(options: ListMessageMoveTasksOptions): AwsRequest<ListMessageMoveTasksOutput> {
  const { sourceArn, maxResults } = options;
  assertText("sourceArn", sourceArn);
  if (maxResults !== undefined) assertWithin("maxResults", maxResults, 1, 10);
  return sqsRequest(
    "ListMessageMoveTasks",
    { SourceArn: sourceArn, MaxResults: maxResults },
    Answer,
    ({ Results }) => ({
      tasks: (Results ?? []).map((task) => ({
        taskHandle: task.TaskHandle ?? undefined,
        status: task.Status,
        sourceArn: task.SourceArn ?? undefined,
        destinationArn: task.DestinationArn ?? undefined,
        maxNumberOfMessagesPerSecond: task.MaxNumberOfMessagesPerSecond ?? undefined,
        approximateNumberOfMessagesMoved: task.ApproximateNumberOfMessagesMoved ?? 0,
        approximateNumberOfMessagesToMove: task.ApproximateNumberOfMessagesToMove ?? undefined,
        failureReason: task.FailureReason ?? undefined,
        startedAt: task.StartedTimestamp == null ? undefined : new Date(task.StartedTimestamp),
      })),
    }),
  );
}
