/**
 * What becomes of the messages that a receive brought.
 *
 * @module
 */
import { nowOf } from "../broker.ts";
import { damageOf } from "../codec/md5.ts";
import type { SqsMessage } from "../types.ts";
import type { Consumer, Lane } from "./consumer.ts";
import { Delivery, heldOf } from "./delivery.ts";
import { hold, isOurs, lose } from "./held.ts";
import * as Phase from "./phase.ts";
import { release } from "./settle.ts";
import { serve } from "./take.ts";
import { leaveUndecodable } from "./undecodable.ts";
import { beat } from "./watch.ts";

/** Takes the messages of an answer in: `from` and `to` bound the instant at which SQS hid them. */
export async function arrive(
  consumer: Consumer,
  lane: Lane,
  messages: readonly SqsMessage[],
  from: number,
  to: number,
): Promise<void> {
  const { state } = consumer;
  const beats = consumer.beats && consumer.phase < Phase.Ending;
  const held = messages.map((message) => hold(consumer, lane, message, beats ? from : to));
  const now = nowOf(state);
  if (lane.timeout && to + lane.timeout * 1000 <= now) return held.forEach((message) => lose(message));
  if (beats && held[0].beatAt <= now) {
    // A long poll outlasted the timeout: whether they are still ours only SQS can tell.
    await Promise.all(held.map((message) => beat(message)));
  }
  // What lapsed or was given back is still in the buffer: a loop that is slow to ask would let it pile up.
  const { buffer } = lane;
  while (buffer.length && !isOurs(heldOf(buffer[0]))) buffer.shift();
  for (const one of held) {
    const { message } = one;
    if (one.where !== "buffer") continue;
    const damage = state.options.checkMd5 !== false &&
      damageOf(message, lane.name, message.Body, lane.vague ? undefined : message.MessageAttributes);
    if (consumer.phase >= Phase.Ending) {
      release(one);
    } else if (damage && consumer.settings.onUndecodable !== "deliver") {
      leaveUndecodable(one, damage);
    } else {
      buffer.push(new Delivery(one, message.Body, damage ? { error: damage } : undefined));
    }
  }
  serve(consumer);
}
