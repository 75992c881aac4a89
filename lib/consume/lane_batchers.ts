/**
 * How a queue's settlements travel: in batches, each entry with an outcome of its own.
 *
 * @module
 */
import { asError } from "../as_error.ts";
import { nowOf, pause } from "../broker.ts";
import type { AwsError } from "../errors.ts";
import { backoffSeconds } from "../http/retryable.ts";
import { type BatchFailure, batchRequest, entryError, type WireEntry } from "../sqs/batch.ts";
import { sendTo } from "../topology/send_to.ts";
import type { PayloadStore } from "../types.ts";
import { batcher } from "./batcher.ts";
import { type Consumer, type Lane, track } from "./consumer.ts";
import * as DEFAULTS from "./defaults.ts";
import { type Held, isLapsed } from "./held.ts";
import * as Phase from "./phase.ts";

/** The two batchers of a queue. */
export function laneBatchers(consumer: Consumer, lane: () => Lane): Pick<Lane, "deletes" | "changes"> {
  const { state } = consumer;
  const { clock } = state;
  // Nothing else can join: nothing is held, and no receive is under way on a queue that gives full batches.
  const hurry = () => consumer.unsettled === 0 && consumer.lanes.every(({ polls, target }) => !polls || target < 2);
  return {
    deletes: batcher<Held>({
      clock,
      // No heartbeat keeps a message whose ack waits: it leaves before one is due.
      hurry: (waiting) => hurry() || waiting.some(({ entry }) => entry.beatAt < nowOf(state) + consumer.linger * 1000),
      // What is awaited before it is handed over has no others to wait for; at the end nothing is worth a long wait.
      linger: () =>
        consumer.deletesFirst
          ? 0
          : Math.min(consumer.linger, consumer.phase < Phase.Ending ? Infinity : DEFAULTS.ackLinger),
      send: async (entries) => {
        const wire = entries.map(({ message: { ReceiptHandle } }, index) => ({ Id: `${index}`, ReceiptHandle }));
        const outcomes = await sendEntries(consumer, lane(), "DeleteMessageBatch", wire);
        const cleaned = cleanUp(consumer, entries, outcomes);
        // Nothing waits for what get() leaves under way, so its ack does.
        if (consumer.phase === Phase.Closed) await cleaned;
        return outcomes;
      },
    }),
    changes: batcher({
      clock,
      hurry,
      linger: () => 0,
      send: (entries) => {
        const wire = entries.map(({ held: { message: { ReceiptHandle } }, seconds }, index) => ({
          Id: `${index}`,
          ReceiptHandle,
          VisibilityTimeout: seconds,
        }));
        return sendEntries(consumer, lane(), "ChangeMessageVisibilityBatch", wire);
      },
    }),
  };
}

/** Sends a batch, and once more those of its entries that failed for no fault of ours. */
async function sendEntries(
  consumer: Consumer,
  lane: Lane,
  action: string,
  entries: readonly WireEntry[],
): Promise<(Error | undefined)[]> {
  const { state, broker, onAttempt } = consumer;
  const outcomes: (Error | undefined)[] = [];
  let left = entries;
  for (let attempt = 1;; attempt++) {
    const address = lane.address!;
    let whole: Error | undefined;
    let failed: readonly BatchFailure[] = [];
    try {
      ({ failed } = await sendTo(broker, address, batchRequest(action, address.url, left), { onAttempt }));
    } catch (error) {
      whole = error as Error; // of those that were asked again: what was confirmed before stays so
    }
    for (const { Id } of left) outcomes[+Id] = whole;
    if (!failed.length) return outcomes;
    for (const failure of failed) outcomes[+failure.id] = entryError(action, failure);
    left = left.filter(({ Id }) => (outcomes[+Id] as AwsError | undefined)?.retryable);
    if (!left.length || attempt >= state.maxAttempts) return outcomes;
    await pause(state.clock, backoffSeconds(attempt, state.random), consumer.polling.signal);
  }
}

/** Removes the payloads of messages that are deleted, each from its store: `closed` waits for it. */
function cleanUp(
  consumer: Consumer,
  entries: readonly Held[],
  outcomes: readonly (Error | undefined)[],
): Promise<unknown> | void {
  const { state, broker, onAttempt, deletesFirst } = consumer;
  const stored = entries.filter((held, index) =>
    // SQS takes an old handle, and leaves the message to who has it by now. With `ack: "none"` the stream of a lazy one is
    // yet to be read.
    held.payload && !outcomes[index] && !isLapsed(held) && !(deletesFirst && held.payload.body === undefined)
  );
  if (!stored.length) return;
  const removeFrom = async (store: PayloadStore) => {
    consumer.owed++; // before its message makes room for others
    const locations = stored.filter((held) => held.store === store).map(({ payload }) => payload!.location);
    try {
      await store.cleanUp(locations, { broker, emit: state.emit, onAttempt });
    } catch (error) {
      state.emit({ type: "error", error: asError(error) });
    }
    consumer.owed--;
  };
  const work = Promise.all(Array.from(new Set(stored.map(({ store }) => store!)), removeFrom));
  track(consumer, work);
  return work;
}
