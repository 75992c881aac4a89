/**
 * All that `onEvent` is told.
 *
 * @module
 */
import type { Service } from "./types/aws_request.ts";

/** Why a message left the consumer without being handed over, or without an ack. */
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
 *   `forEach()` ran for that message.
 */
export type DashiEvent =
  | {
    readonly type: "request";
    readonly service: Service;
    readonly action: string;
    readonly queueUrl?: string;
    readonly status: number;
    readonly attempt: number;
    readonly seconds: number;
    readonly requestId?: string;
    readonly error?: Error;
  }
  | {
    readonly type: "retry";
    readonly service: Service;
    readonly action: string;
    readonly queueUrl?: string;
    readonly attempt: number;
    readonly delay: number;
    readonly error: Error;
  }
  | {
    readonly type: "receive";
    readonly queue: string;
    readonly asked: number;
    readonly count: number;
    readonly seconds: number;
  }
  | {
    readonly type: "handover";
    readonly queue: string;
    readonly messageId: string;
    readonly receiveCount: number;
    /** Seconds since the message was sent, where that is known. */
    readonly age?: number;
    readonly traceparent?: string;
  }
  | SettlementEvent<"ack">
  | SettlementEvent<"release">
  | SettlementEvent<"extend">
  | SettlementEvent<"reject">
  | {
    readonly type: "drop";
    readonly queue: string;
    readonly messageId: string;
    readonly reason: DropReason;
    readonly error?: Error;
  }
  | {
    readonly type: "stalled";
    readonly queues: readonly string[];
    readonly messageIds: readonly string[];
    readonly seconds: number;
  }
  | { readonly type: "poll-failed"; readonly queue: string; readonly delay: number; readonly error: Error }
  | {
    readonly type: "visibility-unknown";
    readonly queue: string;
    readonly visibilityTimeout: number;
    readonly error: Error;
  }
  | {
    readonly type: "heartbeat-ended";
    readonly queue: string;
    readonly messageId: string;
    readonly error?: Error;
  }
  | {
    readonly type: "publish";
    readonly queue?: string;
    readonly topic?: string;
    readonly count: number;
    readonly failed: number;
    readonly seconds: number;
  }
  | {
    readonly type: "unroutable";
    readonly exchange: string;
    readonly routingKey: string;
    readonly queue?: string;
  }
  | {
    readonly type: "payload";
    readonly operation: "store" | "read" | "remove";
    readonly bucket: string;
    readonly key: string;
    readonly size?: number;
    readonly error?: Error;
  }
  | {
    readonly type: "credentials";
    readonly provider: string;
    readonly expiration?: Date;
    readonly error?: Error;
  }
  | {
    readonly type: "topology";
    readonly operation: "create" | "delete" | "subscribe" | "unsubscribe" | "policy";
    readonly resource: string;
  }
  | {
    readonly type: "task";
    readonly state:
      | "received"
      | "succeeded"
      | "failed"
      | "retried"
      | "expired"
      | "unknown"
      | "deferred"
      | "invalid";
    readonly task: string;
    readonly id: string;
    readonly queue: string;
    readonly eta?: Date;
    readonly error?: Error;
  }
  | {
    readonly type: "etaUnreachable";
    readonly task: string;
    readonly id: string;
    readonly queue: string;
    readonly eta: Date;
  }
  | { readonly type: "warning"; readonly message: string }
  | { readonly type: "error"; readonly error: Error; readonly queue?: string; readonly messageId?: string };
