/**
 * The side of the consumer that asks: when to receive, from which queue, and for how many.
 *
 * @module
 */
import { inWorkers, nowOf, pause } from "../broker.ts";
import { AwsError } from "../errors.ts";
import { backoffSeconds } from "../http/retryable.ts";
import { MAX_BATCH } from "../sqs/limits.ts";
import { receiveMessage } from "../sqs/receive_message.ts";
import { resolveQueue } from "../topology/resolve_queue.ts";
import { sendTo } from "../topology/send_to.ts";
import type { SqsMessage } from "../types.ts";
import { arrive } from "./arrive.ts";
import { attributesOf } from "./attributes_of.ts";
import { type Consumer, type Lane, Phase, sending, track } from "./consumer.ts";
import { end, fail, listenerOf } from "./end.ts";
import { choose, serve } from "./take.ts";
import { visibilityOf } from "./visibility.ts";
import { watch } from "./watch.ts";

/** Seconds to rest after an empty answer that came at once, so that no endpoint is asked in a tight loop. */
const LEAST_REST = 0.1;
/** Seconds of a long poll when queues take turns. */
const TURN = 1;

/** Begins: looks the queues up and starts to receive. */
export function start(consumer: Consumer): void {
  const { settings: { signal, maxSeconds }, state, lanes } = consumer;
  consumer.phase = Phase.Open;
  let told = false;
  consumer.changed = () => {
    if (told) return;
    told = true;
    // A batch of acks frees ten slots in one breath: one look is enough for all.
    queueMicrotask(() => {
      told = false;
      pump(consumer);
      serve(consumer);
    });
  };
  if (signal?.aborted) return void end(consumer);
  signal?.addEventListener("abort", listenerOf(consumer));
  if (maxSeconds !== undefined) {
    consumer.deadline = nowOf(state) + maxSeconds * 1000;
    pause(state.clock, maxSeconds, consumer.stopping.signal).then(() => end(consumer));
  }
  watch(consumer);
  const left = lanes.values();
  for (let side = Math.min(lanes.length, mostPolls(consumer)); side > 0; side--) void openEach(consumer, left);
}

/** Opens queues in turn; as many of these run side by side as there may be receives. */
async function openEach(consumer: Consumer, left: Iterable<Lane>): Promise<void> {
  for (const lane of left) {
    if (consumer.phase !== Phase.Open) return;
    const opened = open(consumer, lane);
    track(consumer, opened);
    await opened;
  }
}

/** Looks a queue up, and its visibility timeout, however often it takes. */
async function open(consumer: Consumer, lane: Lane): Promise<void> {
  const { broker, settings, polling } = consumer;
  const { maxRequests = Infinity } = settings;
  while (consumer.phase === Phase.Open) {
    if (consumer.requests >= maxRequests) return finish(consumer);
    try {
      const { onAttempt } = sending(consumer, lane);
      const address = await resolveQueue(broker, lane.name, { signal: polling.signal, onAttempt });
      if (consumer.requests >= maxRequests) continue;
      const timeout = settings.visibilityTimeout;
      const read = timeout === undefined
        ? await visibilityOf(consumer, lane, address)
        : { timeout, sendTimeout: timeout };
      Object.assign(lane, read, { address });
      return;
    } catch (error) {
      await survive(consumer, lane, error);
    }
  }
}

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
      // No receive and an ack go into the budget any more, and nothing is under way that may take less than its share.
      const { requests, held, unsettled, busy, working } = consumer;
      const spent = requests + held.size + 2 > (settings.maxRequests ?? Infinity);
      if (spent && held.size === unsettled && !busy && !working) finish(consumer);
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

/** The slots that the long poll of an empty queue may keep from the others: together no more than half of all. */
function shareOf({ lanes, settings: { prefetch } }: Consumer): number {
  return Math.max(1, Math.floor(prefetch / 2 / lanes.length));
}

/** How many messages a receive may ask for. */
function roomOf(consumer: Consumer): number {
  const { settings: { prefetch, maxMessages = Infinity, maxRequests = Infinity }, held, reserved } = consumer;
  return Math.min(
    MAX_BATCH,
    prefetch - held.size + consumer.parked - reserved,
    maxMessages - consumer.taken - consumer.buffered - reserved,
    // Each message may yet need a request of its own, to be acked or released.
    maxRequests - consumer.requests - 1 - held.size - reserved,
  );
}

/** Tells which queues should be asked now. */
function wanting(consumer: Consumer, room: number): (lane: Lane) => boolean {
  const { lanes, receives, settings: { strategy, polls } } = consumer;
  const most = mostPolls(consumer);
  // A few free slots are worth a request only when nothing is there to work on, nor about to come or to free more.
  const few = room < MAX_BATCH;
  const settling = consumer.held.size - consumer.unsettled;
  const worthless = few && (consumer.buffered > 0 || room + settling >= MAX_BATCH);
  let rank = -Infinity;
  if (strategy === "strict") {
    for (const { priority, drained, resting, idle, polls } of lanes) {
      if (!drained && !resting && !(idle && polls)) rank = Math.max(rank, priority);
    }
  }
  return (lane) => {
    if (!lane.address || lane.resting || lane.drained || lane.polls >= (lane.idle ? 1 : lane.target)) return false;
    if (receives >= (lane.polls ? polls : most)) return false;
    if (lanes.length > 1 && lane.idle) return true;
    return !worthless && !(few && lane.polls > 0) && lane.priority >= rank;
  };
}

