import { ConfigError, DoesNotExistQueueError } from "../errors.ts";
import { send, type SendOptions } from "../http/send.ts";
import type { AwsRequest, Broker, QueueAddress } from "../types.ts";
import { forgetQueue } from "./forget_queue.ts";

/**
 * Sends a request about a queue: signed for the queue's region, with the queue's keys where it has its own. If SQS says
 * that the queue is gone, or its URL is one that nothing is sent to, the URL is forgotten: the next look-up asks anew.
 *
 * @param broker What `connect()` gave.
 * @param queue The queue that the request is about.
 * @param request What a builder made.
 * @param options As for `send`.
 * @returns What the request's parser makes of the answer.
 * @throws {AwsError} If AWS answers with an error, with nonsense, or not in time.
 */
export async function sendTo<Output>(
  broker: Broker,
  queue: QueueAddress,
  request: AwsRequest<Output>,
  options?: SendOptions,
): Promise<Output> {
  const { region, credentials } = queue;
  try {
    return await send(broker, request, { ...options, region, credentials });
  } catch (error) {
    if (error instanceof DoesNotExistQueueError || error instanceof ConfigError) forgetQueue(broker, queue.name);
    throw error;
  }
}
