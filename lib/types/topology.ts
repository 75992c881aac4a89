/**
 * Queues, exchanges and what binds them.
 *
 * @module
 */
import type { Codec } from "./codec.ts";
import type { CredentialProvider, Credentials } from "./credentials.ts";

/** A queue that was looked up. */
export interface QueueAddress {
  /** The name that the user gave. */
  readonly name: string;
  /** The queue URL. */
  readonly url: string;
  /** True for a FIFO queue. */
  readonly fifo: boolean;
  /** The region that its requests are signed for, where it is not the broker's. */
  readonly region?: string | undefined;
  /** Its own keys, where they are not the broker's. */
  readonly credentials?: Credentials | CredentialProvider | undefined;
  /** Set for a predefined queue. */
  readonly predefined?: PredefinedQueue | undefined;
}

/** A queue that exists already. */
export interface PredefinedQueue {
  /** The queue URL. */
  readonly url: string;
  /** The region that its requests are signed for. Default: the URL's, then the broker's. */
  readonly region?: string | undefined;
  /** Its own keys. Default: the broker's. */
  readonly credentials?: Credentials | CredentialProvider | undefined;
  /** How its bodies are written and read. Default: the broker's. */
  readonly codec?: Codec | undefined;
  /** Whole seconds, 0 to 43,200, to hide a failed message for, by its receive count. */
  readonly backoffPolicy?: Readonly<Record<number, number>> | undefined;
  /** The tasks (`headers.task`) that the policy applies to on reject. Default: every message, task or not. */
  readonly backoffTasks?: readonly string[] | undefined;
}

/** The kinds of exchange. */
export type ExchangeType = "direct" | "topic" | "fanout";

/** Exchanges and bindings as plain data: it can be written down, shared and serialised as JSON. */
export interface Topology {
  /** The exchanges by name. */
  readonly exchanges: Readonly<
    Record<string, { readonly type: ExchangeType; readonly unroutableQueue?: string | undefined }>
  >;
  /** Which queue gets what, of which exchange. */
  readonly bindings: readonly {
    readonly exchange: string;
    readonly queue: string;
    readonly routingKey: string;
  }[];
}
