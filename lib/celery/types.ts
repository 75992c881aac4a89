/**
 * The types of Celery's tasks.
 *
 * @module
 */
import type { Delivery } from "../consume/delivery.ts";
import type { Call, Codec, MessageAttributeInput, StandardSchemaV1 } from "../types.ts";

/**
 * A call of a task that was not sent yet: plain data, in the very form that Celery's own `signature()` reads and
 * writes, so that it may be stored as JSON or handed to Python.
 *
 * `R` is what the task returns; `T` what it takes from the task before it, `unknown` if it takes nothing.
 */
export interface Signature<R = unknown, T = any> {
  /** The task's name. */
  readonly task: string;
  /** Positional arguments; the result of the task before comes ahead of them, unless `immutable`. */
  readonly args: readonly unknown[];
  /** Arguments by name. */
  readonly kwargs: Readonly<Record<string, unknown>>;
  /** Celery's execution options, by Celery's names. */
  readonly options: Readonly<Record<string, unknown>>;
  /** `chain` or `group` for several tasks in one. */
  readonly subtask_type: string | null;
  /** True if the result of the task before is of no interest. */
  readonly immutable: boolean;
  /** Carries the type of what it returns; never set. */
  readonly returns?: R;
  /** Carries the type of what it takes; never set. */
  readonly takes?: (value: T) => void;
}

/** Tasks that run side by side: what {@linkcode group} gives. `R` is the list of what they return. */
export interface Group<R extends readonly unknown[] = readonly unknown[], T = any> extends Signature<R, T> {
  /** It is a group. */
  readonly subtask_type: "group";
}

/** A chain whose end is a group: sent, it gives what the group would. */
export interface GroupChain<R extends readonly unknown[] = readonly unknown[], T = any> extends Signature<R, T> {
  /** It is a chain. */
  readonly subtask_type: "chain";
}

/** A chain that takes `T` and ends in `Z`. */
export type ChainTo<Z extends Signature<any, any>, T> = Z extends Group<infer R, any> | GroupChain<infer R, any>
  ? GroupChain<R, T>
  : Z extends Signature<infer R, any> ? Signature<R, T>
  : never;

/** A task that was called. */
export interface TaskCall<R = unknown> extends Call<R> {
  /** The task before it in the chain. */
  readonly parent?: TaskCall;
}

/** A group that was called. */
export interface GroupCall<R extends readonly unknown[] = readonly unknown[]> {
  /** The group's id. */
  readonly id: string;
  /** Its tasks, in order, those of a group in it among them; a chain in it that ends in a group has that group's call. */
  readonly calls: { readonly [K in keyof R]: CallOf<R[K]> };
}

/** The call of a task that returns `R`; for a chain that ends in a group the group's. */
export type CallOf<R> = 0 extends 1 & R ? TaskCall<R> : [R] extends [GroupCall<any>] ? R : TaskCall<R>;

/** What a task is sent with. Names that a definition or a signature sets already are overridden. */
export interface SendTaskOptions<R = any> {
  /** The queue's name or URL. Default: the task's own, else `celery`. */
  readonly queue?: string | undefined;
  /** The exchange, instead of a queue. */
  readonly exchange?: string | undefined;
  /** The key that the exchange routes by. */
  readonly routingKey?: string | undefined;
  /** Seconds until it may run, 0 or more. Up to 900 the message is also delayed by SQS, on standard queues. */
  readonly countdown?: number | undefined;
  /** The instant from which on it may run, at any distance: a `Date`, or ISO 8601, which is UTC without a zone. */
  readonly eta?: Date | string | undefined;
  /** Seconds, or the instant, after which it must not be begun. */
  readonly expires?: number | Date | string | undefined;
  /** Runs before this one. Default: 0. */
  readonly retries?: number | undefined;
  /** Told to workers, 0 to 255; SQS itself has no priorities. */
  readonly priority?: number | undefined;
  /** Seconds after which the run has failed, 0 or more; 0 is none of its own. */
  readonly timeLimit?: number | undefined;
  /** Seconds after which the run is told to end, 0 or more; 0 is none of its own. */
  readonly softTimeLimit?: number | undefined;
  /** Whether nobody asks for the result. Default: the task's own setting where it runs. */
  readonly ignoreResult?: boolean | undefined;
  /** Called with the result when the task has succeeded. */
  readonly link?: Signature<any, R> | readonly Signature<any, R>[] | undefined;
  /** Called with the task's id when it has failed. */
  readonly linkError?: Signature<any, string> | readonly Signature<any, string>[] | undefined;
  /** Headers of your own. */
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
  /** Stamps: labels that workers can be told to revoke by. */
  readonly stamps?: Readonly<Record<string, unknown>> | undefined;
  /** The name to show in logs instead of the task's. */
  readonly shadow?: string | undefined;
  /** The task's id. Default: a UUID. */
  readonly id?: string | undefined;
  /** The id of the Celery group that it is part of. */
  readonly group?: string | undefined;
  /** Its place in that group. */
  readonly groupIndex?: number | undefined;
  /** The task that runs now and sends this one: it becomes its parent, and its root is taken over. */
  readonly parent?: Pick<TaskContext, "id" | "rootId"> | undefined;
  /** The id of the first task of all. Default: the parent's, else its own. */
  readonly rootId?: string | undefined;
  /** The id of the task that called it. Default: the parent's. */
  readonly parentId?: string | undefined;
  /** Who sent it, for logs. Default: `dashi`. */
  readonly origin?: string | undefined;
  /** Where an `rpc://` backend would answer to. Default: nowhere. */
  readonly replyTo?: string | undefined;
  /** What logs and Flower show of the arguments, for those that hold secrets. Default: the first 1,024 characters. */
  readonly argsRepr?: string | undefined;
  /** The same for arguments by name. */
  readonly kwargsRepr?: string | undefined;
  /** SQS's message group: order on FIFO queues, fairness on others. */
  readonly groupId?: string | undefined;
  /** FIFO: the id that SQS drops a second message by. */
  readonly deduplicationId?: string | undefined;
  /** SQS message attributes. */
  readonly messageAttributes?: Readonly<Record<string, MessageAttributeInput>> | undefined;
  /** `gzip` or `zlib`, Celery's `compression`. */
  readonly compression?: string | undefined;
}

