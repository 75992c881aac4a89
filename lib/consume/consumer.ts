/**
 * What one consumer knows: its queues, what it has taken and asked for, and how far along it is.
 *
 * @module
 */
import { type BrokerState, deferred, stateOf } from "../broker.ts";
import { LinkedList } from "../linked_list.ts";
import type { ReceiveMessageOutput } from "../sqs/receive_message.ts";
import type { AwsRequest, Broker, Codec, QueueAddress } from "../types.ts";
import type { Batcher } from "./batcher.ts";
import * as DEFAULTS from "./defaults.ts";
import type { Delivery } from "./delivery.ts";
import type { Held } from "./held.ts";
import { laneBatchers } from "./lane_batchers.ts";
import { type ConsumeOptions, type Queues, type Settings, settingsOf, sourcesOf } from "./options.ts";
import * as Phase from "./phase.ts";

/** One queue of a consumer. */
export interface Lane {
  /** As it was given to `consume`. */
  readonly name: string;
  readonly priority: number;
  readonly weight: number;
  /** Set once the queue was looked up: the lane is ready then. */
  address?: QueueAddress;
  /** How its bodies are read. */
  codec?: Codec;
  /** The visibility timeout in seconds that messages have when they arrive. */
  timeout: number;
  /** The visibility timeout that each receive carries, if any. */
  sendTimeout?: number;
  /** What was received and waits for the loop. */
  readonly buffer: Delivery<string>[];
  /** Receives under way. */
  polls: number;
  /** Receives that it may have side by side. */
  target: number;
  /** The last answer was empty; unset before the first. */
  idle?: boolean;
  /** The last receive that was asked, to be asked again. */
  request?: { readonly key: string; readonly request: AwsRequest<ReceiveMessageOutput> };
  /** Its MD5 of attributes can't be checked: an emulator's may be over all of them where some were asked for by name. */
  vague?: boolean;
  /** When a message last left it, in milliseconds. */
  freedAt?: number;
  /** FIFO: the messages of each group, in the order of receipt, from the first that is held. */
  readonly groups: Record<string, Held[]>;
  /** It waits before its next receive. */
  resting?: boolean;
  /** With `untilEmpty`: it has been seen empty. */
  drained?: boolean;
  /** Receives or look-ups that failed, in a row. */
  failures: number;
  /** What `choose()` owes it: of receives, and of hand-overs. */
  pollCredit: number;
  takeCredit: number;
  /** FIFO: receives that failed, to be asked again with the same id. */
  readonly again: { readonly id: string | undefined; readonly asked: number }[];
  /** A look-up of its attributes under way. */
  reading?: Promise<unknown>;
  /** Where acks wait for their batch. */
  readonly deletes: Batcher;
  /** Where changes of visibility wait for theirs: releases, `extend()`, heartbeats. */
  readonly changes: Batcher;
}

