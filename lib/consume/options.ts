/**
 * The options of the consumer and their checks.
 *
 * @module
 */
import { type BrokerState, inWorkers } from "../broker.ts";
import { assertOptions, assertText, byCount, type Check, has, is, oneOf, refuse, within } from "../check.ts";
import { MAX_VISIBILITY, MAX_WAIT } from "../sqs/limits.ts";
import type { Codec, StandardSchemaV1 } from "../types.ts";
import * as DEFAULTS from "./defaults.ts";
import type { Delivery } from "./delivery.ts";

/** Seconds to hide a failed message for: by receive count, exact as in kombu, or as a function says. */
export type Backoff =
  | Readonly<Record<number, number>>
  | ((delivery: Delivery<any>, error: unknown) => number);

/** A queue to consume from, with its rank. */
export interface QueueSource {
  /** A name or a URL. */
  readonly queue: string;
  /** With `strategy: "strict"`: higher goes first. Default: 0. */
  readonly priority?: number | undefined;
  /** With `strategy: "weighted"`: its share, above 0 and up to 10^9. Default: 1. */
  readonly weight?: number | undefined;
}

/** What to consume from. */
export type Queues = string | QueueSource | readonly (string | QueueSource)[];

/** Options of {@linkcode receive}, the source that `consume` is built on. */
export interface ReceiveOptions {
  /**
   * The most deliveries held unsettled, over all queues, 0 or more; 0 is no limit. Acks on their way hold their slots, so
   * a queue that is to be drained at full speed wants 20 or more for each of the `polls`. Default: 10.
   */
  readonly prefetch?: number | undefined;
  /** The most receives side by side while a queue is busy, 1 or more. Default: 8; 4 in Workers. */
  readonly polls?: number | undefined;
  /**
   * Seconds that an ack waits for others, 0 or more; with `ack: "none"` none does. Default: 0; 0.2 in `forEach` and with
   * `ack: "auto"`.
   */
  readonly ackLinger?: number | undefined;
  /**
   * Which queue goes first. `"fair"`: they take turns. `"strict"`: the highest `priority` that has messages. `"weighted"`:
   * each has a share by its `weight`. Default: `"fair"`.
   */
  readonly strategy?: "fair" | "strict" | "weighted" | undefined;
  /**
   * Seconds, 0 to 43,200, to hide a failed message for: `{ 1: 10, 2: 20 }` by receive count, or what a function says.
   * Default: the predefined queue's `backoffPolicy`.
   */
  readonly backoff?: Backoff | undefined;
  /**
   * What becomes of a message that can't be read. `"leave"`: hidden until its timeout, with a `drop` event, never deleted.
   * `"deliver"`: handed over with its `error`. Default: `"leave"`.
   */
  readonly onUndecodable?: "leave" | "deliver" | undefined;
  /** Ends after this many messages, 1 or more. Default: never. */
  readonly maxMessages?: number | undefined;
  /** Ends after this many seconds, 0 or more; those that the machine slept count. Default: never. */
  readonly maxSeconds?: number | undefined;
  /**
   * Ends in time to keep within this many requests, 1 or more: those for payloads and keys, and the last acks and releases
   * counted. A queue that the broker does not know yet takes two. Default: never.
   */
  readonly maxRequests?: number | undefined;
  /** Ends once every queue has given an empty answer. Default: false. */
  readonly untilEmpty?: boolean | undefined;
  /**
   * Seconds after the end, 0 or more, until what was handed out and is unsettled is released; handlers of `forEach` that
   * only a budget of messages or requests, or `untilEmpty`, found at work are finished first. Default:
   * `waitTimeSeconds + 5`.
   */
  readonly graceSeconds?: number | undefined;
  /** Long-poll time in whole seconds, 0 to 20. Default: the broker's. */
  readonly waitTimeSeconds?: number | undefined;
  /** Seconds to wait after an empty answer, 0 or more. Default: the broker's. */
  readonly pollingInterval?: number | undefined;
  /**
   * Visibility timeout in whole seconds, 0 to 43,200, sent with each receive. Default: the broker's, else the queue's
   * own.
   */
  readonly visibilityTimeout?: number | undefined;
  /** Ends the iteration quietly. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of {@linkcode consume}. */
export interface ConsumeOptions<Schema extends StandardSchemaV1 | undefined = undefined> extends ReceiveOptions {
  /**
   * Who acks. `"manual"`: you. `"auto"`: asking for the next one acks the last; a step of your own that reads ahead, such
   * as `batch()`, asks before your loop has seen the last, so ack each behind it. `"none"`: a message is deleted when it
   * is asked for, after it was decoded and before it is handed over: a request each; a payload that only `stream()` reads
   * stays in its store then. Default: `"manual"`.
   */
  readonly ack?: "manual" | "auto" | "none" | undefined;
  /**
   * Keeps what is held invisible. Default: true. Without it a message may be handed over late where the answer to a long
   * poll was slow: nothing tells that from a message that was sent late.
   */
  readonly heartbeat?: boolean | undefined;
  /** Checks bodies: any Standard Schema, such as valibot's, zod's or arktype's. */
  readonly schema?: Schema | undefined;
  /** Deletes messages past their `expiration`, with an event. Default: true. */
  readonly dropExpired?: boolean | undefined;
  /** How bodies are read. Default: the predefined queue's, else the broker's. */
  readonly codec?: Codec | undefined;
  /**
   * `"lazy"`: large payloads are read by `delivery.stream()` only, and not decoded. `"eager"`: all are read before.
   * Default: eager, but for those that the store leaves to the stream (`lazyAbove` of `s3Payloads`).
   */
  readonly payloads?: "eager" | "lazy" | undefined;
}

/** Options that read every payload before its message is handed over. */
export interface EagerPayloads {
  /** Not `"lazy"`: the body is there. */
  readonly payloads?: "eager" | undefined;
}

/** The options of {@linkcode receive}, and the codec of {@linkcode consume}, with their defaults in place. */
export interface Settings extends ReceiveOptions, Pick<ConsumeOptions, "codec"> {
  readonly prefetch: number;
  readonly polls: number;
  readonly strategy: "fair" | "strict" | "weighted";
  readonly waitTimeSeconds: number;
  readonly pollingInterval: number;
  readonly graceSeconds: number;
}

/**
 * Checks the options and puts the defaults in.
 *
 * @throws {ConfigError} If one is wrong.
 */
export function settingsOf(state: BrokerState, options: ConsumeOptions<any>): Settings {
  const [count, seconds, yesOrNo] = [within(1, Infinity), within(0, Infinity, true), is("boolean")];
  const delays = byCount(within(0, MAX_VISIBILITY, true));
  assertOptions<ConsumeOptions<any>>("", options, {
    prefetch: within(0, Infinity),
    polls: count,
    ack: oneOf("manual", "auto", "none"),
    ackLinger: seconds,
    strategy: oneOf("fair", "strict", "weighted"),
    heartbeat: yesOrNo,
    backoff: (path, value) => typeof value === "function" || delays(path, value),
    schema: assertSchema,
    onUndecodable: oneOf("leave", "deliver"),
    dropExpired: yesOrNo,
    codec: has("decode"),
    payloads: oneOf("eager", "lazy"),
    maxMessages: count,
    maxSeconds: seconds,
    maxRequests: count,
    untilEmpty: yesOrNo,
    graceSeconds: seconds,
    waitTimeSeconds: within(0, MAX_WAIT),
    pollingInterval: seconds,
    visibilityTimeout: within(0, MAX_VISIBILITY),
    signal: has("throwIfAborted"),
  });
  const waitTimeSeconds = options.waitTimeSeconds ?? state.options.waitTimeSeconds!;
  return {
    ...options,
    prefetch: (options.prefetch ?? DEFAULTS.prefetch) || Infinity,
    polls: options.polls ?? (inWorkers() ? DEFAULTS.pollsInWorkers : DEFAULTS.polls),
    strategy: options.strategy ?? "fair",
    waitTimeSeconds,
    pollingInterval: options.pollingInterval ?? state.options.pollingInterval!,
    visibilityTimeout: options.visibilityTimeout ?? state.options.visibilityTimeout,
    graceSeconds: options.graceSeconds ?? waitTimeSeconds + DEFAULTS.grace,
  };
}

/** A check of a schema. */
export const assertSchema: Check = (path, value) =>
  Object(value)["~standard"] || refuse(path, "a Standard Schema such as valibot's or zod's", value);

/** The queues as a list with every rank in place. */
export function sourcesOf(queues: Queues): Required<QueueSource>[] {
  const list: unknown = typeof queues === "string" || Object(queues).queue ? [queues] : queues;
  if (!Array.isArray(list) || list.length === 0) {
    refuse("queues", "a name, a URL, or a list of them that is not empty", queues);
  }
  return list.map((entry: string | QueueSource, index) => {
    const path = `queues.${index}`;
    const source: QueueSource = typeof entry === "string" ? { queue: entry } : entry;
    assertOptions<QueueSource>(path, source, {
      queue: assertText,
      priority: within(-Infinity, Infinity, true),
      weight: within(Number.MIN_VALUE, 1e9, true),
    }, "queue");
    const { queue, priority = 0, weight = 1 } = source;
    return { queue, priority, weight };
  });
}
