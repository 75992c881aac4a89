import { type Input, optionalInteger, text } from "../input.ts";
import { readHandle, type StoredMessage } from "../message.ts";
import { entriesOf } from "../message_checks.ts";
import { type Model, queueOf } from "../model.ts";
import { hideMessage, type QueueState, removeMessage } from "../queue.ts";
import { invalidValue, missing, SqsFault } from "../sqs_fault.ts";
import { eachEntry } from "./batch.ts";

/** Milliseconds in flight that no message may exceed: 12 hours from the receive. */
const MAX_IN_FLIGHT = 43_200_000;

/** DeleteMessage. */
export function deleteMessage(model: Model, input: Input): unknown {
  remove(queueOf(model, input), text(input, "ReceiptHandle"));
  return {};
}

/** DeleteMessageBatch. */
export function deleteMessageBatch(model: Model, input: Input): unknown {
  const queue = queueOf(model, input);
  return eachEntry(entriesOf(input, "DeleteMessageBatchRequestEntry"), (entry) => {
    const handle = text(entry, "ReceiptHandle");
    if (queue.fifo && expired(queue, handle)) {
      throw new SqsFault("ReceiptHandleIsInvalid", "The receipt handle has expired");
    }
    remove(queue, handle);
    return {};
  });
}

/** ChangeMessageVisibility: counts from the call. */
export function changeMessageVisibility(model: Model, input: Input): unknown {
  const queue = queueOf(model, input);
  hide(model, queue, input);
  return {};
}

/** ChangeMessageVisibilityBatch. */
export function changeMessageVisibilityBatch(model: Model, input: Input): unknown {
  const queue = queueOf(model, input);
  return eachEntry(entriesOf(input, "ChangeMessageVisibilityBatch"), (entry) => {
    hide(model, queue, entry);
    return {};
  });
}

/** The message that a handle names, and whether the handle is from its latest receive. */
function find(queue: QueueState, handle: string): { message?: StoredMessage; latest: boolean } {
  const read = readHandle(queue.name, handle);
  if (!read) {
    throw new SqsFault("ReceiptHandleIsInvalid", `The input receipt handle "${handle}" is not a valid receipt handle.`);
  }
  const message = queue.messages.get(read.id);
  return { message, latest: message?.receiveNumber === read.receiveNumber };
}

/** True for a message that is still there and no longer the handle's. */
function expired(queue: QueueState, handle: string): boolean {
  const { message, latest } = find(queue, handle);
  return message !== undefined && !(latest && message.inFlight);
}

/**
 * Deletes by handle. A standard queue takes an old handle and does nothing, and the latest one also when the visibility
 * timeout is over; a FIFO queue refuses both.
 */
function remove(queue: QueueState, handle: string): void {
  const { message, latest } = find(queue, handle);
  if (queue.fifo && expired(queue, handle)) {
    throw invalidValue("ReceiptHandle", handle, "The receipt handle has expired.");
  }
  if (message && latest) removeMessage(queue, message);
}

/**
 * Hides by handle. In a standard queue any handle will do while the message is there, also where it is visible again or
 * another consumer has it; a FIFO queue refuses both.
 */
function hide(model: Model, queue: QueueState, input: Input): void {
  const handle = text(input, "ReceiptHandle");
  const seconds = optionalInteger(input, "VisibilityTimeout", 0, 43_200);
  if (seconds === undefined) throw missing("VisibilityTimeout");
  const { message } = find(queue, handle);
  if (!message || (queue.fifo && expired(queue, handle))) {
    throw invalidValue(
      "ReceiptHandle",
      handle,
      "Message does not exist or is not available for visibility timeout change.",
    );
  }
  const now = model.timeline.now();
  if (now + seconds * 1000 > message.receivedAt + MAX_IN_FLIGHT) {
    throw invalidValue(
      "VisibilityTimeout",
      seconds,
      "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]",
    );
  }
  hideMessage(queue, message, now + seconds * 1000, now);
}
