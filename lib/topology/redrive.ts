import { pause, stateOf } from "../broker.ts";
import { assertOptions, assertText, has, is, within } from "../check.ts";
import { AwsError, ConfigError } from "../errors.ts";
import { cancelMessageMoveTask } from "../sqs/cancel_message_move_task.ts";
import { listMessageMoveTasks, type MessageMoveTask } from "../sqs/list_message_move_tasks.ts";
import { startMessageMoveTask } from "../sqs/start_message_move_task.ts";
import type { Broker, QueueAddress } from "../types.ts";
import { queueAttributes } from "./queue_attributes.ts";
import { resolveQueue } from "./resolve_queue.ts";
import { sendTo } from "./send_to.ts";

/** How far a redrive is. Both figures are approximate. */
export interface RedriveProgress {
  /** Messages that were moved. */
  readonly moved: number;
  /** Messages that there were to move when it began, once SQS knows. */
  readonly total?: number;
}

/** Options of {@linkcode redrive}. */
export interface RedriveOptions {
  /** The queue that the messages go to, by name or URL. Default: the queue that each came from. */
  readonly destination?: string | undefined;
  /** The most messages to move a second, 1 to 500. Default: as many as SQS sees fit. */
  readonly maxPerSecond?: number | undefined;
  /** Is told how far it is, once a second and at the end, and waited for. What it throws cancels the redrive. */
  readonly onProgress?: ((progress: RedriveProgress) => void) | undefined;
  /** Cancels the redrive: what was moved stays moved, the rest stays where it is. */
  readonly signal?: AbortSignal | undefined;
}

/** Seconds between two looks at a redrive. */
const LOOK_EVERY = 1;

/**
 * Moves the messages of a dead-letter queue back to the queues they came from, or to another one, and waits until SQS
 * has done it. SQS does the moving: it goes on if the process ends, and takes up to 36 hours.
 *
 * @param broker What `connect()` gave.
 * @param deadLetterQueue The dead-letter queue's name or URL.
 * @param options Destination, rate, progress, and a signal that cancels.
 * @returns About how many messages were moved, of how many.
 * @throws {ConfigError} If an option is wrong, or if the queue is no queue's dead-letter queue.
 * @throws {AwsError} If SQS refuses, if the task fails or if another program cancels it.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html}
 *
 * @example With progress
 * ```ts
 * import assert from "node:assert/strict";
 * import { connect, declareQueue, queueSize, redrive } from "@dashi/sqs";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const sqs = memorySqs();
 * const broker = connect(sqs.connectOptions);
 * await declareQueue(broker, "orders-dead");
 * await declareQueue(broker, "orders", { deadLetter: { queue: "orders-dead", maxReceiveCount: 3 } });
 * await sqs.sendMessage("orders-dead", "an order");
 *
 * const { moved } = await sqs.clock.run(() =>
 *   redrive(broker, "orders-dead", {
 *     destination: "orders",
 *     onProgress: ({ moved, total }) => console.log(`${moved} of ${total ?? "?"}`),
 *   })
 * );
 * assert.equal(moved, 1);
 * assert.equal((await queueSize(broker, "orders")).visible, 1);
 * ```
 */
export async function redrive(
  broker: Broker,
  deadLetterQueue: string,
  options: RedriveOptions = {},
): Promise<RedriveProgress> {
  const { clock, emit } = stateOf(broker);
  assertOptions<RedriveOptions>("", options, {
    destination: assertText,
    maxPerSecond: within(1, 500),
    onProgress: is("function"),
    signal: has("throwIfAborted"),
  });
  const { destination, maxPerSecond, onProgress, signal } = options;
  const find = (name: string) => resolveQueue(broker, name, { signal, create: false });
  const arnOf = async (address: QueueAddress) =>
    (await queueAttributes(broker, address, ["QueueArn"], { signal })).QueueArn;
  const queue = await find(deadLetterQueue);
  const sourceArn = await arnOf(queue);
  const start = startMessageMoveTask({
    sourceArn,
    destinationArn: destination && await arnOf(await find(destination)),
    maxNumberOfMessagesPerSecond: maxPerSecond,
  });
  const list = listMessageMoveTasks({ sourceArn });
  const look = async (signal?: AbortSignal) => (await sendTo(broker, queue, list, { signal })).tasks[0];
  const before = await look(signal);
  // The list may still end with the task before ours.
  const isOurs = ({ startedAt }: MessageMoveTask) => Number(startedAt) !== Number(before?.startedAt);
  // Without the signal: SQS may begin what we no longer wait for, and nobody would know what to cancel.
  signal?.throwIfAborted();
  const { taskHandle } = await sendTo(broker, queue, start).catch(async (error) => {
    if (!(error instanceof AwsError)) throw error;
    // The task that runs already is ours, where the answer to a try before was lost.
    const task = error.cause instanceof AwsError && /already/i.test(error.message) ? await look() : undefined;
    if (task?.taskHandle && isOurs(task)) return { taskHandle: task.taskHandle };
    signal?.throwIfAborted();
    if (!/dead.?letter/i.test(error.message)) throw error;
    throw new ConfigError(
      `Cannot redrive the queue '${deadLetterQueue}' as no queue has it as its dead-letter queue: ` +
        "declareQueue(…, { deadLetter }) sets that",
      { cause: error },
    );
  });
  let telling = false;
  try {
    for (;;) {
      const task = await look(signal).catch((error) => {
        // SQS moves on though we can't see it for a while, as nobody answers or a provider has no keys.
        if (signal?.aborted || error.retryable === false) throw error;
      });
      if (task && isOurs(task)) {
        const progress: RedriveProgress = {
          moved: task.approximateNumberOfMessagesMoved,
          total: task.approximateNumberOfMessagesToMove,
        };
        telling = true;
        await onProgress?.(progress);
        telling = false;
        if (task.status === "COMPLETED") return progress;
        if (task.status !== "RUNNING") throw ended(deadLetterQueue, task);
      }
      await pause(clock, LOOK_EVERY, signal);
      signal?.throwIfAborted();
    }
  } catch (error) {
    // It is the user who gives up, by a throw of onProgress or by the signal.
    if (telling || signal?.aborted) {
      const cancel = cancelMessageMoveTask({ taskHandle });
      await sendTo(broker, queue, cancel).catch((error) => emit({ type: "error", error }));
    }
    throw error;
  }
}

function ended(name: string, { status, failureReason, approximateNumberOfMessagesMoved }: MessageMoveTask): AwsError {
  return new AwsError(
    `The redrive of '${name}' ended as ${status} after about ${approximateNumberOfMessagesMoved} messages: ` +
      (failureReason ?? "another program cancelled it"),
    { service: "sqs", action: "StartMessageMoveTask", status: 200, awsCode: status, retryable: false },
  );
}
