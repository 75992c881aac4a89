import { inWorkers } from "../broker.ts";
import type { PayloadGate } from "../types.ts";
import { FEW, MANY } from "./figures.ts";
import { type Held, isFifo } from "./held.ts";

/** The places of payloads that are downloaded or wait for the loop. */
export interface PayloadPlaces {
  /** Waits for a place, in the order of the asking. Gives the gate to download through. */
  enter(held: Held): Promise<PayloadGate | undefined>;
  /** Frees a message's place, if it has one. */
  leave(held: Held): void;
}

/**
 * Bounds what payloads take of memory, however slow the loop is: each has its place until the loop takes it, and the
 * bytes that its store's gate gave it too. Small messages need no place.
 *
 * @param gate The store's, for one consumer.
 * @param most How many at once. By default 16, and 4 where that would be too many.
 */
export function payloadPlaces(gate: PayloadGate | undefined, most: number | undefined): PayloadPlaces {
  const placed = new Map<Held, (() => void)[]>(); // what is to be called when one leaves
  const waiting: { readonly held: Held; enter(): void }[] = [];
  const fits = (held: Held) => placed.size < (most ?? (inWorkers() || isFifo(held) ? FEW : MANY));
  const admit = () => {
    while (waiting.length && fits(waiting[0].held)) {
      const { held, enter } = waiting.shift()!;
      placed.set(held, []);
      enter();
    }
  };
  return {
    async enter(held) {
      await new Promise<void>((enter) => {
        waiting.push({ held, enter });
        admit();
      });
      // In a FIFO group the one before may need those bytes, and it is handed over first.
      if (!gate || isFifo(held)) return gate;
      const leaves = placed.get(held)!;
      return {
        async enter(bytes, signal) {
          for (const leave of leaves.splice(0)) leave();
          const leave = await gate.enter(bytes, signal);
          return () => placed.get(held) === leaves ? void leaves.push(leave) : leave();
        },
      };
    },
    leave(held) {
      const leaves = placed.get(held);
      if (!leaves) return;
      placed.delete(held);
      for (const leave of leaves) leave();
      admit();
    },
  };
}
