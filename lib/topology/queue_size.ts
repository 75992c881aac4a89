import { assertSignal } from "../check.ts";
import type { Broker, QueueAddress } from "../types.ts";
import { queueAttributes } from "./queue_attributes.ts";
import { resolveQueue } from "./resolve_queue.ts";

/** About how many messages a queue holds. SQS counts late: a figure is right a minute after the last change. */
export interface QueueSize {
  /** Those that a receive could take. */
  readonly visible: number;
  /** Those that were received and are neither deleted nor visible again. */
  readonly inFlight: number;
  /** Those whose delay is not over. */
  readonly delayed: number;
}

/**
 * About how many messages a queue holds. A missing queue is made if the broker has `createMissing`, as in kombu.
 *
 * @param broker What `connect()` gave.
 * @param name The queue's name or URL.
 * @param options `signal` ends the waiting.
 * @returns The three counts.
 * @throws {ConfigError} If an option is unknown or wrong.
 * @throws {DoesNotExistQueueError} If there is no such queue.
 * @throws {UndefinedQueueError} If there are predefined queues and it is none of them.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { connect, declareQueue, publish, queueSize } from "@dashi/sqs";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const broker = connect(memorySqs().connectOptions);
 * await declareQueue(broker, "orders");
 * await publish(broker, { id: 1 }, { queue: "orders" });
 * assert.deepEqual(await queueSize(broker, "orders"), { visible: 1, inFlight: 0, delayed: 0 });
 * ```
 */
export async function queueSize(
  broker: Broker,
  name: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<QueueSize> {
  assertSignal(options);
  return await sizeOf(broker, await resolveQueue(broker, name, { signal: options.signal }), options.signal);
}

/** About how many messages a queue holds that was looked up. */
export async function sizeOf(broker: Broker, queue: QueueAddress, signal?: AbortSignal): Promise<QueueSize> {
  const [visible, inFlight, delayed] = ["", "NotVisible", "Delayed"].map((kind) =>
    `ApproximateNumberOfMessages${kind}`
  );
  const attributes = await queueAttributes(broker, queue, [visible, inFlight, delayed], { signal });
  const count = (name: string) => Number(attributes[name]);
  return { visible: count(visible), inFlight: count(inFlight), delayed: count(delayed) };
}
