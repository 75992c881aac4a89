import { stateOf } from "../broker.ts";
import { AwsError, UnableToSubscribeQueueError } from "../errors.ts";
import { send } from "../http/send.ts";
import { setSubscriptionAttributes } from "../sns/set_subscription_attributes.ts";
import { subscribe } from "../sns/subscribe.ts";
import { canonicalName } from "../topology/canonical_name.ts";
import { share } from "../topology/share.ts";
import type { Broker, QueueAddress } from "../types.ts";
import { editPolicy } from "./edit_policy.ts";
import { allowTopic } from "./queue_policy.ts";
import { queueSubscriptions } from "./queue_subscriptions.ts";
import { refusalOf } from "./refusal_of.ts";
import { type FanoutSettings, findTopic, forgetTopic, isNotFound, type Topic } from "./topic.ts";

const RAW = { RawMessageDelivery: true };

/**
 * Lets the exchange's topic send to a queue and subscribes the queue, in that order: what SNS may not deliver it drops.
 *
 * @throws {UnableToSubscribeQueueError} If SNS refuses, or the queue's policy can't be read or changed.
 */
export async function bindQueue(
  broker: Broker,
  settings: FanoutSettings,
  exchange: string,
  queue: QueueAddress,
  signal?: AbortSignal,
): Promise<void> {
  await share(stateOf(broker), `fanout bind ${exchange} ${queue.url}`, signal, async () => {
    const bind = async () => bindTo(broker, await findTopic(broker, settings, exchange, signal), queue, signal);
    try {
      await bind().catch((error) => {
        if (!isNotFound(error) || settings.topics) throw error;
        forgetTopic(broker, exchange); // deleted since it was found
        return bind();
      });
    } catch (error) {
      const refusal = refusalOf(error);
      if (!refusal) throw error;
      throw new UnableToSubscribeQueueError(
        `Cannot subscribe the queue '${queue.name}' to the exchange '${exchange}': ${(error as Error).message}`,
        refusal,
        { cause: error },
      );
    }
    boundQueues(broker, exchange).set(queue.url, queue);
    return queue;
  });
}

async function bindTo(broker: Broker, topic: Topic, queue: QueueAddress, signal?: AbortSignal): Promise<void> {
  const { arn } = await editPolicy(broker, queue, ({ arn, policy }) => allowTopic(policy, topic.arn, arn), signal);
  const resource = await subscribeRaw(broker, topic, arn, signal);
  stateOf(broker).emit({ type: "topology", operation: "subscribe", resource });
}

/** The queues that this broker has bound to an exchange, by URL. */
export function boundQueues(broker: Broker, exchange: string): Map<string, QueueAddress> {
  const { settled } = stateOf(broker);
  const key = `fanout bound ${canonicalName(broker, exchange)}`;
  let bound = settled.get(key) as Map<string, QueueAddress> | undefined;
  if (!bound) settled.set(key, bound = new Map());
  return bound;
}

/** Subscribes a queue with raw delivery. One that is subscribed without gets it. */
async function subscribeRaw(broker: Broker, topic: Topic, queueArn: string, signal?: AbortSignal): Promise<string> {
  const { arn, region, credentials } = topic;
  const options = { region, credentials, signal };
  try {
    const request = subscribe({ topicArn: arn, endpoint: queueArn, attributes: RAW });
    return (await send(broker, request, options)).subscriptionArn;
  } catch (error) {
    if (!(error instanceof AwsError && /already exists with different attributes/i.test(error.message))) throw error;
    for await (const { endpoint, subscriptionArn } of queueSubscriptions(broker, topic, signal)) {
      if (endpoint !== queueArn) continue;
      const request = setSubscriptionAttributes({ subscriptionArn, name: "RawMessageDelivery", value: true });
      await send(broker, request, options);
      return subscriptionArn;
    }
    throw error;
  }
}
