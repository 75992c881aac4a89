/**
 * All that `onEvent` is told.
 *
 * @module
 */
import type { Service } from "./types/aws_request.ts";

/**
 * Why a message left the consumer without being handed over, or without an ack.
 *
 * - `expired`: it is past its `expiration`, and deleted.
 * - `lapsed`: its visibility timeout ran out while it waited: it comes again.
 * - `undecodable`: body, payload or schema failed: it stays until the redrive policy takes it.
 * - `payload-missing`: its payload is gone, and the store was told to ignore that: it is deleted.
 */
export type DropReason =
  | "expired"
  | "lapsed"
  | "undecodable"
  | "payload-missing";

/** A settlement ended. A type of its own for each verb, so that `Extract<DashiEvent, { type: "ack" }>` finds it. */
export interface SettlementEvent<Type extends "ack" | "release" | "extend" | "reject"> {
  /** The verb. */
  readonly type: Type;
  /** The queue's name, as it was given to `consume`. */
  readonly queue: string;
  /** SQS's id of the message. */
  readonly messageId: string;
  /** Seconds since the message was handed over (or received, for one that was not). */
  readonly seconds: number;
  /** Seconds until the message is visible again, where it was given back. */
  readonly visibleAfter?: number;
  /** Why it failed. */
  readonly error?: Error;
}

/**
 * What `onEvent` is told, told apart by `type`. Durations are seconds.
 *
 * - `request`: a try of a request ended. `status` is 0 where no answer came.
 * - `retry`: a request is tried again after `delay`.
 * - `receive`: a receive was answered with `count` messages.
 * - `handover`: a message was given to the loop.
 * - `ack`, `release`, `extend`, `reject`: a settlement ended, well or with `error`.
 * - `drop`: a message was not handed over, for `reason`.
 * - `stalled`: the loop waits on a full prefetch for more than 30 s; `messageIds` are held.
 * - `poll-failed`: a receive or a look-up failed and is tried again after `delay`.
 * - `visibility-unknown`: the queue's visibility timeout can't be read; each receive carries `visibilityTimeout`.
 * - `heartbeat-ended`: a message is not kept invisible any longer: 12 hours are over, or the receipt is.
 * - `publish`: messages were sent.
 * - `unroutable`: a message had no route; `queue` is set where the unroutable queue took it.
 * - `payload`: a large payload was stored, read or removed, or that failed with `error`.
 * - `credentials`: keys were refreshed, or a refresh failed with `error`.
 * - `topology`: a queue, exchange or subscription was made or removed.
 * - `task`: a Celery task changed its state.
 * - `etaUnreachable`: a Celery task's `eta` is further off than its queue's `maxReceiveCount` or retention reaches.
 * - `warning`: something was put right or left out; `message` says what.
 * - `error`: something failed that nobody awaited, or that ends an iteration; with `messageId`, the handler that
 *   `forEach()` ran for that message, or its heartbeat.
 *
 * @example A line for what went wrong
 * ```ts
 * import { connect, type DashiEvent } from "@dashi/sqs";
 *
 * function report(event: DashiEvent): void {
 *   if (event.type === "stalled") console.warn("the loop stands still on", event.messageIds);
 *   else if (event.type === "drop") console.warn(`${event.messageId} of ${event.queue} was dropped: ${event.reason}`);
 *   else if ("error" in event && event.error) console.error(event.type, event.error.message);
 * }
 * const broker = connect({ onEvent: report });
 * ```
 */
