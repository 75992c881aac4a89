import { type Delivery, heldOf } from "./delivery.ts";

/**
 * Sets a delivery aside that waits for its time: it stays held and invisible, but takes no slot of the prefetch.
 *
 * @param delivery A delivery that is not settled.
 * @returns Gives it its slot again; to be called once.
 */
export function park(delivery: Delivery<unknown>): () => void {
  const { consumer } = heldOf(delivery);
  consumer.parked++;
  consumer.changed();
  return () => void consumer.parked--;
}
