/**
 * What becomes of a message that failed, by kombu's rules.
 *
 * @module
 */
import { asError } from "../as_error.ts";
import { assertWithin } from "../check.ts";
import { carryOut } from "./batcher.ts";
import type { Delivery } from "./delivery.ts";
import type { Held } from "./held.ts";
import { giveBackGroup, leave, release, settle } from "./settle.ts";
import { hasRedrivePolicy } from "./visibility.ts";

/** Hides a failed message until its next try; without a backoff for it, for what is left of its timeout. */
export function backOff(held: Held, delivery: Delivery<unknown>, error: unknown): Promise<void> {
  const { lane, consumer: { state, settings } } = held;
  const policy = settings.backoff ?? lane.address?.predefined?.backoffPolicy;
  try {
    const seconds = typeof policy === "function" ? policy(delivery, error) : policy?.[delivery.receiveCount];
    if (seconds != null) {
      assertWithin("backoff()", seconds, 0, Infinity, true); // a promise, say, would be waited for by nobody
      return release(held, seconds, "reject");
    }
  } catch (cause) {
    state.emit({ type: "error", error: asError(cause) });
  }
  return leave(held, "reject");
}

/** True if a backoff retries this message: the consumer's does each, a predefined queue's the tasks it names, if any. */
function isRetried({ lane, consumer: { settings } }: Held, { headers }: Delivery<unknown>): boolean {
  if (settings.backoff) return true;
  const { backoffPolicy, backoffTasks } = lane.address?.predefined ?? {};
  return !!backoffPolicy && backoffTasks?.includes(headers.task as string) !== false;
}

/** Rejects without requeue. */
export function reject(held: Held, delivery: Delivery<unknown>, error: unknown): Promise<void> {
  if (held.settlement) return held.settlement;
  if (isRetried(held, delivery)) return backOff(held, delivery, error);
  const { consumer, lane } = held;
  const kept = hasRedrivePolicy(consumer, lane);
  // As long as nobody knows whether it stays, no other of its group may go before it.
  if (kept) giveBackGroup(held);
  return settle(held, "reject", async (done) => {
    try {
      if (!await kept) await carryOut(lane.deletes, held);
    } catch (error) {
      // Where it is not known: a message that is kept can still be deleted, not the reverse.
      consumer.state.emit({ type: "error", error: error as Error });
    }
    done();
  });
}
