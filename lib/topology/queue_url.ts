import { assertSignal } from "../check.ts";
import type { Broker } from "../types.ts";
import { resolveQueue } from "./resolve_queue.ts";

/**
 * The URL of a queue. It is asked of SQS once and remembered; a missing queue is made if the broker has `createMissing`.
 *
 * @param broker What `connect()` gave.
 * @param name The queue's name, without the prefix; a URL is given back as it is.
 * @param options `signal` ends the waiting.
 * @returns The queue's URL.
 * @throws {ConfigError} If an option is unknown or wrong.
 * @throws {DoesNotExistQueueError} If there is no such queue.
 * @throws {UndefinedQueueError} If there are predefined queues and it is none of them.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueUrl.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { connect, queueUrl } from "@dashi/sqs";
 *
 * const url = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders";
 * const broker = connect({ predefinedQueues: { orders: { url } } });
 * assert.equal(await queueUrl(broker, "orders"), url);
 * ```
 */
export async function queueUrl(
  broker: Broker,
  name: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<string> {
  assertSignal(options);
  return (await resolveQueue(broker, name, { signal: options.signal })).url;
}
