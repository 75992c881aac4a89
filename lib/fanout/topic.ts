/**
 * The SNS topic of a fanout exchange: predefined, remembered, or created.
 *
 * @module
 */
import { stateOf } from "../broker.ts";
import { AwsError, UndefinedExchangeError } from "../errors.ts";
import { regionIn } from "../http/endpoint.ts";
import { send } from "../http/send.ts";
import { createTopic } from "../sns/create_topic.ts";
import { canonicalName } from "../topology/canonical_name.ts";
import { share } from "../topology/share.ts";
import type { Broker, CredentialProvider, Credentials } from "../types.ts";

/** A topic that exists already. */
export interface PredefinedTopic {
  /** The topic's ARN; it tells FIFO topics, too. */
  readonly arn: string;
  /** The region that its requests are signed for. Default: the ARN's. */
  readonly region?: string | undefined;
  /** Its own keys, where they are not the broker's. */
  readonly credentials?: Credentials | CredentialProvider | undefined;
}

/** What `snsFanout()` was told. */
export interface FanoutSettings {
  readonly topics?: Readonly<Record<string, PredefinedTopic>>;
  readonly tags: Readonly<Record<string, string>>;
}

/** A topic, and how to sign for it. */
export interface Topic {
  readonly arn: string;
  readonly fifo: boolean;
  readonly predefined: boolean;
  readonly region?: string;
  readonly credentials?: Credentials | CredentialProvider;
}

/** True if SNS says that what was asked about is not there. */
export function isNotFound(error: unknown): error is AwsError {
  return error instanceof AwsError && /^NotFound/.test(error.awsCode);
}

/**
 * The exchange's topic if that is known without asking SNS.
 *
 * @throws {UndefinedExchangeError} If there are predefined topics and the exchange is none of them.
 */
export function knownTopic(broker: Broker, settings: FanoutSettings, exchange: string): Topic | undefined {
  const { topics } = settings;
  const canonical = canonicalName(broker, exchange);
  if (!topics) {
    const arn = stateOf(broker).settled.get(settledKey(canonical));
    return arn === undefined ? undefined : topicAt(arn as string);
  }
  const name = [exchange, canonical].find((name) => Object.hasOwn(topics, name));
  if (name === undefined) {
    throw new UndefinedExchangeError(
      `Cannot use the exchange '${exchange}' as it is not in the topics of snsFanout(): known are ${
        Object.keys(topics).join(", ")
      }`,
    );
  }
  const { arn, region = regionIn(arn), credentials } = topics[name];
  return { arn, fifo: arn.endsWith(".fifo"), predefined: true, region, credentials };
}

/**
 * The exchange's topic. One that is not predefined is created on first use, which for SNS is also how to look it up.
 *
 * @throws {UndefinedExchangeError} If there are predefined topics and the exchange is none of them.
 */
export async function findTopic(
  broker: Broker,
  settings: FanoutSettings,
  exchange: string,
  signal?: AbortSignal,
): Promise<Topic> {
  const known = knownTopic(broker, settings, exchange);
  if (known) return known;
  const state = stateOf(broker);
  const name = canonicalName(broker, exchange);
  const topic = await share(state, `fanout topic ${name}`, signal, async () => {
    const arn = await create(broker, name, settings.tags, signal);
    state.emit({ type: "topology", operation: "create", resource: arn });
    return topicAt(arn);
  });
  state.settled.set(settledKey(name), topic.arn);
  return topic;
}

/** Forgets a topic that is gone, so that the next use creates it anew. */
export function forgetTopic(broker: Broker, exchange: string): void {
  stateOf(broker).settled.delete(settledKey(canonicalName(broker, exchange)));
}

function settledKey(name: string): string {
  return `fanout topic ${name}`;
}

function topicAt(arn: string): Topic {
  return { arn, fifo: arn.endsWith(".fifo"), predefined: false };
}

async function create(
  broker: Broker,
  name: string,
  tags: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<string> {
  // FifoTopic: false is not sent: SNS does not know it in every region.
  const attributes = name.endsWith(".fifo") ? { FifoTopic: true } : undefined;
  try {
    return (await send(broker, createTopic({ name, attributes, tags }), { signal })).topicArn;
  } catch (error) {
    // The topic is there, with tags of its owner's: these stay, and the topic is used.
    if (!(error instanceof AwsError && /already exists with different tags/i.test(error.message))) throw error;
    return (await send(broker, createTopic({ name, attributes }), { signal })).topicArn;
  }
}
