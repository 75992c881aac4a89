import { assertText } from "../check.ts";
import type { AwsRequest } from "../types.ts";
import { answer, maybe, number } from "./answer.ts";
import { sqsRequest } from "./request.ts";

/** Options of {@linkcode cancelMessageMoveTask}. */
export interface CancelMessageMoveTaskOptions {
  /** What `startMessageMoveTask` gave, or `listMessageMoveTasks` gives of a task that runs. */
  readonly taskHandle: string;
}

/** The answer to {@linkcode cancelMessageMoveTask}. */
export interface CancelMessageMoveTaskOutput {
  /** About how many messages were moved before; they stay where they are now. */
  readonly approximateNumberOfMessagesMoved: number;
}

const Answer = /* @__PURE__ */ (() => answer({ ApproximateNumberOfMessagesMoved: maybe(number) }))();

/**
 * Builds a `CancelMessageMoveTask` request: no I/O, no clock, no randomness.
 *
 * @param options The task's handle.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If the handle is missing.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CancelMessageMoveTask.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { cancelMessageMoveTask } from "@dashi/sqs/sqs";
 *
 * const request = cancelMessageMoveTask({ taskHandle: "eyJ0YXNrSWQi" });
 * assert.deepEqual(JSON.parse(request.body), { TaskHandle: "eyJ0YXNrSWQi" });
 * ```
 */
export function cancelMessageMoveTask(options: CancelMessageMoveTaskOptions): AwsRequest<CancelMessageMoveTaskOutput> {
  const { taskHandle } = options;
  assertText("taskHandle", taskHandle);
  return sqsRequest(
    "CancelMessageMoveTask",
    { TaskHandle: taskHandle },
    Answer,
    ({ ApproximateNumberOfMessagesMoved: moved }) => ({ approximateNumberOfMessagesMoved: moved ?? 0 }),
  );
}
