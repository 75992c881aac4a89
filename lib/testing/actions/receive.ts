import { md5OfAttributes } from "../../codec/md5.ts";
import type { WireAttribute } from "../../types.ts";
import { type Input, optionalInteger, texts } from "../input.ts";
import { handleOf, type StoredMessage } from "../message.ts";
import { idOf } from "../message_checks.ts";
import { type Model, nextSequenceNumber, noSuchQueue, queueByArn, queueOf } from "../model.ts";
import {
  addMessage,
  bringUpTo,
  forgetOld,
  hideMessage,
  nextVisible,
  numberOf,
  type QueueState,
  removeMessage,
  takeable,
} from "../queue.ts";
import { redriveOf } from "../queue_policies.ts";
import { invalidValue, SqsFault } from "../sqs_fault.ts";

interface Receive {
  readonly max: number;
  readonly visibility: number | undefined;
  readonly attempt: string | undefined;
  readonly system: readonly string[];
  readonly names: readonly string[];
}

const SYSTEM_ATTRIBUTES =
  /^(?:All|SenderId|SentTimestamp|ApproximateReceiveCount|ApproximateFirstReceiveTimestamp|SequenceNumber|MessageDeduplicationId|MessageGroupId|AWSTraceHeader|DeadLetterQueueSourceArn)$/;

/** ReceiveMessage: answers at once if there are messages, or else waits in virtual time. */
export async function receiveMessage(model: Model, input: Input, client?: AbortSignal): Promise<unknown> {
  const queue = queueOf(model, input);
  const receive: Receive = {
    max: optionalInteger(input, "MaxNumberOfMessages", 1, 10) ?? 1,
    visibility: optionalInteger(input, "VisibilityTimeout", 0, 43_200, "Must be >= 0 and <= 43200, if provided."),
    attempt: idOf(input, "ReceiveRequestAttemptId"),
    system: [...texts(input, "AttributeNames"), ...texts(input, "MessageSystemAttributeNames")],
    names: texts(input, "MessageAttributeNames"),
  };
  const wait = optionalInteger(input, "WaitTimeSeconds", 0, 20, "Must be >= 0 and <= 20, if provided.") ??
    numberOf(queue, "ReceiveMessageWaitTimeSeconds");
  const unknown = receive.system.find((name) => !SYSTEM_ATTRIBUTES.test(name));
  if (unknown !== undefined) throw new SqsFault("InvalidAttributeName", `Unknown Attribute ${unknown}.`);
  if (receive.attempt !== undefined && !queue.fifo) {
    throw invalidValue(
      "ReceiveRequestAttemptId",
      receive.attempt,
      "The request include parameter that is not valid for this queue type",
    );
  }
  if (wait === 0 && !queue.fifo && queue.inFlight >= model.inFlightLimit) {
    throw new SqsFault("OverLimit", "Too many messages are in flight in this queue.");
  }
  const end = model.timeline.now() + wait * 1000;
  for (;;) {
    const messages = take(model, queue, receive);
    if (messages.length > 0) return { Messages: messages.map((message) => show(model, queue, message, receive)) };
    if (model.timeline.now() >= end) return {};
    await change(model, queue, end, client);
    if (client?.aborted) return {};
    if (queue.deleted) throw noSuchQueue();
    bringUpTo(queue, model.timeline.now());
  }
}

/** Resolves when there may be messages, or when the wait is over. */
function change(model: Model, queue: QueueState, end: number, client?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      client?.removeEventListener("abort", look);
      queue.pollers.delete(look);
      cancel();
      resolve();
    };
    const label = `a long poll of '${queue.name}'`;
    const cancel = model.timeline.at(Math.min(end, nextVisible(queue)), label, true, look);
    queue.pollers.add(look);
    client?.addEventListener("abort", look);
  });
}

