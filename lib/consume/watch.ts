/**
 * The one loop that looks after what is held: it keeps messages invisible, tells when one is lost, and when the loop
 * stalls.
 *
 * @module
 */
import { nowOf } from "../broker.ts";
import { type AwsError, ReceiptExpiredError } from "../errors.ts";
import { lapse } from "../http/lapse.ts";
import { MAX_BATCH } from "../sqs/limits.ts";
import type { Consumer } from "./consumer.ts";
import * as DEFAULTS from "./defaults.ts";
import { requestsLeft } from "./demand.ts";
import { ALONG, LOOK } from "./figures.ts";
import { heed, type Held, isOurs, lose, secondsLeft, tell } from "./held.ts";
import * as Phase from "./phase.ts";
import { hideFor } from "./settle.ts";

/** Watches until the consumer is closed. */
export async function watch(consumer: Consumer): Promise<void> {
  const { state } = consumer;
  let least = 0;
  while (consumer.phase < Phase.Closed) {
    const timer = new AbortController();
    const { signal } = timer;
    consumer.watchAt = Infinity; // what happens during the look is part of it
    consumer.wake = () => timer.abort();
    const now = nowOf(state);
    // Timers may be early, though not by a second: the clock was set back then.
    const next = Math.min(look(consumer, now, least - 1000 > now), stalled(consumer, now));
    consumer.watchAt = next;
    // Timers stand still while a machine sleeps: what lapsed meanwhile is told soon after.
    least = Math.min(next, now + LOOK * 1000);
    if (!signal.aborted) {
      await (next === Infinity
        ? new Promise((resolve) => signal.onabort = resolve)
        : lapse(state.clock, (least - now) / 1000, signal));
    }
    if (signal.aborted) least = now;
  }
}

/** Does what is due, and says when the next is. */
function look(consumer: Consumer, now: number, setBack: boolean): number {
  const { held, beats } = consumer;
  // A budget of requests keeps what the acks need.
  const beating = beats && Math.ceil(held.size / MAX_BATCH) <= requestsLeft(consumer);
  const ours = (message: Held) => isOurs(message) && !message.extending;
  let next = Infinity;
  let along = now;
  for (const message of held) {
    if (!ours(message)) continue;
    // The clock was set back: whether it is still ours only SQS can tell.
    if (setBack || message.receivedAt > now) {
      message.receivedAt = message.beatAt = now;
      message.hiddenUntil = Math.min(message.hiddenUntil, now + message.lane.timeout * 500);
    }
    if (message.hiddenUntil <= now) lose(message);
    else if (beating && message.beatAt <= now) along = now + message.lane.timeout * ALONG * 1000;
  }
  for (const message of held) {
    if (!ours(message)) continue;
    if (beating && message.beatAt <= along) void beat(message);
    else next = Math.min(next, message.hiddenUntil, beating ? message.beatAt : Infinity);
  }
  return next;
}

/** Keeps a message hidden for another timeout, as far as the 12 hours go. */
export async function beat(held: Held): Promise<void> {
  const { consumer, lane } = held;
  const { state } = consumer;
  const now = nowOf(state);
  const seconds = Math.min(lane.timeout, secondsLeft(held));
  try {
    held.beatAt = held.hiddenUntil; // it has what is left of the 12 hours, if no more can be had
    if (now + seconds * 1000 > held.hiddenUntil) await hideFor(held, seconds);
  } catch (error) {
    if (!isOurs(held)) return;
    if (error instanceof ReceiptExpiredError) return lose(held, error);
    // Undefined where there was no answer: a credential provider that threw may have keys again.
    const { retryable } = error as Partial<AwsError>;
    // What is refused now is refused again: the message is ours until its time is over.
    if (retryable !== false) held.beatAt = nowOf(state) + lane.timeout * ALONG * 1000;
    if (!retryable) tell(held, { type: "error", error: error as Error });
  } finally {
    heed(held);
  }
}

/** Tells when the loop has waited on a full prefetch for long, and says when to look again. */
function stalled(consumer: Consumer, now: number): number {
  const { fullSince, held, lanes, state } = consumer;
  if (fullSince === undefined || consumer.phase !== Phase.Open) return Infinity;
  const due = fullSince + DEFAULTS.stalled * 1000;
  if (now < due) return due;
  state.emit({
    type: "stalled",
    queues: lanes.map(({ name }) => name),
    messageIds: [...held].map(({ message }) => message.MessageId),
    seconds: (now - fullSince) / 1000,
  });
  consumer.fullSince = now;
  return now + DEFAULTS.stalled * 1000;
}