/** One running `consume()` or `receive()`. */
export interface Consumer {
  readonly broker: Broker;
  readonly state: BrokerState;
  readonly settings: Settings;
  readonly lanes: readonly Lane[];
  /** What takes a slot of the prefetch: received, and its fate not confirmed. */
  readonly held: LinkedList<Held>;
  /** Held and not being settled. */
  unsettled: number;
  /** Held, but waiting for their time: they take no slot of the prefetch. */
  parked: number;
  /** In the buffers. */
  buffered: number;
  /** Taken out of the buffers and not dropped on the way to the loop. */
  taken: number;
  /** Handed over to the loop. */
  handed: number;
  /** Receives under way. */
  receives: number;
  /** Slots that they have asked for. */
  reserved: number;
  /** Receives and other work under way. */
  busy: number;
  /** Requests sent so far, retries counted. */
  requests: number;
  /** Requests kept back for what takes no slot: payloads being removed, and what lapsed in hand, as it is acked all the same. */
  owed: number;
  /** Counts a try of a request. */
  readonly onAttempt: () => void;
  /** `ack: "none"`: what is handed over is deleted already. */
  readonly deletesFirst: boolean;
  /** `ack: "auto"`: asking for the next one acks the last. */
  acksLast: boolean;
  /** Seconds that an ack waits for others. */
  linger: number;
  /** What the loop was given, until it asks for the next. */
  last?: Delivery<unknown>;
  /** Handlers of `forEach` that run, each for as long as its group has messages. */
  working: number;
  /** How many failures of a queue in a row end the iteration, though each of them may pass. */
  patience: number;
  lastPollAt?: Date;
  /** One of `phase.ts`. */
  phase: number;
  /** What the loop is told at its end. It goes around the pipeline, which only ends then. */
  error?: Error;
  /** Those who asked for a message and have none yet. */
  readonly waiters: ((result: IteratorResult<Delivery<string>, undefined>) => void)[];
  /** Since when a waiter waits on a full prefetch, in milliseconds. */
  fullSince?: number;
  /** Fires when the iteration ends: it wakes what waits. */
  readonly stopping: AbortController;
  /** Fires when the grace is over: it ends receives under way. */
  readonly polling: AbortController;
  /** The heartbeat is on. */
  beats: boolean;
  /** When the watch looks next, in milliseconds. */
  watchAt: number;
  /** Wakes the watch. */
  wake(): void;
  /** Set once it ends: resolves when what was not handed out is released and the acks so far are confirmed, well or not. */
  draining?: Promise<void>;
  /** Resolves when the grace is over, once it has begun. */
  grace?: Promise<void>;
  /**
   * Closes the pipeline, so that it gives back what it has not handed over. Unset once somebody cut the iteration short:
   * one that has ended and still has it has handed out all that it was to.
   */
  cut?(): void;
  /** When `maxSeconds` are over, in milliseconds. */
  deadline: number;
  /** Resolves when nothing is left. */
  readonly closed: Promise<void>;
  readonly close: () => void;
  /** To be called when a slot is free, or a receive or other work is done: what that allows is begun soon after. */
  changed(): void;
}

/** Makes a consumer that has not begun. */
export function createConsumer(broker: Broker, queues: Queues, options: ConsumeOptions<any>): Consumer {
  const state = stateOf(broker);
  const settings = settingsOf(state, options);
  const { promise: closed, resolve: close } = deferred();
  const lanes: Lane[] = [];
  const consumer: Consumer = {
    broker,
    state,
    settings,
    lanes,
    held: new LinkedList(),
    unsettled: 0,
    parked: 0,
    buffered: 0,
    taken: 0,
    handed: 0,
    receives: 0,
    reserved: 0,
    busy: 0,
    requests: 0,
    owed: 0,
    onAttempt: () => void consumer.requests++,
    deletesFirst: options.ack === "none",
    acksLast: options.ack === "auto",
    linger: settings.ackLinger ?? (options.ack === "auto" ? DEFAULTS.ackLinger : 0),
    working: 0,
    patience: Infinity,
    phase: Phase.New,
    waiters: [],
    stopping: new AbortController(),
    polling: new AbortController(),
    beats: false,
    watchAt: Infinity,
    wake() {},
    deadline: Infinity,
    closed,
    close,
    changed() {},
  };
  for (const { queue: name, ...rank } of sourcesOf(queues)) {
    const lane: Lane = {
      name,
      ...rank,
      timeout: 0,
      buffer: [],
      groups: Object.create(null),
      polls: 0,
      target: 1,
      failures: 0,
      pollCredit: 0,
      takeCredit: 0,
      again: [],
      ...laneBatchers(consumer, () => lane),
    };
    lanes.push(lane);
  }
  return consumer;
}

/** Counts a piece of work as under way until it is done, well or not. */
export function track(consumer: Consumer, work: Promise<unknown>): void {
  consumer.busy++;
  const done = () => {
    consumer.busy--;
    consumer.changed();
  };
  work.then(done, done);
}
