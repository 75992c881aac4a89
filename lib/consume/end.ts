/**
 * The ending of a consumer: one place for `break`, `return`, a throw, `stop()`, `await using`, the signal and a budget.
 *
 * In this order: no new receive starts; what is buffered is released and what waits to be acked is flushed; receives
 * under way may finish and what they bring is released; what the user holds stays the user's until the grace is over.
 *
 * @module
 */
import { deferred } from "../broker.ts";
import { lapse } from "../http/lapse.ts";
import type { Consumer } from "./consumer.ts";
import { abandon, isOurs } from "./held.ts";
import * as Phase from "./phase.ts";
import { release } from "./settle.ts";
import { serve } from "./take.ts";

/**
 * Ends the iteration.
 *
 * @param consumer What is to end.
 * @param whole True where all was handed out that was to be: what is on its way to the loop still comes then.
 * @returns A promise that resolves when what nobody has is released and the acks so far are confirmed, well or not.
 */
export function end(consumer: Consumer, whole = false): Promise<void> {
  const cut = whole ? undefined : consumer.cut;
  if (cut) {
    consumer.cut = undefined;
    consumer.changed();
  }
  if (!consumer.draining) {
    const { promise, resolve } = deferred();
    consumer.draining = promise; // set first: drain() itself comes back here
    drain(consumer).then(resolve);
  }
  cut?.();
  return consumer.draining;
}

async function drain(consumer: Consumer): Promise<void> {
  const { lanes, held } = consumer;
  consumer.phase = Phase.Ending;
  consumer.stopping.abort();
  serve(consumer);
  for (const message of held) if (message.where === "buffer") release(message);
  for (const { deletes } of lanes) deletes.look(true);
  windUp(consumer);
  await Promise.allSettled([...held].map(({ settlement }) => settlement));
}

/** Takes the ending as far as it can go now: handlers finish, then the grace begins, then the consumer is closed. */
export function windUp(consumer: Consumer): void {
  const { held, state, settings, polling } = consumer;
  if (consumer.phase !== Phase.Ending) return;
  // Where nobody cut it short, forEach()'s handlers and the loop's last message take the time they take before the grace
  // begins: a step that reads ahead sees the end while the loop still works.
  if (consumer.cut && (consumer.working || consumer.last)) return;
  if (held.size + consumer.busy) {
    consumer.grace ??= lapse(state.clock, settings.graceSeconds, polling.signal).then(() => giveUp(consumer));
  } else {
    close(consumer);
    cutOff(consumer);
  }
}

/** The grace is over: what is still out goes back, and receives under way are cut off. */
function giveUp(consumer: Consumer): void {
  if (consumer.phase === Phase.Closed) return;
  const reason = cutOff(consumer);
  for (const message of consumer.held) {
    // With `ack: "none"` what is being deleted is handed over yet, and worked on.
    if (!isOurs(message)) continue;
    abandon(message, reason);
    release(message);
  }
}

/** Ends requests under way, and those that a late verb would begin: each failure says why. */
function cutOff({ polling }: Consumer): DOMException {
  const reason = new DOMException("The consumer has ended", "AbortError");
  polling.abort(reason);
  return reason;
}

function close(consumer: Consumer): void {
  consumer.phase = Phase.Closed;
  consumer.cut?.(); // a step that waits for what never comes would keep the loop waiting
  consumer.wake();
  consumer.close();
}

/** Ends the iteration with what was handed out in the user's hands: from here on nothing looks after it. */
export function letGo(consumer: Consumer): void {
  consumer.draining = Promise.resolve();
  consumer.stopping.abort();
  close(consumer);
}

/** Ends the iteration with an error, after what is buffered: what no retry mends. */
export function fail(consumer: Consumer, error: Error): void {
  // One error is enough: of other queues that fail for the same reason, their own events tell.
  if (consumer.phase >= Phase.Ending || consumer.error) return;
  consumer.state.emit({ type: "error", error: consumer.error = error });
  finish(consumer);
}

/** No more receives; what is there is still handed out. */
export function finish(consumer: Consumer): void {
  if (consumer.phase === Phase.Open) consumer.phase = Phase.Finishing;
  serve(consumer);
}
