import { awsNow, nowOf, pause } from "../broker.ts";
import type { Delivery } from "../consume/delivery.ts";
import { GOOD_FOR } from "../consume/figures.ts";
import { park } from "../consume/park.ts";
import { AccessDeniedQueueError } from "../errors.ts";
import { getQueueAttributes } from "../sqs/get_queue_attributes.ts";
import { MAX_VISIBILITY } from "../sqs/limits.ts";
import { resolveQueue } from "../topology/resolve_queue.ts";
import { sendTo } from "../topology/send_to.ts";
import { onAnyAbort } from "./on_any_abort.ts";
import { nameOf } from "./request.ts";
import type { Worker } from "./worker.ts";

/** What is due within so many seconds is held, which costs no receive; what is due later is hidden in the queue. */
const HOLD = 60;
/** The most tasks that are held so. */
const MOST_HELD = 1000;
/** Seconds of the 12 hours that are left to requests. */
const MARGIN = 60;

/** How far a queue carries a message. */
interface Reach {
  readonly until: number;
  /** Receives until a message goes to the dead-letter queue. */
  readonly maxReceiveCount: number;
  /** Seconds that the queue keeps a message for. */
  readonly retention: number;
}

/**
 * Waits until a task is due. What is near is held, under the heartbeat; what is far is hidden by SQS, 12 hours at the most
 * each time, and that costs a receive of the redrive policy's `maxReceiveCount`: where none is left, it is held, too.
 *
 * @returns True when it is due; false if it was given back to the queue.
 */
export async function untilDue(worker: Worker, delivery: Delivery<unknown>, eta: Date): Promise<boolean> {
  const { state, stopping } = worker;
  const left = () => (+eta - awsNow(state)) / 1000;
  if (left() <= 0) return true;
  const far = left() > HOLD;
  if (far || worker.parked >= MOST_HELD) {
    const { maxReceiveCount, retention } = await reachOf(worker, delivery);
    const longest = MAX_VISIBILITY - MARGIN;
    // Each time it is hidden ends with a receive, and after the last one allowed it can only be held.
    const times = Math.ceil(left() / longest);
    const receives = delivery.receiveCount + times;
    const tooOld = +eta > +delivery.sentAt + retention * 1000;
    const unreachable = tooOld || receives - 1 > maxReceiveCount;
    if (unreachable) state.emit({ type: "etaUnreachable", ...nameOf(delivery), queue: delivery.queue, eta });
    else worker.tell("deferred", delivery, { eta });
    if (tooOld || delivery.receiveCount < maxReceiveCount || times > 1) {
      await hide(delivery, Math.min(left(), longest));
      return false;
    }
  }
  const unpark = park(delivery);
  worker.parked++;
  const ended = new AbortController();
  const callOff = onAnyAbort([stopping.signal, delivery.signal], () => ended.abort());
  try {
    // One request for the whole wait. Where it fails the heartbeat goes on.
    if (far) await delivery.extend(Math.ceil(left()) + MARGIN / 2).catch(() => {});
    while (left() > 0 && !ended.signal.aborted) await pause(state.clock, left(), ended.signal);
    if (!ended.signal.aborted) return true;
    await hide(delivery, left());
    return false;
  } finally {
    callOff();
    worker.parked--;
    unpark();
  }
}

/** Gives a task back that is not due, hidden until it is; never a moment less. */
async function hide(delivery: Delivery<unknown>, seconds: number): Promise<void> {
  if (delivery.signal.aborted) return await delivery.leave(); // it is not ours to hide
  const visibleAfter = Math.min(Math.max(0, Math.ceil(seconds)), MAX_VISIBILITY);
  await delivery.release({ visibleAfter }).catch(() => {}); // an event has told it; the message comes again
}

async function reachOf({ broker, state, stopping: { signal } }: Worker, delivery: Delivery<unknown>): Promise<Reach> {
  const key = `reach ${delivery.queueUrl}`;
  const known = state.settled.get(key) as Reach | undefined;
  if (known && known.until > nowOf(state)) return known;
  let found: Readonly<Record<string, string>> = {};
  let goodFor = GOOD_FOR;
  try {
    const address = await resolveQueue(broker, delivery.queue, { signal });
    const attributeNames = ["RedrivePolicy", "MessageRetentionPeriod"];
    const request = getQueueAttributes({ queueUrl: address.url, attributeNames });
    found = (await sendTo(broker, address, request, { signal })).attributes;
  } catch (error) {
    // Where it can't be read, it is taken for a queue without limits; what may pass, for this task alone.
    if (!(error instanceof AccessDeniedQueueError)) goodFor = 0;
  }
  const reach = {
    until: nowOf(state) + goodFor * 1000,
    maxReceiveCount: Number(/"maxReceiveCount"\s*:\s*"?(\d+)/.exec(found.RedrivePolicy ?? "")?.[1] ?? Infinity),
    retention: Number(found.MessageRetentionPeriod ?? Infinity),
  };
  state.settled.set(key, reach);
  return reach;
}
