/**
 * What a consumer may ask for: how many messages, from which queues, and how long each may keep it waiting.
 *
 * @module
 */
import { inWorkers, nowOf } from "../broker.ts";
import { MAX_BATCH } from "../sqs/limits.ts";
import { highest } from "./choose.ts";
import type { Consumer, Lane } from "./consumer.ts";
import { TURN } from "./figures.ts";

/** The slots that a long poll of an empty queue may reserve: all of these polls together no more than half. */
export function shareOf({ lanes, settings: { prefetch } }: Consumer): number {
  return Math.max(1, Math.floor(prefetch / 2 / lanes.length));
}

/** How many messages a receive may ask for. */
export function roomOf(consumer: Consumer): number {
  const { settings: { prefetch, maxMessages = Infinity }, held, reserved } = consumer;
  return Math.min(
    MAX_BATCH,
    prefetch - held.size + consumer.parked - reserved,
    maxMessages - consumer.taken - consumer.buffered - reserved,
    affordable(consumer),
  );
}

/** The requests that a message may take: an ack or a release, and two more of a store of payloads, if there is one. */
const costOf = ({ state }: Consumer): number => state.options.payloads ? 3 : 1;

/** The requests that the budget has left, when all is done for what is held or asked for. */
export function requestsLeft(consumer: Consumer): number {
  const { settings: { maxRequests }, lanes, held, requests, owed, reserved } = consumer;
  if (!maxRequests) return Infinity;
  const cost = costOf(consumer);
  let left = maxRequests - requests - owed - reserved * cost;
  for (const { payload } of held) left -= payload?.body ? 2 : cost;
  // To look a queue up takes two: its URL and its attributes.
  for (const lane of lanes) left -= lane.address ? 0 : 2;
  return left;
}

/** The messages that a receive may bring within the budget of requests. */
export function affordable(consumer: Consumer): number {
  return Math.floor((requestsLeft(consumer) - 1) / costOf(consumer));
}

/** Makes the test of whether a queue should be asked now, where there is room for so many messages. */
export function wanting(consumer: Consumer, room: number): (lane: Lane) => boolean {
  const { lanes, receives, settings: { polls } } = consumer;
  const most = mostPolls(consumer);
  // To fill a few slots is worth a request only when nothing is buffered and no settlement is about to free more.
  const few = room < MAX_BATCH;
  const settling = consumer.held.size - consumer.unsettled;
  const worthless = few && (consumer.buffered > 0 || room + settling >= MAX_BATCH);
  const rank = highest(consumer, ({ drained, resting, idle, polls }) => !drained && !resting && !(idle && polls));
  return (lane) => {
    if (!lane.address || lane.resting || lane.drained || lane.polls >= (lane.idle ? 1 : lane.target)) return false;
    if (receives >= (lane.polls ? polls : most)) return false;
    // Beside queues that are busy, of whatever rank, one that was empty would never be asked again.
    if (lanes.length > 1 && lane.idle) return true;
    return !worthless && !(few && lane.polls > 0) && lane.priority >= rank;
  };
}

/** How many receives there may be in all: one a queue, but in Workers no more than leave connections for the acks. */
export function mostPolls({ lanes, settings: { polls } }: Consumer): number {
  return inWorkers() ? polls : Math.max(polls, lanes.length);
}

/** The seconds of a long poll. */
export function longestWait(consumer: Consumer): number {
  const { settings: { waitTimeSeconds, prefetch, maxMessages }, lanes, state, deadline } = consumer;
  // Where slots or messages of the budget are fewer than the queues that would wait on them, they take turns.
  const turns = lanes.length > Math.min(prefetch, mostPolls(consumer), maxMessages ? 1 : Infinity);
  const left = Math.max(0, Math.floor((deadline - nowOf(state)) / 1000));
  // One that has messages is not kept waiting for one that has none.
  const turn = lanes.some(({ idle, drained }) => !idle && !drained) ? 0 : TURN;
  return Math.min(waitTimeSeconds, turns ? turn : Infinity, left);
}
