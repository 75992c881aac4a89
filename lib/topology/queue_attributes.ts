import { badAnswer } from "../http/answer.ts";
import { getQueueAttributes } from "../sqs/get_queue_attributes.ts";
import type { Broker, QueueAddress } from "../types.ts";
import { sendTo } from "./send_to.ts";

/**
 * Reads attributes of a queue.
 *
 * @param broker What `connect()` gave.
 * @param queue The queue.
 * @param names Which; `["All"]` for all.
 * @param options `signal` ends the waiting.
 * @returns The attributes by name, as SQS writes them: all are strings, and those that are not set are missing.
 * @throws {AwsError} If SQS refuses.
 */
export async function queueAttributes(
  broker: Broker,
  queue: QueueAddress,
  names: readonly string[],
  options: { readonly signal?: AbortSignal } = {},
): Promise<Readonly<Record<string, string>>> {
  const request = getQueueAttributes({ queueUrl: queue.url, attributeNames: names });
  const parse = async (response: Response) => {
    const { attributes } = await request.parse(response);
    // Every queue has these: a count that is missing must not make it look empty.
    const missing = names.find((name) => /^(?:QueueArn$|ApproximateN)/.test(name) && !Object.hasOwn(attributes, name));
    if (missing) throw badAnswer(request, response, `it has no '${missing}'`);
    return attributes;
  };
  return await sendTo(broker, queue, { ...request, parse }, { signal: options.signal });
}
