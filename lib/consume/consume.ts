import type { Broker, StandardSchemaV1 } from "../types.ts";
import { createConsumer } from "./consumer.ts";
import { type Deliveries, deliveriesOf } from "./deliveries.ts";
import type { Delivery, UndecodableDelivery } from "./delivery.ts";
import type { ConsumeOptions, EagerPayloads, Queues } from "./options.ts";
import { pipelineOf } from "./pipeline_of.ts";
import type { LeaveUndecodable } from "./undecodable.ts";

/** The type of body that a schema gives; without one `unknown`. */
export type BodyOf<Schema> = Schema extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<Schema> : unknown;

/**
 * Consumes messages: for as long as you iterate, over outages and throttling, holding no more than `prefetch` and
 * keeping what it holds invisible. When the loop ends, however it ends, what you did not get is visible again at once.
 *
 * @param broker What `connect()` gave.
 * @param queues A name, a URL, or a list of names or `{ queue, priority?, weight? }`.
 * @param options See {@linkcode ConsumeOptions}.
 * @returns The deliveries, to be iterated once. Nothing is asked of SQS before the first is.
 * @throws {ConfigError} If an option is wrong. What no retry mends, such as a queue that does not exist or a refused
 * credential, is thrown by the iteration.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html}
 *
 * @example Usage
 * ```ts
 * import { connect, consume, publish } from "@dashi/sqs";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const sqs = memorySqs();
 * sqs.createQueue("orders");
 * const broker = connect(sqs.connectOptions);
 * await publish(broker, { id: 1 }, { queue: "orders" });
 *
 * for await (const delivery of consume(broker, "orders", { prefetch: 50 })) {
 *   console.log(delivery.body);
 *   await delivery.ack();
 *   break;
 * }
 * ```
 *
 * @example Typed bodies
 * ```ts
 * import * as v from "valibot";
 * import { connect, consume } from "@dashi/sqs";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const sqs = memorySqs();
 * sqs.createQueue("orders");
 * const broker = connect(sqs.connectOptions);
 * const schema = v.object({ id: v.number() });
 * for await (const { body } of consume(broker, "orders", { schema, untilEmpty: true, waitTimeSeconds: 0 })) {
 *   const id: number = body.id;
 * }
 * ```
 */
export function consume<Schema extends StandardSchemaV1 | undefined = undefined>(
  broker: Broker,
  queues: Queues,
  options?: ConsumeOptions<Schema> & LeaveUndecodable & EagerPayloads,
): Deliveries<Delivery<BodyOf<Schema>>>;
/** With `payloads: "lazy"`: the body is undefined where only `stream()` reads it. */
export function consume<Schema extends StandardSchemaV1 | undefined = undefined>(
  broker: Broker,
  queues: Queues,
  options?: ConsumeOptions<Schema> & LeaveUndecodable,
): Deliveries<Delivery<BodyOf<Schema> | undefined>>;
/** With `onUndecodable: "deliver"`: what can't be read comes too, told apart by its `error`. */
export function consume<Schema extends StandardSchemaV1 | undefined = undefined>(
  broker: Broker,
  queues: Queues,
  options?: ConsumeOptions<Schema> & EagerPayloads,
): Deliveries<Delivery<BodyOf<Schema>> | UndecodableDelivery>;
/** With both, or with options of which it is not known. */
export function consume<Schema extends StandardSchemaV1 | undefined = undefined>(
  broker: Broker,
  queues: Queues,
  options?: ConsumeOptions<Schema>,
): Deliveries<Delivery<BodyOf<Schema> | undefined> | UndecodableDelivery>;
export function consume(
  broker: Broker,
  queues: Queues,
  options: ConsumeOptions<StandardSchemaV1 | undefined> = {},
): Deliveries<Delivery<unknown>> {
  const consumer = createConsumer(broker, queues, options);
  return deliveriesOf(consumer, pipelineOf(consumer, options));
}
