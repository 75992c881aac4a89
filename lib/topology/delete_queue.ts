import { stateOf } from "../broker.ts";
import { assertOptions, has, is } from "../check.ts";
import { AwsError, ConfigError, DoesNotExistQueueError } from "../errors.ts";
import { deleteQueue as deleteRequest } from "../sqs/delete_queue.ts";
import type { Broker } from "../types.ts";
import { forgetQueue } from "./forget_queue.ts";
import { sizeOf } from "./queue_size.ts";
import { resolveQueue } from "./resolve_queue.ts";
import { sendTo } from "./send_to.ts";
import { unsubscribe } from "./unbind.ts";

/** Options of {@linkcode deleteQueue}. */
export interface DeleteQueueOptions {
  /** Deletes only a queue that seems to be empty, as far as SQS's approximate counts tell. Default: false. */
  readonly ifEmpty?: boolean | undefined;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Deletes a queue, and its bindings in the broker's topology; where it is bound to a fanout exchange it is unsubscribed
 * first. SQS takes up to 60 seconds for it, and the name is free again after that.
 *
 * @param broker What `connect()` gave.
 * @param name The queue's name or URL.
 * @param options Whether only an empty queue is deleted.
 * @returns True if it was deleted; false if it was not empty and had to be.
 * @throws {ConfigError} If it is predefined: such a queue is never deleted.
 * @throws {DoesNotExistQueueError} If there is no such queue.
 * @throws {UndefinedQueueError} If there are predefined queues and it is none of them.
 * @throws {UnableToUnsubscribeQueueError} If it could not be unsubscribed; it is not deleted then.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { connect, declareQueue, deleteQueue } from "@dashi/sqs";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const broker = connect(memorySqs().connectOptions);
 * await declareQueue(broker, "orders");
 * assert.equal(await deleteQueue(broker, "orders", { ifEmpty: true }), true);
 * ```
 */
export async function deleteQueue(broker: Broker, name: string, options: DeleteQueueOptions = {}): Promise<boolean> {
  const state = stateOf(broker);
  // A misspelt one would delete a queue that is full.
  assertOptions<DeleteQueueOptions>("", options, {
    ifEmpty: is("boolean"),
    signal: has("throwIfAborted"),
  });
  const { ifEmpty = false, signal } = options;
  const queue = await resolveQueue(broker, name, { signal, create: false });
  if (queue.predefined) {
    throw new ConfigError(
      `Cannot delete the queue '${name}' as it is predefined: such queues are made and deleted elsewhere`,
    );
  }
  if (ifEmpty) {
    const { visible, inFlight, delayed } = await sizeOf(broker, queue, signal);
    if (visible + inFlight + delayed) return false;
  }
  const { exchanges, bindings } = state.topology;
  const bound = new Set(bindings.filter((binding) => binding.queue === name).map(({ exchange }) => exchange));
  for (const exchange of bound) {
    if (exchanges[exchange]?.type === "fanout") await unsubscribe(broker, exchange, name, signal);
  }
  await sendTo(broker, queue, deleteRequest({ queueUrl: queue.url }), { signal }).catch((error) => {
    // It was there: a try whose answer was lost has deleted it.
    if (!(error instanceof DoesNotExistQueueError && error.cause instanceof AwsError)) throw error;
  });
  forgetQueue(broker, name);
  state.topology = {
    exchanges: state.topology.exchanges,
    bindings: state.topology.bindings.filter((binding) => binding.queue !== name),
  };
  state.emit({ type: "topology", operation: "delete", resource: queue.url });
  return true;
}
