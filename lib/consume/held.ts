/**
 * A message that is held: what is known of it, and the slot that it takes until its fate is confirmed.
 *
 * @module
 */
import { nowOf } from "../broker.ts";
import type { Linked } from "../linked_list.ts";
import { MAX_VISIBILITY } from "../sqs/limits.ts";
import type { DashiEvent, PayloadStore, ResolvedPayload, SqsMessage } from "../types.ts";
import type { Consumer, Lane } from "./consumer.ts";
import { giveBackGroup } from "./settle.ts";

/** A message that was received and whose fate is not confirmed yet: it takes a slot of the prefetch. */
export interface Held extends Linked<Held> {
  readonly consumer: Consumer;
  readonly lane: Lane;
  /** As SQS gave it. */
  readonly message: SqsMessage;
  /** The earliest instant, in milliseconds, at which SQS may have hidden it. */
  receivedAt: number;
  /** Until when, in milliseconds, SQS hides it from others for certain: so long it is ours. */
  hiddenUntil: number;
  /** When the heartbeat looks after it next. */
  beatAt: number;
  /** In a buffer; on its way to the loop or in the user's hands; being settled; settled or lost. */
  where: "buffer" | "out" | "settling" | "gone";
  /** When it was handed over, in milliseconds; unset before. */
  handedAt?: number;
  /** What the verb that settles it resolves with; unset again where that may be tried once more. */
  settlement?: Promise<void>;
  /** The verb that it was last to be settled by. */
  verb?: "ack" | "release" | "reject";
  /** A change of its visibility under way: a heartbeat, or the user's `extend()`. */
  extending?: Promise<void>;
  /** Of its `signal`, once somebody asked for that or it has fired. */
  controller?: AbortController;
  /** Its payload, where its body was a pointer. */
  payload?: ResolvedPayload;
  /** Where the payload came from, and is removed from. */
  store?: PayloadStore;
}

/** Takes a message into a slot. */
export function hold(consumer: Consumer, lane: Lane, message: SqsMessage, receivedAt: number): Held {
  const held: Held = {
    consumer,
    lane,
    message,
    receivedAt,
    hiddenUntil: Infinity,
    beatAt: Infinity,
    where: "buffer",
    // Each message gets these anyway: added one after the other, they are moved twice.
    handedAt: undefined,
    settlement: undefined,
    verb: undefined,
    previous: undefined,
    next: undefined,
  };
  if (lane.timeout) noteHidden(held, receivedAt, lane.timeout);
  if (isFifo(held)) (lane.groups[groupOf(held)] ??= []).push(held);
  consumer.held.add(held);
  consumer.unsettled++;
  consumer.buffered++;
  return held;
}

/** True for a message of a FIFO queue, whose groups keep their order. */
export function isFifo({ lane }: Held): boolean {
  return !!lane.address?.fifo;
}

/** The group of a message; one without a group is its own. */
export function groupOf({ message }: Held): string {
  return message.Attributes?.MessageGroupId || message.MessageId;
}

/** Notes that SQS hides a message from an instant, in milliseconds, for some seconds. */
export function noteHidden(held: Held, from: number, seconds: number): void {
  held.hiddenUntil = from + seconds * 1000;
  // Half of the timeout is left for the heartbeat's request: one on a dead socket is sent once more in time.
  held.beatAt = held.hiddenUntil - Math.min(seconds, held.lane.timeout) * 500;
  heed(held);
}

/** Wakes the watch if it would come too late for a message. */
export function heed({ consumer, beatAt, hiddenUntil }: Held): void {
  if (Math.min(hiddenUntil, consumer.beats ? beatAt : Infinity) < consumer.watchAt) consumer.wake();
}

/** True for a message that is neither settled nor lost. */
export function isOurs({ where }: Held): boolean {
  return where === "buffer" || where === "out";
}

/** Takes a message out of the buffer, or out of the user's hands, into what comes after. */
export function move(held: Held, where: "settling" | "gone"): void {
  const { consumer } = held;
  if (held.where === "buffer") consumer.buffered--;
  else if (held.where === "out" && !held.handedAt) consumer.taken--;
  if (isOurs(held)) consumer.unsettled--;
  held.where = where;
}

/** True for a message that is visible again, or may be. */
export function isLapsed({ hiddenUntil, consumer }: Held): boolean {
  return hiddenUntil <= nowOf(consumer.state);
}

/** Frees a message's slot. */
export function free(held: Held): void {
  const { consumer, lane } = held;
  move(held, "gone");
  consumer.held.delete(held);
  const group = lane.groups[groupOf(held)];
  while (group?.[0]?.where === "gone") group.shift();
  if (group?.length === 0) delete lane.groups[groupOf(held)];
  if (consumer.settings.untilEmpty) lane.freedAt = nowOf(consumer.state);
  consumer.changed();
}

/** The message is no longer ours: its `signal` fires, and its slot is free. */
export function lose(held: Held, error?: Error): void {
  tell(held, held.handedAt ? { type: "heartbeat-ended", error } : { type: "drop", reason: "lapsed", error });
  if (held.handedAt) held.consumer.owed++;
  held.hiddenUntil = 0; // SQS may say so before our clock: from now on it counts as another's, and so does its payload
  abandon(held, error);
  giveBackGroup(held);
  free(held);
}

/** An event as it is told of a message that is held. */
type About<Event> = Event extends unknown ? "messageId" extends keyof Event ? Omit<Event, "queue" | "messageId"> : never
  : never;

/** Tells what became of a message. */
export function tell({ consumer, lane, message }: Held, event: About<DashiEvent>): void {
  consumer.state.emit({ queue: lane.name, messageId: message.MessageId, ...event } as DashiEvent);
}

/** Fires a message's `signal`, also for one who asks for it later. */
export function abandon(
  held: Held,
  reason: unknown = new DOMException("The message is visible again", "AbortError"),
): void {
  (held.controller ??= new AbortController()).abort(reason);
}

/** Whole seconds that are left of the 12 hours that SQS keeps a message in flight. */
export function secondsLeft({ consumer, receivedAt }: Held): number {
  return Math.max(0, MAX_VISIBILITY - Math.ceil((nowOf(consumer.state) - receivedAt) / 1000));
}
