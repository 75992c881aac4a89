import { stateOf } from "../broker.ts";
import { DoesNotExistQueueError, UnableToUnsubscribeQueueError } from "../errors.ts";
import { regionFor, regionIn } from "../http/endpoint.ts";
import { send } from "../http/send.ts";
import { unsubscribe } from "../sns/unsubscribe.ts";
import { canonicalName } from "../topology/canonical_name.ts";
import type { Broker, QueueAddress } from "../types.ts";
import { boundQueues } from "./bind_queue.ts";
import { editPolicy, type QueueAccess, readAccess } from "./edit_policy.ts";
import { allowedTopics, disallowTopic } from "./queue_policy.ts";
import { queueSubscriptions } from "./queue_subscriptions.ts";
import { refusalOf } from "./refusal_of.ts";
import { type FanoutSettings, isNotFound, knownTopic, type Topic } from "./topic.ts";

/**
 * Ends the subscriptions of a queue to the exchange's topic and takes our statement out of the queue's policy. That
 * there is no topic, no subscription or no queue any more is no error, and no topic is created for it.
 *
 * @throws {UnableToUnsubscribeQueueError} If SNS refuses, or the queue's policy can't be read or changed.
 */
export async function unbindQueue(
  broker: Broker,
  settings: FanoutSettings,
  exchange: string,
  queue: QueueAddress,
  signal?: AbortSignal,
): Promise<void> {
  const state = stateOf(broker);
  try {
    const access = await readAccess(broker, queue, signal).catch((error) => {
      if (error instanceof DoesNotExistQueueError) return undefined;
      throw error;
    });
    for (const topic of topicsOf(broker, settings, exchange, access)) {
      for await (const { endpoint, subscriptionArn } of queueSubscriptions(broker, topic, signal)) {
        if (access ? endpoint !== access.arn : !endpoint.endsWith(arnEnd(broker, queue))) continue;
        const { region, credentials } = topic;
        await send(broker, unsubscribe({ subscriptionArn }), { region, credentials, signal }).catch((error) => {
          if (!isNotFound(error)) throw error;
        });
        state.emit({ type: "topology", operation: "unsubscribe", resource: subscriptionArn });
      }
      if (access) await editPolicy(broker, queue, ({ policy }) => disallowTopic(policy, topic.arn), signal);
    }
  } catch (error) {
    const refusal = refusalOf(error);
    if (!refusal) throw error;
    throw new UnableToUnsubscribeQueueError(
      `Cannot unsubscribe the queue '${queue.name}' from the exchange '${exchange}': ${(error as Error).message}`,
      refusal,
      { cause: error },
    );
  }
  boundQueues(broker, exchange).delete(queue.url);
}

/**
 * The topics that may be the exchange's: the one that is known; else those of its name that our statements in the
 * queue's policy name; else where this broker would have made it.
 */
function topicsOf(
  broker: Broker,
  settings: FanoutSettings,
  exchange: string,
  access: QueueAccess | undefined,
): Pick<Topic, "arn" | "region" | "credentials">[] {
  const known = knownTopic(broker, settings, exchange);
  if (known) return [known];
  if (!access) return [];
  const name = canonicalName(broker, exchange);
  const named = allowedTopics(access.policy).filter((arn) =>
    /^arn:[\w-]+:sns:/.test(arn) && arn.split(":")[5] === name
  );
  if (named.length) return named.map((arn) => ({ arn, region: regionIn(arn) }));
  const [, partition, , , account] = access.arn.split(":");
  return [{ arn: `arn:${partition}:sns:${regionFor(stateOf(broker).options.region)}:${account}:${name}` }];
}

/** How the ARN of a queue that is gone ended: its region, and the account and name of its URL. */
function arnEnd(broker: Broker, { url, region }: QueueAddress): string {
  const [account, name] = new URL(url).pathname.split("/").slice(-2);
  return `:${regionFor(region, url, stateOf(broker).options.region)}:${account}:${name}`;
}
