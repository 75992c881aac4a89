/**
 * What becomes of the messages that a receive brought.
 *
 * @module
 */
import { nowOf } from "../broker.ts";
import { md5Hex, md5OfAttributes } from "../codec/md5.ts";
import { IntegrityError } from "../errors.ts";
import type { SqsMessage } from "../types.ts";
import type { Consumer, Lane } from "./consumer.ts";
import { Delivery } from "./delivery.ts";
import { type Held, hold, lose } from "./held.ts";
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
  for (const message of held) {
    if (message.where !== "buffer") continue;
    const fault = state.options.checkMd5 === false ? undefined : integrity(message);
    if (consumer.phase >= Phase.Ending) {
      release(message);
    } else if (fault && consumer.settings.onUndecodable !== "deliver") {
      leaveUndecodable(message, fault);
    } else {
      lane.buffer.push(new Delivery(message, message.message.Body, fault ? { error: fault } : undefined));
    }
  }
  serve(consumer);
}

/** The error for a message that is not the one that was sent. */
function integrity({ message, lane }: Held): IntegrityError | undefined {
  const { Body, MD5OfBody, MessageAttributes, MD5OfMessageAttributes } = message;
  const differs = (sum: string | undefined, of: () => string) => {
    try {
      return !!sum && of() !== sum;
    } catch {
      return true; // bytes that are not base64 have no sum
    }
  };
  const what = differs(MD5OfBody, () => md5Hex(Body))
    ? "MD5OfBody"
    : MessageAttributes && differs(MD5OfMessageAttributes, () => md5OfAttributes(MessageAttributes)) &&
      "MD5OfMessageAttributes";
  if (!what) return;
  return new IntegrityError(
    `Cannot trust message ${message.MessageId} of '${lane.name}' as its ${what} does not fit it`,
  );
}