/** How many receives there may be in all: one a queue, but in Workers no more than leave connections for the acks. */
function mostPolls({ lanes, settings: { polls } }: Consumer): number {
  return inWorkers() ? polls : Math.max(polls, lanes.length);
}

/** The seconds of a long poll. */
function longestWait(consumer: Consumer): number {
  const { settings: { waitTimeSeconds, prefetch, maxSeconds, maxMessages }, lanes, state, deadline } = consumer;
  // Where slots or messages of the budget are fewer than the queues that would wait on them, they take turns.
  const turns = lanes.length > Math.min(prefetch, mostPolls(consumer), maxMessages ? 1 : Infinity);
  const left = maxSeconds === undefined ? Infinity : Math.max(0, Math.floor((deadline - nowOf(state)) / 1000));
  // One that has messages is not kept waiting for one that has none.
  const turn = lanes.some(({ idle, drained }) => !idle && !drained) ? 0 : TURN;
  return Math.min(waitTimeSeconds, turns ? turn : Infinity, left);
}

async function poll(consumer: Consumer, lane: Lane, asked: number, long: boolean): Promise<void> {
  const { state, broker, settings, polling } = consumer;
  const address = lane.address!;
  // The answer to a receive that is asked again may be as large as it was to be.
  const again = lane.again.findIndex((failed) => failed.asked <= asked);
  const attempt = again < 0 ? { id: crypto.randomUUID(), asked } : lane.again.splice(again, 1)[0];
  asked = attempt.asked;
  const wait = long ? longestWait(consumer) : 0;
  const began = nowOf(state);
  let sentAt = began;
  let tries = 0;
  let messages: readonly SqsMessage[] | undefined;
  lane.polls++;
  consumer.receives++;
  consumer.reserved += asked;
  consumer.requests++;
  try {
    const key = `${asked} ${wait} ${address.fifo && attempt.id}`;
    // The same request once more needs neither writing nor signing.
    if (lane.request?.key !== key) {
      const request = receiveMessage({
        queueUrl: address.url,
        maxMessages: asked,
        waitTimeSeconds: wait,
        visibilityTimeout: lane.sendTimeout,
        receiveRequestAttemptId: address.fifo ? attempt.id : undefined,
        ...attributesOf(consumer, lane),
      });
      lane.request = { key, request };
    }
    const { request } = lane.request!;
    ({ messages } = await sendTo(broker, address, request, {
      wait,
      signal: polling.signal,
      maxAttempts: 1,
      onAttempt: () => {
        sentAt = nowOf(state);
        if (tries++) consumer.requests++;
      },
    }));
  } catch (error) {
    if (address.fifo) lane.again.push(attempt);
    lane.polls--;
    consumer.receives--;
    consumer.reserved -= asked;
    lane.target = 1;
    return await survive(consumer, lane, error);
  }
  const now = nowOf(state);
  const count = messages.length;
  consumer.lastPollAt = new Date(now);
  lane.failures = 0;
  lane.polls--;
  consumer.receives--;
  consumer.reserved -= asked;
  lane.idle = count === 0;
  if (count === asked && asked > 1) lane.target = Math.min(lane.target + 1, settings.polls);
  else if (count === 0) lane.target = 1;
  state.emit({ type: "receive", queue: lane.name, asked, count, seconds: (now - began) / 1000 });
  if (count) return await arrive(consumer, lane, messages, sentAt, Math.min(now, sentAt + wait * 1000));
  const least = wait < Math.min(TURN, settings.waitTimeSeconds) ? TURN : LEAST_REST;
  const rest = Math.max(settings.pollingInterval, now - sentAt < LEAST_REST * 1000 ? least : 0);
  // A short poll only looked whether more is there: the long one that follows it counts.
  if (!long) return;
  if (settings.untilEmpty && !locked(lane, consumer)) {
    lane.drained = true;
    if (consumer.lanes.every(({ drained }) => drained)) finish(consumer);
  } else if (rest) {
    await pausing(consumer, lane, rest);
  }
}

/** FIFO: a queue may look empty because its groups wait for messages that are held here. */
function locked(lane: Lane, { held, working, waiters, buffered }: Consumer): boolean {
  return lane.address!.fifo && (working > 0 || buffered > 0 || !waiters.length) &&
    [...held].some((message) => message.lane === lane);
}

/** No more receives; what is there is still handed out. */
function finish(consumer: Consumer): void {
  if (consumer.phase === Phase.Open) consumer.phase = Phase.Finishing;
  serve(consumer);
}

/** Waits and goes on after a failure that may pass; ends the iteration for one that won't. */
async function survive(consumer: Consumer, lane: Lane, error: unknown): Promise<void> {
  if (consumer.phase !== Phase.Open) return;
  const { state } = consumer;
  if (!(error instanceof AwsError && error.retryable)) return fail(consumer, error as Error);
  if (++lane.failures >= consumer.patience) return fail(consumer, error);
  const delay = backoffSeconds(lane.failures, state.random, 0.5, 30);
  state.emit({ type: "poll-failed", queue: lane.name, delay, error });
  await pausing(consumer, lane, Math.max(delay, consumer.settings.pollingInterval));
}

async function pausing(consumer: Consumer, lane: Lane, seconds: number): Promise<void> {
  lane.resting = true;
  pump(consumer); // others may go meanwhile
  await pause(consumer.state.clock, seconds, consumer.stopping.signal);
  lane.resting = false;
}
