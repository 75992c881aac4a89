/**
 * Amazon SQS as a message transport for Deno, Cloudflare Workers, Node, Bun and browsers: kombu's wire formats, no AWS
 * SDK.
 *
 * @example Consume a queue
 * ```ts
 * import { connect, consume, publish } from "@dashi/sqs";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const sqs = memorySqs(); // a real broker is connect({ region: "eu-west-1" })
 * sqs.createQueue("orders");
 * const broker = connect(sqs.connectOptions);
 * await publish(broker, { id: 1 }, { queue: "orders" });
 *
 * for await (const delivery of consume(broker, "orders", { untilEmpty: true, waitTimeSeconds: 0 })) {
 *   console.log(delivery.body);
 *   await delivery.ack();
 * }
 * ```
 *
 * @module
 */
// Layer by layer, as gzip looks back 32 KB for what is alike: two thirds of a percent of a bundle.
export * from "./lib/errors.ts";
export type * from "./lib/types.ts";
export { json } from "./lib/codec/json.ts";
export { kombu, type KombuOptions } from "./lib/codec/kombu.ts";
export { text } from "./lib/codec/text.ts";
export { send, type SendOptions } from "./lib/http/send.ts";
export { sign, type SignOptions } from "./lib/http/sign.ts";
export { bind, type BindOptions } from "./lib/topology/bind.ts";
export { canonicalName } from "./lib/topology/canonical_name.ts";
export { declareExchange, type DeclareExchangeOptions } from "./lib/topology/declare_exchange.ts";
export { type DeclaredQueue, declareQueue, type DeclareQueueOptions } from "./lib/topology/declare_queue.ts";
export { deleteExchange } from "./lib/topology/delete_exchange.ts";
export { deleteQueue, type DeleteQueueOptions } from "./lib/topology/delete_queue.ts";
export { entityName } from "./lib/topology/entity_name.ts";
export { purgeQueue } from "./lib/topology/purge_queue.ts";
export { type QueueSize, queueSize } from "./lib/topology/queue_size.ts";
export { queueUrl } from "./lib/topology/queue_url.ts";
export { redrive, type RedriveOptions, type RedriveProgress } from "./lib/topology/redrive.ts";
export { removeStaleSubscriptions } from "./lib/topology/remove_stale_subscriptions.ts";
export { route } from "./lib/topology/route.ts";
export { topology } from "./lib/topology/topology.ts";
export { unbind } from "./lib/topology/unbind.ts";
export { connect } from "./lib/connect.ts";
export { publish } from "./lib/publish/publish.ts";
export { publishAll, type PublishAllOptions } from "./lib/publish/publish_all.ts";
export { publishMany } from "./lib/publish/publish_many.ts";
export type { PublishInput, PublishOptions, PublishResult, SentPart } from "./lib/publish/options.ts";
export { type BodyOf, consume } from "./lib/consume/consume.ts";
export { decode } from "./lib/consume/decode.ts";
export type { Deliveries } from "./lib/consume/deliveries.ts";
export { Delivery, type DeliveryParts, type UndecodableDelivery } from "./lib/consume/delivery.ts";
export { dropExpired } from "./lib/consume/drop_expired.ts";
export { forEach, type ForEachOptions, type ForEachResult } from "./lib/consume/for_each.ts";
export { get } from "./lib/consume/get.ts";
export { keepInvisible } from "./lib/consume/keep_invisible.ts";
export type {
  Backoff,
  ConsumeOptions,
  EagerPayloads,
  Queues,
  QueueSource,
  ReceiveOptions,
} from "./lib/consume/options.ts";
export { receive } from "./lib/consume/receive.ts";
export { resolvePayloads, type ResolvePayloadsOptions } from "./lib/consume/resolve_payloads.ts";
export type { LeaveUndecodable, UndecodableOptions } from "./lib/consume/undecodable.ts";
export { validate } from "./lib/consume/validate.ts";
export { batch, type BatchOptions } from "./lib/streams/batch.ts";
export { filterMap } from "./lib/streams/filter_map.ts";
export type { HandBack } from "./lib/streams/hand_back.ts";
export { mapConcurrent, type MapConcurrentOptions } from "./lib/streams/map_concurrent.ts";
export { pipe } from "./lib/streams/pipe.ts";
export { readAhead } from "./lib/streams/read_ahead.ts";
