import { stateOf } from "../broker.ts";
import { AwsError } from "../errors.ts";
import { send } from "../http/send.ts";
import { getTopicAttributes } from "../sns/get_topic_attributes.ts";
import { DEFAULT_MESSAGE_BYTES } from "../sns/limits.ts";
import type { Broker } from "../types.ts";
import type { Topic } from "./topic.ts";

/**
 * The bytes that a topic takes in a message, asked for once: its MaximumMessageSize, or 256 KiB where it has none or the
 * keys may not read it.
 */
export async function topicLimit(broker: Broker, topic: Topic, signal?: AbortSignal): Promise<number> {
  const { arn, region, credentials } = topic;
  const { settled } = stateOf(broker);
  const key = `fanout limit ${arn}`;
  const known = settled.get(key);
  if (known !== undefined) return known as number;
  let limit = DEFAULT_MESSAGE_BYTES;
  try {
    const request = getTopicAttributes({ topicArn: arn });
    const { attributes } = await send(broker, request, { region, credentials, signal });
    const told = Number(attributes.MaximumMessageSize);
    if (Number.isSafeInteger(told) && told > 0) limit = told;
  } catch (error) {
    if (!(error instanceof AwsError) || error.retryable) throw error;
  }
  settled.set(key, limit);
  return limit;
}
