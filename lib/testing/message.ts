import type { WireAttribute } from "../types.ts";

/** A message as the model keeps it. */
export interface StoredMessage {
  readonly id: string;
  readonly body: string;
  readonly md5: string;
  readonly attributes: Readonly<Record<string, WireAttribute>>;
  readonly traceHeader?: string;
  readonly groupId?: string;
  readonly deduplicationId?: string;
  sequenceNumber?: string;
  sentAt: number;
  /** Until when it is hidden, in milliseconds. */
  visibleAt: number;
  /** Received and neither deleted nor visible again. */
  inFlight: boolean;
  receiveCount: number;
  firstReceivedAt?: number;
  /** When it was received last: 12 hours count from here. */
  receivedAt: number;
  /** Counts receives over the message's life: it makes each receipt handle another one. */
  receiveNumber: number;
  /** The queue that it came from, for one in a dead-letter queue. */
  sourceArn?: string;
  /** Changes with its state, so that what was noted about an earlier state is known to be stale. */
  turn: number;
}

/** A message as a test sees it: see `MemorySqs.messages`. */
export interface MessageView {
  /** SQS's id of it. */
  readonly messageId: string;
  /** The MessageBody. */
  readonly body: string;
  /** `delayed` is hidden and was never received, `inFlight` is hidden by a receive. */
  readonly state: "visible" | "inFlight" | "delayed";
  /** How often it was received. */
  readonly receiveCount: number;
  /** When it was sent. */
  readonly sentAt: Date;
  /** When it is or was visible again. */
  readonly visibleAt: Date;
  /** Its message group id. */
  readonly groupId?: string;
  /** Its deduplication id, given or made of the body. */
  readonly deduplicationId?: string;
  /** Its place in a FIFO queue. */
  readonly sequenceNumber?: string;
  /** Its attributes, in SQS's typed form. */
  readonly messageAttributes: Readonly<Record<string, WireAttribute>>;
}

/** Shows a message to a test. */
export function viewMessage(message: StoredMessage, now: number): MessageView {
  return Object.freeze({
    messageId: message.id,
    body: message.body,
    state: message.visibleAt <= now ? "visible" : message.inFlight ? "inFlight" : "delayed",
    receiveCount: message.receiveCount,
    sentAt: new Date(message.sentAt),
    visibleAt: new Date(message.visibleAt),
    groupId: message.groupId,
    deduplicationId: message.deduplicationId,
    sequenceNumber: message.sequenceNumber,
    messageAttributes: message.attributes,
  });
}

/** The receipt handle of a message's latest receive: opaque to clients, and all that the model needs to know. */
export function handleOf(queueName: string, message: StoredMessage): string {
  return "AQEB" + btoa(`${queueName} ${message.id} ${message.receiveNumber}`);
}

/** What a receipt handle says, or undefined if it is none of this queue. */
export function readHandle(queueName: string, handle: string): { id: string; receiveNumber: number } | undefined {
  if (!handle.startsWith("AQEB")) return undefined;
  try {
    const [queue, id, number] = atob(handle.slice(4)).split(" ");
    return queue === queueName && id ? { id, receiveNumber: Number(number) } : undefined;
  } catch {
    return undefined;
  }
}
