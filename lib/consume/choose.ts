/**
 * Whose turn it is: the `strategy` of a consumer, both for receives and for hand-overs.
 *
 * @module
 */
import type { Consumer, Lane } from "./consumer.ts";

/** With `strategy: "strict"` the highest priority among the queues that count; else one that every queue has. */
export function highest({ lanes, settings: { strategy } }: Consumer, among: (lane: Lane) => boolean): number {
  let priority = -Infinity;
  if (strategy === "strict") {
    for (const lane of lanes) if (lane.priority > priority && among(lane)) priority = lane.priority;
  }
  return priority;
}

/** Picks one of the queues that may be: in turn, and by weight with `strategy: "weighted"`. */
export function choose(
  { lanes, settings: { strategy } }: Consumer,
  mayBe: (lane: Lane) => boolean,
  credit: "pollCredit" | "takeCredit",
): Lane | undefined {
  // Smooth weighted round robin: each earns its weight, the richest goes and pays for all. So shares are even at any time.
  let best: Lane | undefined;
  let total = 0;
  for (const lane of lanes) {
    if (!mayBe(lane)) continue;
    const weight = strategy === "weighted" ? lane.weight : 1;
    lane[credit] += weight;
    total += weight;
    if (!best || lane[credit] > best[credit]) best = lane;
  }
  if (best) best[credit] -= total;
  return best;
}
