import { type Delivery, heldOf } from "./delivery.ts";

/**
 * Sets a delivery aside that waits for its time: it stays held and invisible, but takes no slot of the prefetch.
 *
 * @param delivery A delivery that is not settled.
 * @returns Gives it its slot again; once counts.
 */
export function park(delivery: Delivery<unknown>): () => void {
  const { consumer } = heldOf(delivery);
  let parked = 1;
  consumer.parked++;
  consumer.changed();
  return () => {
    consumer.parked -= parked;
    parked = 0;
  };
}
