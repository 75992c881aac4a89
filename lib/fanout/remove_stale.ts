import { stateOf } from "../broker.ts";
import { DoesNotExistQueueError } from "../errors.ts";
import { send } from "../http/send.ts";
import { unsubscribe } from "../sns/unsubscribe.ts";
import { getQueueUrl } from "../sqs/get_queue_url.ts";
import type { Broker } from "../types.ts";
import { queueSubscriptions } from "./queue_subscriptions.ts";
import { type FanoutSettings, findTopic, isNotFound } from "./topic.ts";

/**
 * Ends the subscriptions of the exchange's topic whose queue is gone. Only queues and subscriptions of the topic's own
 * account count: whether another account's queue is there is not for us to see. A predefined topic is left alone, as in
 * kombu.
 *
 * @returns The ARNs of the subscriptions that were ended.
 */
export async function removeStale(
  broker: Broker,
  settings: FanoutSettings,
  exchange: string,
  signal?: AbortSignal,
): Promise<string[]> {
  const { emit } = stateOf(broker);
  const topic = await findTopic(broker, settings, exchange, signal);
  if (topic.predefined) {
    emit({
      type: "warning",
      message: `the exchange '${exchange}' has a predefined topic: its subscriptions are left as they are`,
    });
    return [];
  }
  const account = topic.arn.split(":")[4];
  const stale: string[] = [];
  // All pages first: ending subscriptions may shift those that come.
  for await (const { subscriptionArn, endpoint, owner } of queueSubscriptions(broker, topic, signal)) {
    const [, , service, region, queueAccount, queueName] = endpoint.split(":");
    if (service !== "sqs" || queueAccount !== account || (owner && owner !== account) || !queueName) continue;
    try {
      await send(broker, getQueueUrl({ queueName, queueOwnerAwsAccountId: account }), { region, signal });
    } catch (error) {
      if (!(error instanceof DoesNotExistQueueError)) throw error;
      stale.push(subscriptionArn);
    }
  }
  for (const subscriptionArn of stale) {
    await send(broker, unsubscribe({ subscriptionArn }), { signal }).catch((error) => {
      if (!isNotFound(error)) throw error;
    });
    emit({ type: "topology", operation: "unsubscribe", resource: subscriptionArn });
  }
  return stale;
}
