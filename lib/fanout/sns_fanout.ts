import { stateOf } from "../broker.ts";
import { assertCredentials, assertOptions, each, is } from "../check.ts";
import { assertRegion } from "../http/endpoint.ts";
import { send } from "../http/send.ts";
import { deleteTopic } from "../sns/delete_topic.ts";
import { assertSnsArn } from "../sns/request.ts";
import type { Fanout } from "../types.ts";
import { bindQueue, boundQueues } from "./bind_queue.ts";
import { publishToTopic } from "./publish_to_topic.ts";
import { removeStale } from "./remove_stale.ts";
import { type FanoutSettings, findTopic, forgetTopic, type PredefinedTopic } from "./topic.ts";
import { topicLimit } from "./topic_limit.ts";
import { unbindQueue } from "./unbind_queue.ts";

/** The tags of topics that are created: exactly kombu's, as SNS refuses others for a topic that kombu made. */
export const KOMBU_TAGS: Readonly<Record<string, string>> = {
  ManagedBy: "Celery/Kombu",
  Description: "This SNS topic is used by Kombu to enable Fanout support for AWS SQS.",
};

/** Options of {@linkcode snsFanout}. */
export interface SnsFanoutOptions {
  /**
   * Topics that exist already, by exchange. Such an exchange needs no `declareExchange()`; with this option every other
   * exchange is an `UndefinedExchangeError`.
   */
  readonly topics?: Readonly<Record<string, PredefinedTopic>> | undefined;
  /** The tags of topics that are created. Default: kombu's two. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
}

/**
 * Fanout exchanges on SNS topics, as kombu has them: for the `fanout` option of `connect()`.
 *
 * The topic has the exchange's canonical name and is created when it is first bound or published to; a name that ends in
 * `.fifo` makes a FIFO topic. A topic that is there is used as it is. Binding a queue adds one statement for the topic to
 * the queue's policy, under a Sid of its own, then subscribes the queue with raw delivery; nobody else's statement is
 * touched, kombu's neither, and a policy that can't be read is an error. A FIFO queue takes only a FIFO topic.
 *
 * Messages go in batches of ten and of 256 KiB (or the topic's MaximumMessageSize); those of more than ten attributes are
 * refused, as raw delivery would drop them. A topic that was deleted is created once more, with this broker's bindings.
 *
 * A predefined topic has its own region and keys, and is neither created nor deleted, nor are its subscriptions cleaned up.
 *
 * @param options Predefined topics, and tags.
 * @returns The fanout to pass to `connect()`.
 * @throws {ConfigError} If an option is wrong.
 * @see {@link https://docs.celeryq.dev/projects/kombu/en/stable/reference/kombu.transport.SQS.html}
 * @see {@link https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html}
 *
 * @example Usage
 * ```ts
 * import { connect } from "@dashi/sqs";
 * import { snsFanout } from "@dashi/sqs/fanout";
 *
 * const broker = connect({ region: "eu-west-1", fanout: snsFanout() });
 * ```
 *
 * @example A topic that somebody else made: `news` is an exchange at once
 * ```ts
 * import { connect } from "@dashi/sqs";
 * import { snsFanout } from "@dashi/sqs/fanout";
 *
 * const news = { arn: "arn:aws:sns:us-east-1:123456789012:their-news" };
 * const broker = connect({ region: "eu-west-1", fanout: snsFanout({ topics: { news } }) });
 * ```
 */
export function snsFanout(options: SnsFanoutOptions = {}): Fanout {
  assertOptions<SnsFanoutOptions>("", options, {
    topics: each((path, topic) => {
      assertOptions<PredefinedTopic>(path, topic as PredefinedTopic, {
        arn: assertSnsArn,
        region: assertRegion,
        credentials: assertCredentials,
      });
      assertSnsArn(`${path}.arn`, (topic as PredefinedTopic).arn);
    }),
    tags: each(is("string")),
  });
  const { topics, tags = KOMBU_TAGS } = options;
  const settings: FanoutSettings = { topics, tags };
  return Object.freeze<Fanout>({
    exchanges: topics && Object.fromEntries(Object.keys(topics).map((name) => [name, { type: "fanout" }])),
    async limit(broker, exchange, { signal } = {}) {
      return await topicLimit(broker, await findTopic(broker, settings, exchange, signal), signal);
    },
    async declare(broker, exchange, { signal } = {}) {
      return (await findTopic(broker, settings, exchange, signal)).arn;
    },
    publish: (broker, exchange, messages, { signal } = {}) =>
      publishToTopic(broker, settings, exchange, messages, signal),
    bind: (broker, exchange, queue, { signal } = {}) => bindQueue(broker, settings, exchange, queue, signal),
    unbind: (broker, exchange, queue, { signal } = {}) => unbindQueue(broker, settings, exchange, queue, signal),
    async remove(broker, exchange, { signal } = {}) {
      const { emit } = stateOf(broker);
      const topic = await findTopic(broker, settings, exchange, signal);
      if (topic.predefined) {
        return emit({ type: "warning", message: `the exchange '${exchange}' has a predefined topic, which is kept` });
      }
      for (const queue of [...boundQueues(broker, exchange).values()]) {
        await unbindQueue(broker, settings, exchange, queue, signal);
      }
      await send(broker, deleteTopic({ topicArn: topic.arn }), { signal });
      forgetTopic(broker, exchange);
      emit({ type: "topology", operation: "delete", resource: topic.arn });
    },
    removeStale: (broker, exchange, { signal } = {}) => removeStale(broker, settings, exchange, signal),
  });
}
