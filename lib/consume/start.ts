/**
 * How a consumer begins: it looks its queues up and starts to receive.
 *
 * @module
 */
import { nowOf, pause } from "../broker.ts";
import { resolveQueue } from "../topology/resolve_queue.ts";
import { type Consumer, type Lane, track } from "./consumer.ts";
import { mostPolls } from "./demand.ts";
import { end, finish, windUp } from "./end.ts";
import * as Phase from "./phase.ts";
import { pump, survive } from "./poll.ts";
import { soon } from "./soon.ts";
import { serve } from "./take.ts";
import { visibilityOf } from "./visibility.ts";
import { watch } from "./watch.ts";

/** Begins, once. */
export function start(consumer: Consumer): void {
  const { settings: { maxSeconds, maxRequests = Infinity }, state, lanes, polling } = consumer;
  consumer.phase = Phase.Open;
  let told = false;
  consumer.changed = () => {
    if (told) return;
    told = true;
    // A batch of acks frees ten slots in one breath: one look is enough for all.
    soon(() => {
      told = false;
      pump(consumer);
      serve(consumer);
      windUp(consumer);
    });
  };
  if (maxSeconds !== undefined) {
    consumer.deadline = nowOf(state) + maxSeconds * 1000;
    pause(state.clock, maxSeconds, polling.signal).then(() => end(consumer));
  }
  watch(consumer);
  const left = [...lanes];
  // Where the budget may not do for all, none is looked up that goes beyond it.
  const side = maxRequests < 3 * lanes.length ? 1 : Math.min(lanes.length, mostPolls(consumer));
  for (let begun = 0; begun < side; begun++) void openEach(consumer, left);
}

/** Opens queues in turn; as many of these run side by side as there may be receives. One that fails goes behind the rest. */
async function openEach(consumer: Consumer, left: Lane[]): Promise<void> {
  while (consumer.phase === Phase.Open && left.length) {
    const lane = left.shift()!;
    const opened = open(consumer, lane);
    track(consumer, opened);
    await opened;
    if (!lane.address) left.push(lane);
  }
}

/** Looks a queue up, and its visibility timeout; rests if that fails. */
async function open(consumer: Consumer, lane: Lane): Promise<void> {
  const { broker, state, settings, polling, onAttempt } = consumer;
  const { maxRequests = Infinity } = settings;
  if (consumer.requests >= maxRequests) return finish(consumer);
  try {
    const address = await resolveQueue(broker, lane.name, { signal: polling.signal, onAttempt });
    if (consumer.requests >= maxRequests) return; // the next look tells
    const timeout = settings.visibilityTimeout;
    const read = timeout === undefined
      ? await visibilityOf(consumer, lane, address)
      : { timeout, sendTimeout: timeout };
    const codec = settings.codec ?? address.predefined?.codec ?? state.options.codec;
    Object.assign(lane, read, { address, codec });
  } catch (error) {
    await survive(consumer, lane, error);
  }
}