/** Options of {@linkcode sendTask}: what goes with the message, and how it is sent. */
export interface SendOptions<R = any> extends SendTaskOptions<R> {
  /** The W3C trace context, sent as the header `traceparent`. */
  readonly traceparent?: string | undefined;
  /** How the message is written: Celery reads `kombu()` only. Default: the queue's, else the broker's. */
  readonly codec?: Codec | undefined;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of {@linkcode signature}. */
export interface SignatureOptions<R = any> extends SendTaskOptions<R> {
  /** Positional arguments. */
  readonly args?: readonly unknown[] | undefined;
  /** Arguments by name. */
  readonly kwargs?: Readonly<Record<string, unknown>> | undefined;
  /** True to leave the result of the task before out. Default: false, as in Celery. */
  readonly immutable?: boolean | undefined;
}

/** What a handler is told of the task that it runs. */
export interface TaskContext {
  /** The task's id, the same in every retry. */
  readonly id: string;
  /** The task's name. */
  readonly task: string;
  /** The positional arguments, as the schema gave them. */
  readonly args: readonly unknown[];
  /** The arguments by name. */
  readonly kwargs: Readonly<Record<string, any>>;
  /** How often it was retried before. */
  readonly retries: number;
  /** From when on it was to run. */
  readonly eta?: Date;
  /** Until when it had to be begun. */
  readonly expires?: Date;
  /** The first task of all that led here. */
  readonly rootId: string;
  /** The task that called this one. */
  readonly parentId?: string;
  /** The id of the Celery group that it is part of. */
  readonly group?: string;
  /** Its place in that group. */
  readonly groupIndex?: number;
  /** Stamps: labels that the caller gave it. */
  readonly stamps: Readonly<Record<string, unknown>>;
  /** Every header of the message. */
  readonly headers: Readonly<Record<string, unknown>>;
  /** The message: its queue, receive count, attributes, and `extend()`. Leave its settling to the worker. */
  readonly delivery: Delivery<unknown>;
  /**
   * Fires when the soft time limit is over, with {@linkcode TimeLimitExceeded} as its reason; when the hard one is; and
   * when the message is no longer ours. Give it to all that waits.
   */
  readonly signal: AbortSignal;
  /**
   * Stores a state of your own, as Celery's `update_state()`: `PROGRESS`, say. Those of a run are stored in turn, and none
   * after its end. Without a result store, or if nobody asks for the result, it does nothing.
   */
  update(state: string, result?: unknown): Promise<void>;
}

/** A function that runs a task. What it returns is the result. */
export type TaskHandler<Args extends readonly any[] = any[], R = unknown> = (
  task: TaskContext,
  ...args: Args
) => R | Promise<R>;

/** How a task is served. */
export interface TaskSettings {
  /** Seconds, 0.001 or more, after which a run has failed; the message's own limit wins. Default: none. */
  readonly timeLimit?: number | undefined;
  /** Seconds, 0.001 or more, after which `task.signal` fires; the message's own limit wins. Default: none. */
  readonly softTimeLimit?: number | undefined;
  /** Whether results are not stored where the message doesn't say. Default: false. */
  readonly ignoreResult?: boolean | undefined;
}

/** A handler with its settings: what `task().serve()` gives, and {@linkcode serveTasks} takes. */
export interface ServedTask extends TaskSettings {
  /** The task's name. */
  readonly name: string;
  /** Checks the positional arguments, as a list. */
  readonly args?: StandardSchemaV1 | undefined;
  /** Checks the arguments by name. */
  readonly kwargs?: StandardSchemaV1 | undefined;
  /** Runs it. */
  readonly run: TaskHandler;
}
