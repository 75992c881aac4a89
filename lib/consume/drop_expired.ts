import { awsNow } from "../broker.ts";
import { filterMap } from "../streams/filter_map.ts";
import type { Transform } from "../types.ts";
import { type Delivery, heldOf } from "./delivery.ts";
import { tell } from "./held.ts";

/**
 * Deletes messages that are past their `expiration`, with an event: milliseconds as a string, counted from when the
 * message was sent, as kombu writes it.
 *
 * @returns The transform.
 * @see {@link https://www.rabbitmq.com/docs/ttl#per-message-ttl-in-publishers}
 *
 * @example Usage
 * ```ts
 * import { connect, decode, dropExpired, kombu, pipe, receive } from "@dashi/sqs";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const broker = connect(memorySqs().connectOptions);
 * const orders = pipe(receive(broker, "orders"), decode(kombu()), dropExpired());
 * ```
 */
export function dropExpired<D extends Pick<Delivery<unknown>, "properties">>(): Transform<D, D> {
  return filterMap<D, D>((item) => {
    const delivery = item as unknown as Delivery<unknown>;
    const { expiration } = delivery.properties;
    // What is no number deletes nothing; of what a sender may write instead, not everything can be made one.
    if (typeof expiration !== "number" && (typeof expiration !== "string" || !expiration.trim())) return item;
    const held = heldOf(delivery);
    const { state } = held.consumer;
    // SQS's clock wrote when it was sent, so SQS's clock says whether it is late.
    if (!(awsNow(state) > +delivery.sentAt + Number(expiration))) return item;
    tell(held, { type: "drop", reason: "expired" });
    delivery.ack();
    return undefined;
  });
}
