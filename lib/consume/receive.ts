import type { Broker } from "../types.ts";
import { createConsumer } from "./consumer.ts";
import { type Deliveries, deliveriesOf } from "./deliveries.ts";
import type { Delivery, UndecodableDelivery } from "./delivery.ts";
import type { Queues, ReceiveOptions } from "./options.ts";
import type { LeaveUndecodable } from "./undecodable.ts";

/**
 * Receives messages: the source that `consume` is built on, for a pipeline of your own. It owns the slots of the
 * prefetch, the settling and the ending. Bodies come as they are.
 *
 * @param broker What `connect()` gave.
 * @param queues A name, a URL, or a list of names or `{ queue, priority?, weight? }`.
 * @param options See {@linkcode ReceiveOptions}.
 * @returns The deliveries. Nothing is asked of SQS before the first is.
 * @throws {ConfigError} If an option is wrong.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html}
 *
 * @example A pipeline of your own
 * ```ts
 * import { connect, json, decode, keepInvisible, pipe, publish, receive } from "@dashi/sqs";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const sqs = memorySqs();
 * sqs.createQueue("orders");
 * const broker = connect({ ...sqs.connectOptions, codec: json() });
 * await publish(broker, { id: 1 }, { queue: "orders" });
 * const source = receive(broker, "orders", { maxMessages: 1 });
 * for await (const delivery of pipe(source, keepInvisible(broker), decode(json()))) {
 *   await delivery.ack();
 * }
 * await source.closed;
 * ```
 */
export function receive(
  broker: Broker,
  queues: Queues,
  options?: ReceiveOptions & LeaveUndecodable,
): Deliveries<Delivery<string>>;
/** With `onUndecodable: "deliver"`: what a checksum does not fit comes too, told apart by its `error`. */
export function receive(
  broker: Broker,
  queues: Queues,
  options?: ReceiveOptions,
): Deliveries<Delivery<string> | UndecodableDelivery>;
export function receive(broker: Broker, queues: Queues, options: ReceiveOptions = {}): Deliveries<Delivery<string>> {
  return deliveriesOf(createConsumer(broker, queues, options), (source) => source);
}
