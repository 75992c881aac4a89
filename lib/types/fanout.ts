/**
 * How fanout exchanges work.
 *
 * @module
 */
import type { Broker } from "./broker.ts";
import type { MessageAttributeInput } from "./message.ts";
import type { QueueAddress, Topology } from "./topology.ts";

/** One message for a fanout exchange, encoded. */
export interface FanoutMessage {
  /** The body as the codec wrote it. */
  readonly body: string;
  /** Attributes that go with it; ten at the most. */
  readonly messageAttributes: Readonly<Record<string, MessageAttributeInput>>;
  /** FIFO: the group, whose messages keep their order. Default: `default`. */
  readonly groupId?: string | undefined;
  /** FIFO: the id that tells a second send of the same message. Default: a UUID. */
  readonly deduplicationId?: string | undefined;
}

/** What a publish to a topic gave. */
export interface FanoutReceipt {
  /** The topic's ARN. */
  readonly topic: string;
  /** SNS's id of the message. */
  readonly messageId: string;
  /** FIFO: the message's place in the topic. */
  readonly sequenceNumber?: string | undefined;
}

/** Fanout exchanges: `snsFanout()` of `@dashi/sqs/fanout`. */
export interface Fanout {
  /** The exchanges that are there without `declareExchange()`: those whose topics it was given. */
  readonly exchanges?: Topology["exchanges"] | undefined;
  /** The topic's limit in bytes for one message. */
  limit(broker: Broker, exchange: string, options?: { signal?: AbortSignal | undefined }): Promise<number>;
  /** Creates the exchange's topic if it is missing, and gives its ARN: one that ends in `.fifo` keeps groups in order. */
  declare(broker: Broker, exchange: string, options?: { signal?: AbortSignal | undefined }): Promise<string>;
  /** Sends messages to the exchange; one receipt or error a message, in order. */
  publish(
    broker: Broker,
    exchange: string,
    messages: readonly FanoutMessage[],
    options?: { signal?: AbortSignal | undefined },
  ): Promise<(FanoutReceipt | Error)[]>;
  /** Subscribes a queue with raw delivery and lets the topic send to it. */
  bind(
    broker: Broker,
    exchange: string,
    queue: QueueAddress,
    options?: { signal?: AbortSignal | undefined },
  ): Promise<void>;
  /** Ends the subscription of a queue and takes back its policy statement. */
  unbind(
    broker: Broker,
    exchange: string,
    queue: QueueAddress,
    options?: { signal?: AbortSignal | undefined },
  ): Promise<void>;
  /** Deletes the exchange's topic. */
  remove(broker: Broker, exchange: string, options?: { signal?: AbortSignal | undefined }): Promise<void>;
  /** Removes subscriptions of our own account whose queue is gone, and gives their ARNs. */
  removeStale(broker: Broker, exchange: string, options?: { signal?: AbortSignal | undefined }): Promise<string[]>;
}