function take(model: Model, queue: QueueState, receive: Receive): StoredMessage[] {
  const now = model.timeline.now();
  const seconds = receive.visibility ?? numberOf(queue, "VisibilityTimeout");
  const until = now + seconds * 1000;
  const again = repeated(queue, receive, now);
  if (again) {
    for (const message of again.messages) hideMessage(queue, message, until, now);
    remember(queue, receive, again.messages, again.at);
    return again.messages;
  }
  const room = Math.min(receive.max, model.inFlightLimit - queue.inFlight);
  if (room <= 0) return [];
  const taken: StoredMessage[] = [];
  for (const message of takeable(queue, now)) {
    if (moveToDeadLetterQueue(model, queue, message)) continue;
    taken.push(message);
    if (taken.length === room) break;
  }
  for (const message of taken) {
    message.receiveCount++;
    message.receiveNumber++;
    message.firstReceivedAt ??= now;
    message.receivedAt = now;
    hideMessage(queue, message, until, now);
  }
  if (taken.length > 0) remember(queue, receive, taken, now);
  return taken;
}

/** Notes what a receive took, for a try of the same receive. */
function remember(queue: QueueState, { attempt }: Receive, taken: readonly StoredMessage[], at: number): void {
  if (attempt === undefined) return;
  queue.attempts.set(attempt, { at, received: taken.map((message) => ({ turn: message.turn, message })) });
}

/** What an earlier try of the same receive took, if nothing has happened to it since. */
function repeated(
  queue: QueueState,
  { attempt }: Receive,
  now: number,
): { messages: StoredMessage[]; at: number } | undefined {
  forgetOld(queue.attempts, now);
  const earlier = attempt === undefined ? undefined : queue.attempts.get(attempt);
  if (!earlier) return undefined;
  if (earlier.received.every(({ message, turn }) => message.turn === turn)) {
    return { messages: earlier.received.map(({ message }) => message), at: earlier.at };
  }
  queue.attempts.delete(attempt!);
  return undefined;
}

function moveToDeadLetterQueue(model: Model, queue: QueueState, message: StoredMessage): boolean {
  const redrive = redriveOf(queue);
  if (!redrive || message.receiveCount < redrive.maxReceiveCount) return false;
  const target = queueByArn(model, redrive.deadLetterTargetArn);
  // SQS takes a queue as its own dead-letter queue, where a message would be moved without end.
  if (!target || target === queue) return false;
  const now = model.timeline.now();
  removeMessage(queue, message);
  message.sourceArn = queue.arn;
  message.visibleAt = now;
  if (target.fifo) {
    message.sequenceNumber = nextSequenceNumber(model);
    message.sentAt = now;
  }
  addMessage(target, message, now);
  return true;
}

function show(model: Model, queue: QueueState, message: StoredMessage, { system, names }: Receive): object {
  const all: Record<string, string | number | undefined> = {
    SenderId: `AIDA${model.accountId}MEMORY`,
    SentTimestamp: message.sentAt,
    ApproximateReceiveCount: message.receiveCount,
    ApproximateFirstReceiveTimestamp: message.firstReceivedAt,
    SequenceNumber: message.sequenceNumber,
    MessageDeduplicationId: message.deduplicationId,
    MessageGroupId: message.groupId,
    AWSTraceHeader: message.traceHeader,
    DeadLetterQueueSourceArn: message.sourceArn,
  };
  const asked = Object.entries(all).filter(([name, value]) =>
    value !== undefined && (system.includes("All") || system.includes(name))
  ).map(([name, value]) => [name, String(value)]);
  const attributes = chosen(message.attributes, names);
  return {
    MessageId: message.id,
    ReceiptHandle: handleOf(queue.name, message),
    MD5OfBody: message.md5,
    Body: message.body,
    ...(asked.length > 0 && { Attributes: Object.fromEntries(asked) }),
    ...(attributes && { MessageAttributes: attributes, MD5OfMessageAttributes: md5OfAttributes(attributes) }),
  };
}

/** The attributes that were asked for: by name, all, or by `prefix.*`, whose dot need not be in the name. */
function chosen(
  attributes: Readonly<Record<string, WireAttribute>>,
  names: readonly string[],
): Record<string, WireAttribute> | undefined {
  const found = Object.entries(attributes).filter(([name]) =>
    names.some((asked) =>
      asked === "All" || asked === "*" || asked === name ||
      (asked.endsWith(".*") && name.startsWith(asked.slice(0, -2)))
    )
  );
  return found.length > 0 ? Object.fromEntries(found) : undefined;
}
