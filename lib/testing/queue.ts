import { createHeap, type Heap } from "./heap.ts";
import type { StoredMessage } from "./message.ts";

/** A message as a receive left it. */
interface Taken {
  readonly turn: number;
  readonly message: StoredMessage;
}

/** Where a message stands in a heap; stale once the message has moved on. */
interface Place extends Taken {
  readonly key: number;
}

/** A queue as the model keeps it. */
export interface QueueState {
  readonly name: string;
  readonly url: string;
  readonly arn: string;
  readonly fifo: boolean;
  attributes: Record<string, string>;
  readonly tags: Map<string, string>;
  readonly createdAt: number;
  modifiedAt: number;
  purgedAt: number;
  deleted: boolean;
  inFlight: number;
  readonly messages: Map<string, StoredMessage>;
  /** Messages that may be received next, by the rank that they are received in: of a FIFO group the first alone. */
  readonly visible: Heap<Place>;
  /** Messages that are hidden, by when they are visible again. */
  readonly hidden: Heap<Place>;
  /** The messages of FIFO groups, each group's in order. */
  readonly groups: Map<string, StoredMessage[]>;
  /** Deduplication ids of the last five minutes, the oldest first. */
  readonly sent: Map<string, { readonly at: number; readonly id: string; readonly sequenceNumber: string }>;
  /** Receives of the last five minutes by their ReceiveRequestAttemptId, the oldest first. */
  readonly attempts: Map<string, { readonly at: number; readonly received: readonly Taken[] }>;
  /** Long polls that wait. */
  readonly pollers: Set<() => void>;
  /** No message is older than its retention before this instant. */
  nextExpiry: number;
  /** The rank of the next message that becomes visible. */
  readonly rank: () => number;
}

/** What a new queue is made of. */
export type NewQueue = Pick<QueueState, "name" | "url" | "arn" | "fifo" | "attributes" | "tags" | "createdAt" | "rank">;

/** Makes an empty queue. */
export function createQueueState(queue: NewQueue): QueueState {
  const places = () => createHeap<Place>((a, b) => a.key < b.key, ({ turn, message }) => turn !== message.turn);
  return {
    ...queue,
    modifiedAt: queue.createdAt,
    purgedAt: -Infinity,
    deleted: false,
    inFlight: 0,
    messages: new Map(),
    visible: places(),
    hidden: places(),
    groups: new Map(),
    sent: new Map(),
    attempts: new Map(),
    pollers: new Set(),
    nextExpiry: Infinity,
  };
}

/** An attribute of the queue as a number. */
export function numberOf(queue: QueueState, attribute: string): number {
  return Number(queue.attributes[attribute]);
}

/** Puts a message in, visible at its `visibleAt`. */
export function addMessage(queue: QueueState, message: StoredMessage, now: number): void {
  queue.messages.set(message.id, message);
  queue.nextExpiry = Math.min(queue.nextExpiry, message.sentAt + numberOf(queue, "MessageRetentionPeriod") * 1000);
  if (queue.fifo) {
    const group = queue.groups.get(message.groupId!) ?? [];
    group.push(message);
    queue.groups.set(message.groupId!, group);
  }
  place(queue, message, now);
}

/** Takes a message out for good. */
export function removeMessage(queue: QueueState, message: StoredMessage): void {
  setInFlight(queue, message, false);
  message.turn++;
  queue.messages.delete(message.id);
  if (!queue.fifo) return;
  const group = queue.groups.get(message.groupId!)!;
  const at = group.indexOf(message);
  group.splice(at, 1);
  if (group.length === 0) queue.groups.delete(message.groupId!);
  else if (at === 0) offer(queue, group[0]);
}

/** Hides a message until an instant; one in the past makes it visible. */
export function hideMessage(queue: QueueState, message: StoredMessage, until: number, now: number): void {
  message.visibleAt = until;
  setInFlight(queue, message, until > now);
  place(queue, message, now);
}

/** Has the queue's delay be that of all messages that were never received. */
export function delayMessages(queue: QueueState, now: number): void {
  for (const message of queue.messages.values()) {
    if (message.receiveCount > 0) continue;
    message.visibleAt = message.sentAt + numberOf(queue, "DelaySeconds") * 1000;
    place(queue, message, now);
  }
}

/** Brings a queue up to an instant: what lapsed is visible again, what is too old is gone. */
export function bringUpTo(queue: QueueState, now: number): void {
  if (queue.nextExpiry <= now) expire(queue, now);
  for (let next = queue.hidden.peek(); next && next.key <= now; next = queue.hidden.peek()) {
    setInFlight(queue, next.message, false);
    place(queue, next.message, now);
  }
}

/** When the next hidden message is visible, in milliseconds. */
export function nextVisible(queue: QueueState): number {
  return queue.hidden.peek()?.key ?? Infinity;
}

/**
 * The messages that a receive may take, in the order in which it takes them: FIFO ones group by group, and of each those
 * before the first that is hidden.
 */
export function* takeable(queue: QueueState, now: number): Generator<StoredMessage, void> {
  // Taking the first message of a group out offers the next one, which the loop over the group gives anyway.
  const served = new Set<readonly StoredMessage[]>();
  for (let next = queue.visible.pop(); next; next = queue.visible.pop()) {
    const group = queue.fifo ? queue.groups.get(next.message.groupId!)! : [next.message];
    if (served.has(group)) continue;
    served.add(group);
    for (let at = 0; at < group.length && group[at].visibleAt <= now;) {
      const message = group[at];
      yield message;
      if (group[at] === message) at++;
    }
  }
}

/** Has the long polls look again. */
export function wake(queue: QueueState): void {
  for (const poller of [...queue.pollers]) poller();
}

/** Forgets all that is older than five minutes in a map whose oldest entries come first. */
export function forgetOld(map: Map<string, { readonly at: number }>, now: number): void {
  for (const [key, { at }] of map) {
    if (at > now - 300_000) break;
    map.delete(key);
  }
}

function place(queue: QueueState, message: StoredMessage, now: number): void {
  message.turn++;
  if (message.visibleAt > now) {
    const next = nextVisible(queue);
    queue.hidden.push({ key: message.visibleAt, turn: message.turn, message });
    // Long polls that wait for the next one wait for this one now; none waits for more than 20 s.
    if (message.visibleAt < Math.min(next, now + 20_000)) wake(queue);
  } else if (!queue.fifo || queue.groups.get(message.groupId!)![0] === message) {
    offer(queue, message);
  }
}

/** Has a message stand among those to receive, behind what has a lower rank. */
function offer(queue: QueueState, message: StoredMessage): void {
  queue.visible.push({ key: queue.rank(), turn: message.turn, message });
  wake(queue);
}

function setInFlight(queue: QueueState, message: StoredMessage, inFlight: boolean): void {
  if (message.inFlight === inFlight) return;
  message.inFlight = inFlight;
  queue.inFlight += inFlight ? 1 : -1;
}

function expire(queue: QueueState, now: number): void {
  const retention = numberOf(queue, "MessageRetentionPeriod") * 1000;
  queue.nextExpiry = Infinity;
  for (const message of queue.messages.values()) {
    const expiry = message.sentAt + retention;
    if (expiry <= now) removeMessage(queue, message);
    else queue.nextExpiry = Math.min(queue.nextExpiry, expiry);
  }
}
