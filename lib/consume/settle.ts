/**
 * How messages are settled: deleted, made visible, kept hidden, in batches, each entry with an outcome of its own.
 *
 * @module
 */
import { nowOf, pause } from "../broker.ts";
import { assertWithin } from "../check.ts";
import { AccessDeniedQueueError, AwsError, ConfigError, ReceiptExpiredError } from "../errors.ts";
import { backoffSeconds } from "../http/retryable.ts";
import { send } from "../http/send.ts";
import { batchRequest, entryError, type WireEntry } from "../sqs/batch.ts";
import { MAX_BATCH, MAX_VISIBILITY } from "../sqs/limits.ts";
import { batcher, carryOut, type Done } from "./batcher.ts";
import {
  abandon,
  type Consumer,
  free,
  type Held,
  type Lane,
  move,
  Phase,
  secondsInFlight,
  sending,
  track,
  visibleFor,
} from "./consumer.ts";
import { fail } from "./end.ts";
import { CONSUME_DEFAULTS } from "./options.ts";

/** The two batchers of a queue. */
export function laneBatchers(consumer: Consumer, lane: () => Lane): Pick<Lane, "deletes" | "changes"> {
  const { state: { clock } } = consumer;
  // Nothing else can join: nothing is held, and no receive is under way on a queue that gives full batches.
  const hurry = () => consumer.unsettled === 0 && consumer.lanes.every(({ polls, target }) => !polls || target < 2);
  const options = { size: MAX_BATCH, clock, hurry };
  return {
    deletes: batcher({
      ...options,
      // At the end nothing is worth a long wait.
      linger: () => Math.min(consumer.linger, consumer.phase < Phase.Ending ? Infinity : CONSUME_DEFAULTS.ackLinger),
      send: async (entries) => {
        const wire = entries.map(({ message: { ReceiptHandle } }, index) => ({ Id: `${index}`, ReceiptHandle }));
        const outcomes = await sendEntries(consumer, lane(), "DeleteMessageBatch", wire);
        const cleaned = cleanUp(consumer, entries.filter((_, index) => !outcomes[index]));
        // Nothing waits for what get() leaves under way, so its ack does.
        if (consumer.phase === Phase.Closed) await cleaned;
        return outcomes;
      },
    }),
    changes: batcher({
      ...options,
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
  const { state, broker } = consumer;
  const outcomes: (AwsError | undefined)[] = entries.map(() => undefined);
  let left = entries;
  for (let attempt = 1;; attempt++) {
    const { failed } = await send(broker, batchRequest(action, lane.address!.url, left), sending(consumer, lane));
    for (const { Id } of left) outcomes[+Id] = undefined;
    for (const failure of failed) outcomes[+failure.id] = entryError(action, failure);
    left = left.filter(({ Id }) => outcomes[+Id]?.retryable);
    if (!left.length || attempt >= state.maxAttempts) return outcomes;
    await pause(state.clock, backoffSeconds(attempt, state.random), consumer.polling.signal);
  }
}

/** Removes the payloads of messages that are deleted: `closed` waits for it. */
function cleanUp(consumer: Consumer, gone: readonly Held[]): Promise<void> | void {
  const { broker, state } = consumer;
  const locations = gone.flatMap(({ payload }) => payload ? [payload.location] : []);
  if (!locations.length || !state.options.payloads) return;
  const context = { broker, emit: state.emit, onAttempt: () => void consumer.requests++ };
  const work = state.options.payloads.cleanUp(locations, context).catch((error) =>
    state.emit({ type: "error", error })
  );
  track(consumer, work);
  return work;
}

/**
 * Settles a message once. The first settlement counts and later ones get its promise, but one that failed and may be
 * tried again is.
 */
export function settle(
  held: Held,
  type: "ack" | "release" | "reject" | undefined,
  work: (done: Done) => void,
  visibleAfter?: number,
): Promise<void> {
  return held.settlement ??= settleNow(held, type, work, visibleAfter);
}

function settleNow(
  held: Held,
  type: "ack" | "release" | "reject" | undefined,
  work: (done: Done) => void,
  visibleAfter?: number,
): Promise<void> {
  const { consumer, lane, message } = held;
  const { state } = consumer;
  const since = held.handedAt ?? held.receivedAt;
  held.verb = type ?? "release";
  // From here on the heartbeat leaves it alone.
  if (held.where !== "gone") move(held, "settling");
  const settlement = new Promise<void>((resolve, reject) =>
    work((error) => {
      if (type && state.options.onEvent) {
        state.emit({
          type,
          queue: lane.name,
          messageId: message.MessageId,
          seconds: (nowOf(state) - since) / 1000,
          visibleAfter,
          error: error as Error | undefined,
        });
      }
      if (error instanceof AwsError && error.retryable) held.settlement = undefined;
      free(held);
      if (!error) return resolve();
      if (error instanceof AccessDeniedQueueError) fail(consumer, error);
      settlement.catch(() => {}); // an event has told it; nobody need await it
      reject(error);
    })
  );
  return settlement;
}

/** Deletes a message. */
export function ack(held: Held): Promise<void> {
  return settle(held, "ack", (done) => held.lane.deletes.add(held, done));
}

/** Makes a message visible again, now or after some seconds. */
export function release(held: Held, visibleAfter = 0, type: "release" | "reject" = "release"): Promise<void> {
  const seconds = Math.max(0, Math.min(Math.trunc(visibleAfter), secondsInFlight(held, MAX_VISIBILITY)));
  if (!held.settlement) giveBackGroup(held);
  return settle(held, type, (done) => hide(held, seconds, done), seconds);
}

/** Gives a message up without a request: it comes again when its timeout is over. */
export function leave(held: Held, type?: "reject"): Promise<void> {
  if (!held.settlement) giveBackGroup(held);
  return settle(held, type, (done) => queueMicrotask(done));
}

async function hide(held: Held, seconds: number, done: Done): Promise<void> {
  // A heartbeat that arrived after us would undo it.
  await held.extending?.catch(() => {});
  held.lane.changes.add({ held, seconds }, done);
}

/** FIFO: what is held of the message's group goes back too, or it would overtake the message. */
export function giveBackGroup(held: Held): void {
  const group = held.message.Attributes?.MessageGroupId;
  if (!held.lane.address?.fifo || !group) return;
  let later = false;
  for (const other of held.consumer.held) {
    // The list keeps the order of receipt, which is the group's.
    if (other === held) later = true;
    else if (
      later && other.lane === held.lane && other.message.Attributes?.MessageGroupId === group &&
      (other.where === "buffer" || other.where === "out")
    ) {
      abandon(other, new DOMException("An earlier message of the group went back to the queue", "AbortError"));
      settle(other, "release", (done) => hide(other, 0, done), 0);
    }
  }
}

/** Keeps a message hidden for some seconds from now. */
export async function extend(held: Held, seconds: number): Promise<void> {
  const { consumer: { state }, lane } = held;
  // One after the other, and none after a settlement, which it would undo.
  while (held.extending && held.where === "out") await held.extending.catch(() => {});
  let error: Error | undefined;
  let change: Promise<void> | undefined;
  try {
    assertExtends(held, seconds);
    const from = nowOf(state);
    await (change = held.extending = carryOut(lane.changes, { held, seconds }));
    if (held.where === "out") visibleFor(held, from, seconds);
  } catch (cause) {
    error = cause as Error;
    throw cause;
  } finally {
    if (change && held.extending === change) held.extending = undefined;
    state.emit({
      type: "extend",
      queue: lane.name,
      messageId: held.message.MessageId,
      seconds: (nowOf(state) - (held.handedAt ?? held.receivedAt)) / 1000,
      visibleAfter: seconds,
      error,
    });
  }
}

function assertExtends(held: Held, seconds: number): void {
  assertWithin("seconds", seconds, 0, MAX_VISIBILITY);
  if (held.where !== "out") {
    throw new ReceiptExpiredError("Cannot extend as the message is settled or visible again", {
      service: "sqs",
      action: "ChangeMessageVisibility",
      status: 0,
      awsCode: "MessageNotInflight",
      retryable: false,
    });
  }
  const most = Math.max(0, secondsInFlight(held, MAX_VISIBILITY));
  if (seconds > most) {
    throw new ConfigError(
      `Cannot extend by ${seconds} s as SQS keeps a message in flight for 12 hours in all: at most ${most} s are left`,
    );
  }
}
