/**
 * The side of the consumer that gives: from the buffers to whoever waits.
 *
 * @module
 */
import { choose, highest } from "./choose.ts";
import type { Consumer, Lane } from "./consumer.ts";
import { type Delivery, heldOf } from "./delivery.ts";
import { end } from "./end.ts";
import { isLapsed, lose } from "./held.ts";
import * as Phase from "./phase.ts";
import { pump } from "./poll.ts";
import { start } from "./start.ts";

/** The next message of the buffers, by the strategy, if there is one that may still be handed out. */
export function take(consumer: Consumer): Delivery<string> | undefined {
  if (consumer.phase >= Phase.Ending || isSpent(consumer)) return;
  while (consumer.buffered > 0) {
    const rank = highest(consumer, isFilled);
    const lane = choose(consumer, (lane) => isFilled(lane) && lane.priority >= rank, "takeCredit");
    if (!lane) return;
    const delivery = lane.buffer.shift()!;
    const held = heldOf(delivery);
    if (held.where !== "buffer") continue; // released or lapsed while it waited
    if (isLapsed(held)) {
      lose(held);
      continue;
    }
    held.where = "out";
    consumer.buffered--;
    consumer.taken++;
    if (!consumer.buffered) pump(consumer);
    consumer.fullSince = undefined; // also where the pump saw its waiter still wait
    return delivery;
  }
}

function isFilled({ buffer }: Lane): boolean {
  return buffer.length > 0;
}

/** The next message, as an iterator gives it. */
export function next(consumer: Consumer): Promise<IteratorResult<Delivery<string>, undefined>> {
  return new Promise((resolve) => {
    if (consumer.phase === Phase.New) start(consumer);
    consumer.waiters.push(resolve);
    serve(consumer);
  });
}

/** Gives those who wait what there is for them. */
export function serve(consumer: Consumer): void {
  const { waiters } = consumer;
  while (waiters.length) {
    const value = take(consumer);
    if (value) {
      waiters.shift()!({ value, done: false });
    } else if (isOver(consumer)) {
      const answer = waiters.shift()!;
      end(consumer, true);
      answer({ value: undefined, done: true });
    } else {
      break;
    }
  }
  if (waiters.length) pump(consumer);
}

/** True if `maxMessages` are handed out, or on their way to the loop. */
function isSpent({ taken, settings: { maxMessages = Infinity } }: Consumer): boolean {
  return taken >= maxMessages;
}

/** True if nothing more will come. */
function isOver(consumer: Consumer): boolean {
  const { phase, buffered, error, lanes, taken, handed } = consumer;
  const last = isSpent(consumer) ||
    (phase === Phase.Finishing && !buffered && (!!error || lanes.every(({ polls }) => !polls)));
  // What is on its way to the loop, a large payload perhaps, is not cut off by the grace.
  return phase >= Phase.Ending || (last && handed >= taken);
}
