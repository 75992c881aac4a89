import { md5Hex, md5OfAttributes } from "../../codec/md5.ts";
import { type Input, optionalInteger } from "../input.ts";
import type { StoredMessage } from "../message.ts";
import { attributesOf, bodyOf, entriesOf, idOf, MAX_BYTES, sizeOf } from "../message_checks.ts";
import { type Model, nextSequenceNumber, queueOf } from "../model.ts";
import { addMessage, forgetOld, numberOf, type QueueState } from "../queue.ts";
import { invalid, invalidValue, missing, SqsFault } from "../sqs_fault.ts";
import { uuidFrom } from "../random.ts";
import { eachEntry } from "./batch.ts";

/** SendMessage. */
export async function sendMessage(model: Model, input: Input): Promise<unknown> {
  const digests = await digestsFor(model, input, [input]);
  return send(model, queueOf(model, input), input, digests.get(input));
}

/**
 * SendMessageBatch: one limit for all bodies and attributes together, and one entry of a FIFO queue without its group or
 * deduplication id refuses them all.
 */
export async function sendMessageBatch(model: Model, input: Input): Promise<unknown> {
  const { fifo, attributes } = queueOf(model, input);
  const entries = entriesOf(input);
  for (const { MessageGroupId, MessageDeduplicationId } of fifo ? entries : []) {
    if (MessageGroupId == null) throw invalid(missing("MessageGroupId").message);
    if (MessageDeduplicationId == null && attributes.ContentBasedDeduplication !== "true") throw withoutDeduplication();
  }
  let bytes = 0;
  for (const { MessageBody, MessageAttributes } of entries) {
    if (typeof MessageBody !== "string") continue;
    bytes += sizeOf(MessageBody, (MessageAttributes ?? {}) as StoredMessage["attributes"]);
  }
  if (bytes > MAX_BYTES) {
    throw new SqsFault(
      "BatchRequestTooLong",
      `Batch requests cannot be longer than ${MAX_BYTES} bytes. You have sent ${bytes} bytes.`,
    );
  }
  const digests = await digestsFor(model, input, entries);
  const queue = queueOf(model, input);
  return eachEntry(entries, (entry) => send(model, queue, entry, digests.get(entry)));
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

function send(model: Model, queue: QueueState, input: Input, digest: string | undefined): object {
  const now = model.timeline.now();
  const body = bodyOf(input);
  const attributes = attributesOf(input);
  const limit = numberOf(queue, "MaximumMessageSize");
  if (sizeOf(body, attributes) > limit) {
    throw invalid(`One or more parameters are invalid. Reason: Message must be shorter than ${limit} bytes.`);
  }
  const system = attributesOf(input, "MessageSystemAttributes");
  const traceHeader = system.AWSTraceHeader?.StringValue;
  const groupId = idOf(input, "MessageGroupId");
  const deduplicationId = deduplicationIdOf(queue, input, groupId, digest);
  const delay = delayOf(queue, input);

  const checksums = {
    MD5OfMessageBody: md5Hex(body),
    ...(Object.keys(attributes).length > 0 && { MD5OfMessageAttributes: md5OfAttributes(attributes) }),
    ...(traceHeader !== undefined && { MD5OfMessageSystemAttributes: md5OfAttributes(system) }),
  };
  const scope = queue.attributes.DeduplicationScope === "messageGroup" ? `${groupId} ` : "";
  forgetOld(queue.sent, now);
  const original = queue.fifo && queue.sent.get(scope + deduplicationId);
  if (original) return { ...checksums, MessageId: original.id, SequenceNumber: original.sequenceNumber };

  const message: StoredMessage = {
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
    const sequenceNumber = message.sequenceNumber = nextSequenceNumber(model);
    queue.sent.set(scope + deduplicationId, { at: now, id: message.id, sequenceNumber });
  }
  addMessage(queue, message, now);
  return { ...checksums, MessageId: message.id, SequenceNumber: message.sequenceNumber };
}

function deduplicationIdOf(
  queue: QueueState,
  input: Input,
  groupId: string | undefined,
  digest: string | undefined,
): string | undefined {
  const id = idOf(input, "MessageDeduplicationId");
  if (!queue.fifo) {
    if (id !== undefined) throw otherType("MessageDeduplicationId", id);
    return undefined;
  }
  if (groupId === undefined) throw missing("MessageGroupId");
  if (id === undefined && digest === undefined) {
    throw withoutDeduplication();
  }
  return id ?? digest;
}

function withoutDeduplication(): SqsFault {
  return invalid(
    "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
  );
}

/** A delay of its own is for messages of standard queues only; 0 is none. */
function delayOf(queue: QueueState, input: Input): number {
  const delay = optionalInteger(input, "DelaySeconds", 0, 900);
  if (queue.fifo && delay) throw otherType("DelaySeconds", delay);
  return (queue.fifo ? undefined : delay) ?? numberOf(queue, "DelaySeconds");
}

function otherType(parameter: string, value: unknown): SqsFault {
  return invalidValue(parameter, value, "The request include parameter that is not valid for this queue type.");
}
