import { nowOf } from "../broker.ts";
import { type Delivery, heldOf } from "./delivery.ts";
import { isLapsed, lose, tell } from "./held.ts";

/**
 * Notes that a message is handed to the user now, unless it was lost on the way.
 *
 * @returns False if it must not be handed over.
 */
export function handOver(delivery: Delivery<unknown>): boolean {
  const held = heldOf(delivery);
  const { consumer } = held;
  const { state } = consumer;
  const now = nowOf(state);
  if (!consumer.deletesFirst) {
    if (held.where !== "out") return false;
    if (isLapsed(held)) {
      lose(held);
      return false;
    }
    if (held.handedAt) return true; // told already
  }
  held.handedAt = now;
  consumer.handed++;
  if (consumer.waiters.length) consumer.changed(); // it may be the last that they waited for
  if (state.options.onEvent) {
    const { traceparent } = delivery.headers;
    const sent = +delivery.sentAt;
    tell(held, {
      type: "handover",
      receiveCount: delivery.receiveCount,
      age: Number.isNaN(sent) ? undefined : (now + state.clockOffset - sent) / 1000,
      traceparent: typeof traceparent === "string" ? traceparent : undefined,
    });
  }
  return true;
}
