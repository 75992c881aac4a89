/**
 * How a queue's settlements travel: in batches, each entry with an outcome of its own.
 *
 * @module
 */
import { asError } from "../as_error.ts";
import { nowOf, pause } from "../broker.ts";
import type { AwsError } from "../errors.ts";
import { backoffSeconds } from "../http/retryable.ts";
import { type BatchFailure, batchRequest, entryError } from "../sqs/batch.ts";
import { sendTo } from "../topology/send_to.ts";
import type { PayloadStore } from "../types.ts";
import { batcher, type Entry } from "./batcher.ts";
import { type Consumer, type Lane, track } from "./consumer.ts";
import * as DEFAULTS from "./defaults.ts";
import { isLapsed } from "./held.ts";
import * as Phase from "./phase.ts";

/** The two batchers of a queue. */
export function laneBatchers(consumer: Consumer, lane: () => Lane): Pick<Lane, "deletes" | "changes"> {
  const { state } = consumer;
  const { clock } = state;
  // Nothing else can join: nothing is held, and no receive is under way on a queue that gives full batches.
  const hurry = () => consumer.unsettled === 0 && consumer.lanes.every(({ polls, target }) => !polls || target < 2);
  return {
    deletes: batcher({
      clock,
      // No heartbeat keeps a message whose ack waits: it leaves before one is due.
      hurry: (waiting) => hurry() || waiting.some(({ held }) => held.beatAt < nowOf(state) + consumer.linger * 1000),
      // With `ack: "none"` the loop waits for it, so that no other can come; at the end nothing is worth a long wait.
      linger: () =>
        consumer.deletesFirst
          ? 0
          : Math.min(consumer.linger, consumer.phase < Phase.Ending ? Infinity : DEFAULTS.ackLinger),
      send: async (batch) => {
        await sendBatch(consumer, lane(), "DeleteMessageBatch", batch);
        cleanUp(consumer, batch);
      },
    }),
    changes: batcher({
      clock,
      hurry,
      linger: () => 0,
      send: (batch) => sendBatch(consumer, lane(), "ChangeMessageVisibilityBatch", batch),
    }),
  };
}

/** Sends a batch, and once more those of its entries that failed for no fault of ours. */
async function sendBatch(consumer: Consumer, lane: Lane, action: string, batch: readonly Entry[]): Promise<void> {
  const { state, broker, onAttempt } = consumer;
  let left = batch;
  for (let attempt = 1;; attempt++) {
    const address = lane.address!;
    const entries = left.map(({ held: { message: { ReceiptHandle } }, seconds }, index) => ({
      Id: `${index}`,
      ReceiptHandle,
      VisibilityTimeout: seconds,
    }));
    let whole: Error | undefined;
    let failed: readonly BatchFailure[] = [];
    try {
      ({ failed } = await sendTo(broker, address, batchRequest(action, address.url, entries), { onAttempt }));
    } catch (error) {
      whole = error as Error; // of all that are left; what an earlier try confirmed stays so
    }
    for (const entry of left) entry.error = whole;
    if (!failed.length) return;
    for (const failure of failed) left[+failure.id].error = entryError(action, failure);
    left = left.filter(({ error }) => (error as AwsError | undefined)?.retryable);
    if (!left.length || attempt >= state.maxAttempts) return;
    await pause(state.clock, backoffSeconds(attempt, state.random), consumer.polling.signal);
  }
}

/** Removes the payloads of messages that are deleted, each from its store. Their slots are free meanwhile. */
function cleanUp(consumer: Consumer, batch: readonly Entry[]): void {
  const { state, broker, onAttempt, deletesFirst } = consumer;
  const stored = batch.filter(({ held, error }) =>
    // SQS says yes to an old handle and deletes nothing: another consumer may have the message and need its payload. With
    // `ack: "none"` the stream of a lazy payload is yet to be read.
    held.payload && !error && !isLapsed(held) && !(deletesFirst && held.payload.body === undefined)
  );
  const remove = async (store: PayloadStore, theirs: readonly Entry[]) => {
    consumer.owed++; // at once: the share that was kept for its message is free in a moment
    const locations = theirs.map(({ held }) => held.payload!.location);
    try {
      await store.cleanUp(locations, { broker, emit: state.emit, onAttempt });
    } catch (error) {
      state.emit({ type: "error", error: asError(error) });
    }
    consumer.owed--;
  };
  for (const store of new Set(stored.map(({ held }) => held.store!))) {
    const theirs = stored.filter(({ held }) => held.store === store);
    const removed = remove(store, theirs);
    track(consumer, removed);
    // What is acked before it is handed over waits for no more than that; who awaits another ack may end the process then.
    if (deletesFirst) continue;
    for (const entry of theirs) entry.after = removed;
  }
}
