import { assertSignal } from "../check.ts";
import { AwsError } from "../errors.ts";
import { purgeQueue as purgeRequest } from "../sqs/purge_queue.ts";
import type { Broker } from "../types.ts";
import { sizeOf } from "./queue_size.ts";
import { resolveQueue } from "./resolve_queue.ts";
import { sendTo } from "./send_to.ts";

/**
 * Deletes all messages of a queue: those in flight and those that are delayed too. SQS takes up to 60 seconds for it, and
 * takes one purge a queue in 60 seconds. A missing queue is made if the broker has `createMissing`, as in kombu.
 *
 * @param broker What `connect()` gave.
 * @param name The queue's name or URL.
 * @param options `signal` ends the waiting.
 * @returns About how many messages there were.
 * @throws {ConfigError} If an option is unknown or wrong.
 * @throws {AwsError} With `awsCode` `PurgeQueueInProgress` if the queue was purged in the last 60 seconds.
 * @throws {DoesNotExistQueueError} If there is no such queue.
 * @throws {UndefinedQueueError} If there are predefined queues and it is none of them.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_PurgeQueue.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { connect, declareQueue, publish, purgeQueue } from "@dashi/sqs";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const broker = connect(memorySqs().connectOptions);
 * await declareQueue(broker, "orders");
 * await publish(broker, { id: 1 }, { queue: "orders" });
 * assert.equal(await purgeQueue(broker, "orders"), 1);
 * ```
 */
export async function purgeQueue(
  broker: Broker,
  name: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<number> {
  assertSignal(options);
  const { signal } = options;
  const queue = await resolveQueue(broker, name, { signal });
  const { visible, inFlight, delayed } = await sizeOf(broker, queue, signal);
  try {
    await sendTo(broker, queue, purgeRequest({ queueUrl: queue.url }), { signal });
  } catch (error) {
    if (!(error instanceof AwsError && error.awsCode.endsWith("PurgeQueueInProgress"))) throw error;
    // After a try without an answer the purge is most likely our own.
    if ((error.cause as AwsError | undefined)?.status !== 0) {
      throw new AwsError(
        `Cannot purge the queue '${name}' as it was purged in the last 60 seconds: SQS takes one purge in that time`,
        error,
        { cause: error },
      );
    }
  }
  return visible + inFlight + delayed;
}
