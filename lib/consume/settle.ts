/**
 * How a message is settled, once: deleted, made visible, or left to its timeout; and how it is kept hidden until then.
 *
 * @module
 */
import { nowOf } from "../broker.ts";
import { assertWithin, refuse } from "../check.ts";
import { AccessDeniedQueueError, type AwsError } from "../errors.ts";
import { MAX_VISIBILITY } from "../sqs/limits.ts";
import { sqsError } from "../sqs/sqs_error.ts";
import { carryOut, type Done } from "./batcher.ts";
import { track } from "./consumer.ts";
import { fail } from "./end.ts";
import {
  abandon,
  free,
  groupOf,
  heed,
  type Held,
  isLapsed,
  isOurs,
  move,
  noteHidden,
  secondsLeft,
  tell,
} from "./held.ts";
import { soon } from "./soon.ts";

/** Settles a message once: later calls get the promise of the first, unless that failed and may be tried again. */
export function settle(
  held: Held,
  type: "ack" | "release" | "reject" | undefined,
  work: (done: Done) => void,
  visibleAfter?: number,
): Promise<void> {
  if (held.settlement) return held.settlement;
  const { consumer } = held;
  const { state } = consumer;
  held.verb = type ?? "release";
  // From here on the heartbeat leaves it alone.
  if (held.where !== "gone") move(held, "settling");
  const settlement = held.settlement = new Promise<void>((resolve, reject) =>
    work((error, after) => {
      if (type && state.options.onEvent) report(held, type, visibleAfter, error);
      if ((error as AwsError | undefined)?.retryable) held.settlement = undefined;
      // It was not handed over, so that none of its group may be.
      if (consumer.deletesFirst && error) giveBackGroup(held);
      free(held);
      if (!error) return resolve(after);
      if (error instanceof AccessDeniedQueueError) fail(consumer, error);
      settlement.catch(() => {}); // an event has told it; nobody need await it
      reject(error);
    })
  );
  // The end waits for what is held. A message that lapsed is not, so it is told to wait for this.
  if (held.where === "gone") track(consumer, settlement);
  return settlement;
}

/** Deletes a message. */
export function ack(held: Held): Promise<void> {
  return settle(held, "ack", (done) => held.lane.deletes.add(held, done));
}

/** Makes a message visible again, now or after some seconds. */
export function release(held: Held, visibleAfter = 0, type: "release" | "reject" = "release"): Promise<void> {
  const seconds = Math.min(Math.trunc(visibleAfter), secondsLeft(held));
  if (!held.settlement) giveBackGroup(held);
  return settle(held, type, (done) => hide(held, seconds, done), seconds);
}

/** Gives a message up without a request: it comes again when its timeout is over. */
export function leave(held: Held, type?: "reject"): Promise<void> {
  if (!held.settlement) giveBackGroup(held);
  return settle(held, type, soon);
}

async function hide(held: Held, seconds: number, done: Done): Promise<void> {
  // A heartbeat that arrived after us would undo it.
  await held.extending?.catch(() => {});
  // SQS takes an old handle, and would change what another consumer has by now.
  if (isLapsed(held)) return done(notOurs());
  held.lane.changes.add(held, done, seconds);
}

/** FIFO: what is held of the message's group goes back too, or it would overtake the message. */
export function giveBackGroup(held: Held): void {
  let later = false;
  for (const other of held.lane.groups[groupOf(held)] ?? []) {
    if (other === held) later = true;
    else if (later && isOurs(other)) {
      abandon(other);
      settle(other, "release", (done) => hide(other, 0, done), 0);
    }
  }
}

/** Asks SQS to hide a message for some seconds from now. A release and the consumer's end wait for it. */
export async function hideFor(held: Held, seconds: number): Promise<void> {
  const from = nowOf(held.consumer.state);
  track(held.consumer, held.extending = carryOut(held.lane.changes, held, seconds));
  try {
    await held.extending;
    // SQS takes an old handle: what lapsed while this was on its way may be another's by now, and is not handed over.
    const fresh = held.handedAt || held.hiddenUntil <= from || !isLapsed(held);
    if (fresh && isOurs(held)) noteHidden(held, from, seconds);
  } finally {
    held.extending = undefined;
    heed(held); // the watch left it out meanwhile
  }
}

/** Keeps a message hidden for some seconds from now. */
export async function extend(held: Held, seconds: number): Promise<void> {
  // One after the other, and none after a settlement, which it would undo.
  while (held.extending) await held.extending.catch(() => {});
  let error: unknown;
  try {
    assertWithin("seconds", seconds, 0, MAX_VISIBILITY);
    if (held.where !== "out" || isLapsed(held)) throw notOurs();
    const most = secondsLeft(held);
    if (seconds > most) refuse("seconds", `${most} at the most, as SQS allows 12 hours in all`, seconds);
    await hideFor(held, seconds);
  } catch (cause) {
    error = cause;
    throw cause;
  } finally {
    report(held, "extend", seconds, error);
  }
}

/** Tells what came of a verb. */
function report(
  held: Held,
  type: "ack" | "release" | "reject" | "extend",
  visibleAfter: number | undefined,
  error: unknown,
): void {
  const seconds = (nowOf(held.consumer.state) - (held.handedAt ?? held.receivedAt)) / 1000;
  tell(held, { type, seconds, visibleAfter, error: error as Error | undefined });
}

function notOurs(): AwsError {
  const awsCode = "MessageNotInflight";
  return sqsError("ChangeMessageVisibility", { status: 0, retryable: false, awsCode, message: "it is not ours" });
}
