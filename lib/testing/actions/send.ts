import { md5Hex, md5OfAttributes } from "../../codec/md5.ts";
import type { WireAttribute } from "../../types.ts";
import { type Input, optionalInteger } from "../input.ts";
import type { StoredMessage } from "../message.ts";
import { attributesOf, bodyOf, entriesOf, idOf, MAX_BYTES, sizeOf, systemAttributesOf } from "../message_checks.ts";
import { type Model, nextSequenceNumber, queueOf } from "../model.ts";
import { addMessage, forgetOld, numberOf, type QueueState } from "../queue.ts";
import { invalid, invalidValue, missing, SqsFault } from "../sqs_fault.ts";
import { uuidFrom } from "../random.ts";
import { eachEntry } from "./batch.ts";

/** What SQS calls a message of a batch. */
const ENTRY = "SendMessageBatchRequestEntry";

/** A message that SQS takes. */
interface Checked extends Pick<StoredMessage, "body" | "attributes" | "groupId" | "deduplicationId"> {
  readonly system: Readonly<Record<string, WireAttribute>>;
  /** Seconds. */
  readonly delay: number;
}

/** SendMessage. */
export async function sendMessage(model: Model, input: Input): Promise<unknown> {
  const digests = await digestsFor(model, input, [input]);
  const queue = queueOf(model, input);
  return store(model, queue, check(queue, input, digests.get(input)));
}

/**
 * SendMessageBatch: one limit for all bodies and attributes together. One wrong entry refuses the whole batch for a FIFO
 * queue, whose order would have a gap.
 */
export async function sendMessageBatch(model: Model, input: Input): Promise<unknown> {
  queueOf(model, input);
  const entries = entriesOf(input, ENTRY);
  let bytes = 0;
  for (const { MessageBody, MessageAttributes } of entries) {
    if (typeof MessageBody === "string") bytes += sizeOf(MessageBody, MessageAttributes);
  }
  if (bytes > MAX_BYTES) {
    throw new SqsFault(
      "BatchRequestTooLong",
      `Batch requests cannot be longer than ${MAX_BYTES} bytes. You have sent ${bytes} bytes.`,
    );
  }
  const digests = await digestsFor(model, input, entries);
  const queue = queueOf(model, input);
  const checked = (entry: Input, index: number) => check(queue, entry, digests.get(entry), index + 1);
  if (queue.fifo) entries.forEach(checked);
  return eachEntry(entries, (entry, index) => store(model, queue, checked(entry, index)));
}

/** The deduplication ids that a FIFO queue makes of bodies. */
async function digestsFor(model: Model, input: Input, messages: readonly Input[]): Promise<Map<Input, string>> {
  const digests = new Map<Input, string>();
  if (queueOf(model, input).attributes.ContentBasedDeduplication !== "true") return digests;
  const end = model.timeline.begin();
  try {
    for (const message of messages) {
      if (typeof message.MessageBody !== "string") continue;
      const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(message.MessageBody));
      digests.set(message, Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join(""));
    }
  } finally {
    end();
  }
  return digests;
}

/**
 * Checks a message for a queue.
 *
 * @param place Which entry of a batch it is, from 1: SQS words some of its errors in another way then.
 */
function check(queue: QueueState, input: Input, digest: string | undefined, place?: number): Checked {
  const body = bodyOf(input, place === undefined ? undefined : `${ENTRY}.${place}.MessageBody`);
  const attributes = attributesOf(input);
  const limit = numberOf(queue, "MaximumMessageSize");
  if (sizeOf(body, attributes) > limit) {
    const are = place === undefined || queue.fifo ? "are invalid" : "cannot be validated";
    throw invalid(`One or more parameters ${are}. Reason: Message must be shorter than ${limit} bytes.`);
  }
  const system = systemAttributesOf(input);
  const groupId = idOf(input, "MessageGroupId");
  if (queue.fifo && groupId === undefined) {
    const fault = missing("MessageGroupId");
    throw place === undefined ? fault : invalid(fault.message);
  }
  const deduplicationId = deduplicationIdOf(queue, input, digest);
  return { body, attributes, system, groupId, deduplicationId, delay: delayOf(queue, input) };
}

function store(model: Model, queue: QueueState, message: Checked): object {
  const { body, attributes, system, groupId, deduplicationId, delay } = message;
  const now = model.timeline.now();
  const traceHeader = system.AWSTraceHeader?.StringValue;
  const checksums = {
    MD5OfMessageBody: md5Hex(body),
    ...(Object.keys(attributes).length > 0 && { MD5OfMessageAttributes: md5OfAttributes(attributes) }),
    ...(traceHeader !== undefined && { MD5OfMessageSystemAttributes: md5OfAttributes(system) }),
  };
  const scope = queue.attributes.DeduplicationScope === "messageGroup" ? `${groupId} ` : "";
  forgetOld(queue.sent, now);
  const original = queue.fifo && queue.sent.get(scope + deduplicationId);
  if (original) return { ...checksums, MessageId: original.id, SequenceNumber: original.sequenceNumber };

  const stored: StoredMessage = {
    id: uuidFrom(model.random),
    body,
    md5: checksums.MD5OfMessageBody,
    attributes,
    traceHeader,
    groupId,
    deduplicationId,
    sentAt: now,
    visibleAt: now + delay * 1000,
    inFlight: false,
    receiveCount: 0,
    receivedAt: 0,
    receiveNumber: 0,
    turn: 0,
  };
  if (queue.fifo) {
    const sequenceNumber = stored.sequenceNumber = nextSequenceNumber(model);
    queue.sent.set(scope + deduplicationId, { at: now, id: stored.id, sequenceNumber });
  }
  addMessage(queue, stored, now);
  return { ...checksums, MessageId: stored.id, SequenceNumber: stored.sequenceNumber };
}

function deduplicationIdOf(queue: QueueState, input: Input, digest: string | undefined): string | undefined {
  const id = idOf(input, "MessageDeduplicationId");
  if (!queue.fifo) {
    if (id !== undefined) throw otherType("MessageDeduplicationId", id);
    return undefined;
  }
  if (id === undefined && digest === undefined) {
    throw invalid(
      "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
    );
  }
  return id ?? digest;
}

/** A delay of its own is for messages of standard queues only; 0 is none. */
function delayOf(queue: QueueState, input: Input): number {
  const delay = optionalInteger(input, "DelaySeconds", 0, 900, "DelaySeconds must be >= 0 and <= 900.");
  if (queue.fifo && delay) throw otherType("DelaySeconds", delay);
  return (queue.fifo ? undefined : delay) ?? numberOf(queue, "DelaySeconds");
}

function otherType(parameter: string, value: unknown): SqsFault {
  return invalidValue(parameter, value, "The request include parameter that is not valid for this queue type.");
}