export type DashiEvent =
  | {
    readonly type: "request";
    /** The service that was asked. */
    readonly service: Service;
    /** The API action. */
    readonly action: string;
    /** The queue that it is about, if it is about one. */
    readonly queueUrl?: string;
    /** The HTTP status; 0 where no answer came. */
    readonly status: number;
    /** Which try of the request it was: 1 is the first. */
    readonly attempt: number;
    /** Seconds that the try took, from its signature to the end of its answer. */
    readonly seconds: number;
    /** AWS's id of the request. */
    readonly requestId?: string;
    /** Why the try failed. */
    readonly error?: Error;
  }
  | {
    readonly type: "retry";
    /** The service that is asked again. */
    readonly service: Service;
    /** The API action. */
    readonly action: string;
    /** The queue that it is about, if it is about one. */
    readonly queueUrl?: string;
    /** Which try has failed: 1 is the first. */
    readonly attempt: number;
    /** Seconds until the next try. */
    readonly delay: number;
    /** Why it failed. */
    readonly error: Error;
  }
  | {
    readonly type: "receive";
    /** The queue's name, as it was given to `consume`. */
    readonly queue: string;
    /** How many messages were asked for. */
    readonly asked: number;
    /** How many came. */
    readonly count: number;
    /** Seconds that it took, the long poll's wait included. */
    readonly seconds: number;
  }
  | {
    readonly type: "handover";
    /** The queue's name, as it was given to `consume`. */
    readonly queue: string;
    /** SQS's id of the message. */
    readonly messageId: string;
    /** How often the message was received, this time included. */
    readonly receiveCount: number;
    /** Seconds since the message was sent, where that is known. */
    readonly age?: number;
    /** The W3C trace context of its header `traceparent`. */
    readonly traceparent?: string;
  }
  | SettlementEvent<"ack">
  | SettlementEvent<"release">
  | SettlementEvent<"extend">
  | SettlementEvent<"reject">
  | {
    readonly type: "drop";
    /** The queue's name, as it was given to `consume`. */
    readonly queue: string;
    /** SQS's id of the message. */
    readonly messageId: string;
    /** Why it was not handed over. */
    readonly reason: DropReason;
    /** What went wrong with it. */
    readonly error?: Error;
  }
  | {
    readonly type: "stalled";
    /** The queues of the consumer. */
    readonly queues: readonly string[];
    /** SQS's ids of the messages that were never settled. */
    readonly messageIds: readonly string[];
    /** Seconds since the wait began, or since the event before. */
    readonly seconds: number;
  }
  | {
    readonly type: "poll-failed";
    /** The queue's name, as it was given to `consume`. */
    readonly queue: string;
    /** Seconds until it is asked again. */
    readonly delay: number;
    /** Why it failed. */
    readonly error: Error;
  }
  | {
    readonly type: "visibility-unknown";
    /** The queue's name, as it was given to `consume`. */
    readonly queue: string;
    /** Seconds of visibility that each receive carries. */
    readonly visibilityTimeout: number;
    /** Why the queue's own could not be read. */
    readonly error: Error;
  }
  | {
    readonly type: "heartbeat-ended";
    /** The queue's name, as it was given to `consume`. */
    readonly queue: string;
    /** SQS's id of the message. */
    readonly messageId: string;
    /** What SQS said; unset where the message's time was over. */
    readonly error?: Error;
  }
  | {
    readonly type: "publish";
    /** The queue, by the name it was called. */
    readonly queue?: string;
    /** The ARN of the fanout exchange's topic. */
    readonly topic?: string;
    /** Messages of the request. */
    readonly count: number;
    /** How many of them were not taken. */
    readonly failed: number;
    /** Seconds that it took. */
    readonly seconds: number;
  }
  | {
    readonly type: "unroutable";
    /** The exchange. */
    readonly exchange: string;
    /** The message's routing key. */
    readonly routingKey: string;
    /** The unroutable queue that takes it; unset where it goes nowhere. */
    readonly queue?: string;
  }
  | {
    readonly type: "payload";
    /** What was done with it. */
    readonly operation: "store" | "read" | "remove";
    /** The bucket. */
    readonly bucket: string;
    /** The object's key. */
    readonly key: string;
    /** Bytes, where they are known. */
    readonly size?: number;
    /** Why it failed. */
    readonly error?: Error;
  }
  | {
    readonly type: "credentials";
    /** The provider's name, such as `assumeRole`. */
    readonly provider: string;
    /** When the new keys end; unset for long-lived ones. */
    readonly expiration?: Date;
    /** Why the refresh failed. */
    readonly error?: Error;
  }
  | {
    readonly type: "topology";
    /** What was done; `policy` is a queue's access policy that was written. */
    readonly operation: "create" | "delete" | "subscribe" | "unsubscribe" | "policy";
    /** A queue's URL, or an ARN. */
    readonly resource: string;
  }
  | {
    readonly type: "task";
    /**
     * `deferred` is hidden until its `eta`, `unknown` is left to workers that know it, `invalid` can't be run: no task's
     * message, or arguments that don't fit.
     */
    readonly state:
      | "received"
      | "succeeded"
      | "failed"
      | "retried"
      | "expired"
      | "unknown"
      | "deferred"
      | "invalid";
    /** The task's name, as far as it can be read. */
    readonly task: string;
    /** The task's id, as far as it can be read. */
    readonly id: string;
    /** The queue's name, as it was given to `serveTasks`. */
    readonly queue: string;
    /** When it runs, or runs again. */
    readonly eta?: Date;
    /** Why it failed, is retried, or can't be run. */
    readonly error?: Error;
  }
  | {
    readonly type: "etaUnreachable";
    /** The task's name. */
    readonly task: string;
    /** The task's id. */
    readonly id: string;
    /** The queue's name, as it was given to `serveTasks`. */
    readonly queue: string;
    /** When it was to run. */
    readonly eta: Date;
  }
  | {
    readonly type: "warning";
    /** What was put right or left out. */
    readonly message: string;
  }
  | {
    readonly type: "error";
    /** What failed. */
    readonly error: Error;
    /** With `messageId`: its queue's name. */
    readonly queue?: string;
    /** The message whose handler threw, or whose heartbeat was refused. */
    readonly messageId?: string;
  };
