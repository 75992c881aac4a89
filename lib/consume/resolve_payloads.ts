import { assertWithin, has } from "../check.ts";
import { looksLikePointer } from "../codec/looks_like_pointer.ts";
import { filterMap } from "../streams/filter_map.ts";
import { mapConcurrent } from "../streams/map_concurrent.ts";
import type { PayloadStore, Transform } from "../types.ts";
import { type Delivery, heldOf, type UndecodableDelivery } from "./delivery.ts";
import { isFifo, tell } from "./held.ts";
import { type PayloadPlaces, payloadPlaces } from "./payload_places.ts";
import { letterOf } from "./read_bodies.ts";
import { type LeaveUndecodable, undecodable, type UndecodableOptions } from "./undecodable.ts";

/** Options of {@linkcode resolvePayloads}. */
export interface ResolvePayloadsOptions extends UndecodableOptions {
  /** Leaves `body` undefined; `delivery.stream()` reads the payload. Default: false. */
  readonly lazy?: boolean | undefined;
  /** Reads every payload, those too that the store leaves to the stream as they are large. Default: false. */
  readonly eager?: boolean | undefined;
  /**
   * Payloads downloaded, or waiting for the loop to take them, at once. Default: 16; 4 in Workers, which have six
   * connections in all, and in FIFO queues, where one that waits for the one before it holds its memory.
   */
  readonly concurrency?: number | undefined;
}

/**
 * Swaps each pointer for the payload that it points to. Several are read side by side, ahead of the loop, and small
 * messages pass them; inside a FIFO group the order holds. A payload that can't be read makes its message undecodable;
 * after an ack it is removed from the store.
 *
 * @param store Where payloads are, such as `s3Payloads({ bucket })`.
 * @param options How.
 * @returns The transform.
 * @throws {ConfigError} If it is no store, or `concurrency` is out of range.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-s3-messages.html}
 *
 * @example Usage
 * ```ts
 * import { connect, decode, kombu, pipe, receive, resolvePayloads } from "@dashi/sqs";
 * import { s3Payloads } from "@dashi/sqs/payloads";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const broker = connect(memorySqs().connectOptions);
 * const store = s3Payloads({ bucket: "big-orders" });
 * const orders = pipe(receive(broker, "orders"), resolvePayloads(store), decode(kombu()));
 * ```
 */
export function resolvePayloads(
  store: PayloadStore,
  options?: ResolvePayloadsOptions & LeaveUndecodable,
): Transform<Delivery<string>, Delivery<string>>;
/** With `onUndecodable: "deliver"`: those whose payload can't be read go on too. */
export function resolvePayloads(
  store: PayloadStore,
  options?: ResolvePayloadsOptions,
): Transform<Delivery<string> | UndecodableDelivery, Delivery<string> | UndecodableDelivery>;
export function resolvePayloads(store: PayloadStore, options: ResolvePayloadsOptions = {}): Transform<any, any> {
  has("resolve", "isPointer")("store", store);
  const { lazy = false, eager, concurrency } = options;
  if (concurrency !== undefined) assertWithin("concurrency", concurrency, 1, Infinity);
  return (source) => {
    const places = payloadPlaces(store.gate?.(), concurrency);
    const map = mapConcurrent<Delivery<string>, Delivery<string>>(
      1e9, // the prefetch is the bound
      (delivery, signal) => {
        if (delivery.error) return delivery;
        try {
          const { body, messageAttributes } = letterOf(delivery);
          if (!store.isPointer(body, messageAttributes) && !looksLikePointer(body)) return delivery;
          return resolve(places, delivery, body, messageAttributes, signal);
        } catch (error) {
          return undecodable(delivery, error, options);
        }
      },
      { keyOf: (delivery) => isFifo(heldOf(delivery)) ? delivery.groupId : undefined },
    );
    const pass = filterMap<Delivery<string>, Delivery<string>>((delivery) => {
      places.leave(heldOf(delivery));
      return delivery;
    });
    return pass(map(source));
  };

  async function resolve(
    places: PayloadPlaces,
    delivery: Delivery<string>,
    body: string,
    messageAttributes: Delivery["messageAttributes"],
    signal: AbortSignal,
  ): Promise<Delivery<string> | undefined> {
    const held = heldOf(delivery);
    const { consumer: { broker, state, onAttempt } } = held;
    const gate = await places.enter(held);
    let kept = false;
    try {
      signal.throwIfAborted();
      const payload = await store.resolve(body, { lazy, eager, messageAttributes }, {
        broker,
        signal,
        gate,
        emit: state.emit,
        onAttempt,
      });
      if (payload.missing) {
        tell(held, { type: "drop", reason: "payload-missing" });
        delivery.ack();
        return undefined;
      }
      held.payload = payload;
      held.store = store;
      kept = true;
      return delivery.with(payload.body as string, { messageAttributes });
    } catch (error) {
      if (signal.aborted) throw error;
      return undecodable(delivery, error, options);
    } finally {
      if (!kept) places.leave(held);
    }
  }
}
