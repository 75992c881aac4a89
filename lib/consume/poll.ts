/**
 * The side of the consumer that asks: it receives, and goes on after what fails.
 *
 * @module
 */
import { nowOf, pause } from "../broker.ts";
import type { AwsError } from "../errors.ts";
import { backoffSeconds } from "../http/retryable.ts";
import { receiveChecked } from "../sqs/receive_checked.ts";
import type { ReceiveMessageOutput } from "../sqs/receive_message.ts";
import { sendTo } from "../topology/send_to.ts";
import type { AwsRequest, SqsMessage } from "../types.ts";
import { arrive } from "./arrive.ts";
import { attributesOf } from "./attributes_of.ts";
import { choose } from "./choose.ts";
import { type Consumer, type Lane, track } from "./consumer.ts";
import { affordable, longestWait, roomOf, shareOf, wanting } from "./demand.ts";
import { end, fail, finish } from "./end.ts";
import { LEAST_REST, REST_BASE, REST_MOST, TURN } from "./figures.ts";
import * as Phase from "./phase.ts";

/** Starts every receive that may start now. */
export function pump(consumer: Consumer): void {
  const { settings } = consumer;
  while (consumer.phase === Phase.Open) {
    const room = roomOf(consumer);
    if (room < 1) {
      // Full, while the loop waits: if that lasts, the watch tells it.
      if (consumer.waiters.length && consumer.held.size >= settings.prefetch && consumer.fullSince === undefined) {
        consumer.fullSince = nowOf(consumer.state);
        consumer.wake();
      }
      // The budget has no room for a receive, and nothing is under way that may give back what was kept for it.
      const { held, unsettled, busy } = consumer;
      if (affordable(consumer) < 1 && held.size === unsettled && !(busy + unfinished(consumer))) finish(consumer);
      return;
    }
    consumer.fullSince = undefined;
    const lane = choose(consumer, wanting(consumer, room), "pollCredit");
    if (!lane) return;
    const many = consumer.lanes.length > 1;
    const long = !many || lane.idle;
    track(consumer, poll(consumer, lane, many && long ? Math.min(room, shareOf(consumer)) : room, long));
  }
}

/** The request of a receive; the same one once more needs neither writing nor signing. */
function requestFor(
  consumer: Consumer,
  lane: Lane,
  asked: number,
  wait: number,
  attemptId: string | undefined,
): AwsRequest<ReceiveMessageOutput> {
  const key = `${asked} ${wait} ${attemptId}`;
  if (lane.request?.key !== key) {
    const attributes = attributesOf(consumer, lane);
    lane.vague = attributes.MessageAttributeNames?.[0] !== "All" && !lane.address!.url.includes(".amazonaws.");
    const request = receiveChecked({
      QueueUrl: lane.address!.url,
      MaxNumberOfMessages: asked,
      WaitTimeSeconds: wait,
      VisibilityTimeout: lane.sendTimeout,
      ReceiveRequestAttemptId: attemptId,
      ...attributes,
    });
    lane.request = { key, request };
  }
  return lane.request.request;
}

