/**
 * A broker, and what it is made of.
 *
 * @module
 */
import type { DashiEvent } from "../events.ts";
import type { Endpoints } from "./aws_request.ts";
import type { Codec } from "./codec.ts";
import type { CredentialProvider, Credentials } from "./credentials.ts";
import type { Fanout } from "./fanout.ts";
import type { PayloadStore } from "./payload_store.ts";
import type { Clock, Fetch } from "./runtime.ts";
import type { PredefinedQueue, Topology } from "./topology.ts";

/** A broker: what `connect()` gives. It holds no secret that can be seen, and no connection. */
export interface Broker {
  /** The `queueNamePrefix` option. */
  readonly queueNamePrefix: string;
  /** How often the broker has sent a request, retries counted. */
  readonly requests: number;
}

/** The options of {@linkcode Broker}'s maker, `connect()`. */
export interface ConnectOptions {
  /**
   * The AWS region. Default: AWS_REGION, then AWS_DEFAULT_REGION, then us-east-1. Requests about a queue URL of AWS's are
   * signed for the region in it, whatever stands here.
   */
  readonly region?: string | undefined;
  /** Keys, or a function that gives them; by default the environment's AWS_* variables. */
  readonly credentials?: Credentials | CredentialProvider | undefined;
  /** Where the services are; by default AWS. Wins over the host of every queue URL. */
  readonly endpoint?: Endpoints | undefined;
  /** Put before every queue name, and translated with it. Never on URLs. Default: the empty string. */
  readonly queueNamePrefix?: string | undefined;
  /** The queues that there are; with it every other queue is an `UndefinedQueueError`, so `{}` allows none. */
  readonly predefinedQueues?: Readonly<Record<string, PredefinedQueue>> | undefined;
  /** Creates missing queues on first use. Default: false. */
  readonly createMissing?: boolean | undefined;
  /** Long-poll time in whole seconds, 0 to 20. Default: 20. */
  readonly waitTimeSeconds?: number | undefined;
  /** Seconds to wait after an empty answer, 0 or more; a fraction counts. Default: 0. */
  readonly pollingInterval?: number | undefined;
  /** Visibility timeout in whole seconds, 0 to 43,200, sent with each receive. Default: the queue's own. */
  readonly visibilityTimeout?: number | undefined;
  /** Whole seconds, 0 to 43,200, that a requeue hides a message for. Default: 0; kombu's is its wait time. */
  readonly requeueDelay?: number | undefined;
  /** Attributes of queues that are created. */
  readonly queueAttributes?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** Tags of queues that are created. */
  readonly queueTags?: Readonly<Record<string, string>> | undefined;
  /** Attributes to ask for with each receive: system ones as a list, both kinds by name, or `"All"` of both. */
  readonly fetchAttributes?: "All" | readonly string[] | {
    readonly system?: "All" | readonly string[] | undefined;
    readonly message?: "All" | readonly string[] | undefined;
  } | undefined;
  /** How bodies are written and read. Default: `kombu({ base64: true })`. */
  readonly codec?: Codec | undefined;
  /** Where large bodies go. */
  readonly payloads?: PayloadStore | undefined;
  /** How fanout exchanges work. */
  readonly fanout?: Fanout | undefined;
  /** Exchanges and bindings to begin with. */
  readonly topology?: Topology | undefined;
  /** Takes what an exchange without an `unroutableQueue` of its own can't route: kombu's `deadletter_queue`. */
  readonly unroutableQueue?: string | undefined;
  /** How requests are sent. */
  readonly http?: HttpOptions | undefined;
  /**
   * Checks the MD5 of bodies and attributes, both directions. Default: true. Not that of attributes which an emulator was
   * asked for by name: it may be over all that the message has.
   */
  readonly checkMd5?: boolean | undefined;
  /** Time. Default: the runtime's. */
  readonly clock?: Clock | undefined;
  /** Randomness from 0 up to 1. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
  /** Is told all that happens. What it throws is ignored. */
  readonly onEvent?: ((event: DashiEvent) => void) | undefined;
}

/** How requests are sent: the `http` of {@linkcode ConnectOptions}. */
export interface HttpOptions {
  /** Sends a request. Default: the global `fetch`. */
  readonly fetch?: Fetch | undefined;
  /** Seconds to the answer's headers, 0.001 or more; a receive adds its wait. Default: 10. */
  readonly requestTimeout?: number | undefined;
  /** Tries of one request, the first included: a whole number, 1 or more. Default: 3. */
  readonly maxAttempts?: number | undefined;
  /** Allows plain http to hosts that are neither local nor private. Default: false. */
  readonly allowInsecure?: boolean | undefined;
}
