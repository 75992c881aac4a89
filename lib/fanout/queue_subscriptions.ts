import { send } from "../http/send.ts";
import { listSubscriptionsByTopic, type SnsSubscription } from "../sns/list_subscriptions_by_topic.ts";
import type { Broker } from "../types.ts";
import { isNotFound, type Topic } from "./topic.ts";

/**
 * The queues' subscriptions of a topic, page by page; none for a topic that is gone.
 *
 * @param broker What `connect()` gave.
 * @param topic The topic.
 * @param signal Ends the waiting.
 */
export async function* queueSubscriptions(
  broker: Broker,
  topic: Pick<Topic, "arn" | "region" | "credentials">,
  signal?: AbortSignal,
): AsyncGenerator<SnsSubscription> {
  const { arn, region, credentials } = topic;
  let nextToken: string | undefined;
  do {
    const request = listSubscriptionsByTopic({ topicArn: arn, nextToken });
    let page;
    try {
      page = await send(broker, request, { region, credentials, signal });
    } catch (error) {
      if (isNotFound(error)) return;
      throw error;
    }
    for (const subscription of page.subscriptions) {
      // What is not confirmed yet has no ARN, and nothing to end.
      if (subscription.protocol === "sqs" && subscription.subscriptionArn.startsWith("arn:")) yield subscription;
    }
    // A page that leads to itself would have no end.
    nextToken = page.nextToken === nextToken ? undefined : page.nextToken;
  } while (nextToken);
}