/** One receive, and what follows from its answer. */
async function poll(consumer: Consumer, lane: Lane, asked: number, long?: boolean): Promise<void> {
  const { state, broker, settings, polling } = consumer;
  let sentAt = nowOf(state);
  // The timer of `maxSeconds` stood still while the machine slept.
  if (sentAt > consumer.deadline) return void end(consumer);
  const address = lane.address!;
  // A receive that is asked again under its id may bring as many as it asked for first.
  const again = lane.again.findIndex((failed) => failed.asked <= asked);
  const attempt = again < 0
    ? { id: address.fifo ? crypto.randomUUID() : undefined, asked }
    : lane.again.splice(again, 1)[0];
  asked = attempt.asked;
  const wait = long ? longestWait(consumer) : 0;
  let tries = 0;
  let messages: readonly SqsMessage[] | undefined;
  let failure: unknown;
  lane.polls++;
  consumer.receives++;
  consumer.reserved += asked;
  consumer.requests++;
  try {
    const request = requestFor(consumer, lane, asked, wait, attempt.id);
    ({ messages } = await sendTo(broker, address, request, {
      signal: polling.signal,
      maxAttempts: 1,
      onAttempt: () => {
        sentAt = nowOf(state);
        if (tries++) consumer.requests++;
      },
    }));
  } catch (error) {
    failure = error;
  }
  lane.polls--;
  consumer.receives--;
  consumer.reserved -= asked;
  if (!messages) {
    if (!tries) consumer.requests--; // nothing was sent
    if (attempt.id) lane.again.push(attempt);
    lane.target = 1;
    return await survive(consumer, lane, failure);
  }
  const now = nowOf(state);
  const count = messages.length;
  consumer.lastPollAt = new Date(now);
  lane.failures = 0;
  lane.idle = !count;
  if (count === asked && asked > 1) lane.target = Math.min(lane.target + 1, settings.polls);
  else if (!count) lane.target = 1;
  state.emit({ type: "receive", queue: lane.name, asked, count, seconds: (now - sentAt) / 1000 });
  if (count) return await arrive(consumer, lane, messages, sentAt, Math.min(now, sentAt + wait * 1000));
  // An empty answer that came at once must not be followed by the next receive at once.
  const least = wait < Math.min(TURN, settings.waitTimeSeconds) ? TURN : LEAST_REST;
  const rest = Math.max(settings.pollingInterval, now - sentAt < LEAST_REST * 1000 ? least : 0);
  // A short poll only looked whether more is there: the long one that follows it counts.
  if (!long) return;
  // However late the answer came: SQS last looked in the last second of its wait, as it looks at least once a second.
  if (settings.untilEmpty && !mayBeLocked(consumer, lane, sentAt + Math.max(0, wait - TURN) * 1000)) {
    lane.drained = true;
    if (consumer.lanes.every(({ drained }) => drained)) finish(consumer);
  } else if (rest) {
    await pausing(consumer, lane, rest);
  }
}

/**
 * FIFO: true if a queue may only have looked empty, as SQS gives nothing of a group while a message of it is held, and some
 * were held here when SQS last looked. What a loop keeps while it asks for the next one does not count: `untilEmpty` would
 * never end.
 */
function mayBeLocked(consumer: Consumer, lane: Lane, looked: number): boolean {
  const { held, waiters } = consumer;
  const busy = unfinished(consumer) || !waiters.length;
  return lane.address!.fifo && (lane.polls > 0 || lane.freedAt! >= looked ||
    [...held].some((message) => message.lane === lane && (busy || message.where !== "out")));
}

/** How much is buffered, on its way to the loop, or worked on by it or by `forEach`. */
function unfinished({ last, working, buffered, taken, handed }: Consumer): number {
  return +!!last + working + buffered + taken - handed;
}

/** Waits and goes on after a failure that may pass; ends the iteration for one that won't. */
export async function survive(consumer: Consumer, lane: Lane, error: unknown): Promise<void> {
  if (consumer.phase !== Phase.Open) return;
  const { state } = consumer;
  // What is no AWS error, such as a throw of a credential provider, may pass if the queue has answered before.
  const { retryable = lane.idle !== undefined } = error as Partial<AwsError>;
  if (!retryable || ++lane.failures >= consumer.patience) {
    // A queue that is gone may be made anew with others.
    state.attributes.delete(lane.address?.url!);
    return fail(consumer, error as Error);
  }
  const delay = backoffSeconds(lane.failures, state.random, REST_BASE, REST_MOST);
  state.emit({ type: "poll-failed", queue: lane.name, delay, error: error as Error });
  await pausing(consumer, lane, Math.max(delay, consumer.settings.pollingInterval));
}

async function pausing(consumer: Consumer, lane: Lane, seconds: number): Promise<void> {
  lane.resting = true;
  pump(consumer); // others may go meanwhile
  await pause(consumer.state.clock, seconds, consumer.stopping.signal);
  lane.resting = false;
}
