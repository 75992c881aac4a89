/**
 * One lane for each queue and topic: what waits there, and what of it may go next.
 *
 * @module
 */
import { asError } from "../as_error.ts";
import { type BrokerState, pause, stateOf } from "../broker.ts";
import type { AwsError } from "../errors.ts";
import { linkCause } from "../http/link_cause.ts";
import { backoffSeconds } from "../http/retryable.ts";
import { onAbort } from "../on_abort.ts";
import { MAX_BATCH } from "../sqs/limits.ts";
import type { Broker } from "../types.ts";
import type { SentPart } from "./options.ts";
import { discard, mayBeThere, type Part } from "./part.ts";
import { leastSize, sendBatch } from "./send_batch.ts";

/** A part on its way. */
export interface Load {
  readonly part: Part;
  /** Whether it waits in a lane, neither in flight nor in a backoff. */
  waiting: boolean;
  tries: number;
  /** What the last try failed with; unset where none was made. */
  error?: Error;
  /**
   * The error of a try that may have sent it. The next error has it for its cause, unless several loads share that one,
   * which has but one cause.
   */
  doubt?: Error;
  /** Is told what became of it, once. */
  settle(outcome: SentPart | Error): void;
}

interface Lane {
  readonly key: string;
  waiting: Load[];
  /** Batches in flight or in a backoff. */
  underway: number;
  /** FIFO: the groups that have messages in flight or in a backoff, which later ones must not overtake. */
  readonly busy?: Set<string>;
}

/** Options of {@linkcode openLanes}. */
export interface LanesOptions {
  readonly concurrency: number;
  readonly batchGroups: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Is called whenever something settled, or may go again. */
  readonly progress: () => void;
}

/** The lanes of one `publishAll`. */
export interface Lanes {
  /** Puts a load into its lane; it leaves when ten can go. */
  add(load: Load): void;
  /** Sends what can go, full batches or not. */
  flush(): void;
  /** Gives up what waits: nothing is begun any more. Resolves when what is in flight has come back. */
  close(): Promise<void>;
}

/** Opens the lanes: at most `concurrency` requests are in flight in all of them together. */
export function openLanes(broker: Broker, options: LanesOptions): Lanes {
  const { concurrency, batchGroups, signal, progress } = options;
  const state = stateOf(broker);
  const lanes = new Map<string, Lane>();
  const running = new Set<Promise<void>>();
  const ending = new AbortController();
  const abort = () => {
    ending.abort();
    for (const lane of lanes.values()) for (const load of lane.waiting.splice(0)) begin(refuse(load));
  };
  let active = 0;

  function begin(work: Promise<void>): void {
    running.add(work);
    work.then(() => {
      running.delete(work);
      progress();
    });
  }

  function dispatch(lane: Lane, partial: boolean): void {
    while (active < concurrency && lane.waiting.length >= (partial ? 1 : MAX_BATCH)) {
      const loads = take(state, lane, partial, batchGroups);
      if (!loads.length) return;
      active++;
      lane.underway++;
      begin(run(lane, loads));
    }
    // Each batch looks through all lanes, and there may be one for each message: one that is idle must not stay.
    if (!lane.underway && !lane.waiting.length) lanes.delete(lane.key);
  }

  function dispatchAll(partial: boolean): void {
    for (const lane of lanes.values()) dispatch(lane, partial);
  }

  async function run(lane: Lane, loads: readonly Load[]): Promise<void> {
    const { outcomes, again } = await sendBatch(broker, loads.map((load) => load.part), signal);
    active--;
    const retried: Load[] = [];
    for (let index = 0; index < loads.length; index++) {
      const load = loads[index];
      const outcome = outcomes[index];
      if (outcome instanceof Error) {
        linkCause(outcome, load.error);
        load.error = outcome;
        if (mayBeThere(outcome)) load.doubt = outcome;
      }
      if (again.includes(index) && ++load.tries < state.maxAttempts && !ending.signal.aborted) retried.push(load);
      else await settle(load, outcome);
    }
    for (const load of loads) lane.busy?.delete(groupOf(load));
    for (const load of retried) lane.busy?.add(groupOf(load));
    if (!retried.length) lane.underway--;
    else begin(retry(lane, retried));
    dispatchAll(false);
  }

  async function retry(lane: Lane, loads: readonly Load[]): Promise<void> {
    const attempt = Math.max(...loads.map((load) => load.tries));
    const delay = backoffSeconds(attempt, state.random);
    const error = loads[0].error as AwsError;
    const { service, action } = error;
    state.emit({ type: "retry", service, action, queueUrl: loads[0].part.target.address?.url, attempt, delay, error });
    await pause(state.clock, delay, ending.signal);
    if (ending.signal.aborted) return void await Promise.all(loads.map(refuse));
    lane.underway--;
    lane.waiting.unshift(...loads);
    for (const load of loads) {
      load.waiting = true;
      lane.busy?.delete(groupOf(load));
    }
    dispatch(lane, true);
  }

  /** A load that is not sent any more: the signal says why, or nobody is there to hear it. */
  function refuse(load: Load): Promise<void> {
    load.waiting = false;
    return settle(load, asError(signal?.reason));
  }

  async function settle(load: Load, outcome: SentPart | Error): Promise<void> {
    if (outcome instanceof Error) await discard(state, load.part, load.doubt ?? load.error);
    load.settle(outcome);
  }

  const callOff = signal && onAbort(signal, abort);
  return {
    add(load) {
      if (ending.signal.aborted || signal?.aborted) return begin(refuse(load));
      const { part: { target: { name, address, fifo } } } = load;
      const key = address?.url ?? name;
      let lane = lanes.get(key);
      if (!lane) {
        lane = { key, waiting: [], underway: 0, busy: fifo ? new Set() : undefined };
        lanes.set(key, lane);
      }
      lane.waiting.push(load);
      if (lane.waiting.length >= MAX_BATCH) dispatch(lane, false);
    },
    flush: () => dispatchAll(true),
    async close() {
      callOff?.();
      abort();
      while (running.size) await Promise.all(running);
    },
  };
}

/** A load's group: on a FIFO queue each has one. */
function groupOf({ part }: Load): string {
  return part.message.MessageGroupId!;
}

/** Takes the next batch out of a lane; an empty one unless it is full or may be a partial one. */
function take(state: BrokerState, lane: Lane, partial: boolean, batchGroups: boolean): readonly Load[] {
  const { waiting, busy } = lane;
  const { limit } = waiting[0].part.target;
  const taken: Load[] = [];
  const left: Load[] = [];
  const held = busy && new Set(busy);
  let bytes = 0;
  let at = 0;
  let full = false;
  for (; at < waiting.length && !full; at++) {
    const load = waiting[at];
    const group = groupOf(load);
    if (held?.has(group)) {
      left.push(load);
      continue;
    }
    bytes += leastSize(state, load.part);
    if (taken.length && bytes > limit) {
      full = true;
      break;
    }
    taken.push(load);
    // SQS may fail one entry of a batch and take a later one.
    if (!batchGroups) held?.add(group);
    full = taken.length === MAX_BATCH;
  }
  if (!full && !partial) return [];
  lane.waiting = left.concat(waiting.slice(at));
  for (const load of taken) {
    load.waiting = false;
    busy?.add(groupOf(load));
  }
  return taken;
}
