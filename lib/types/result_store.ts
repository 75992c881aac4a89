/**
 * Where Celery tasks leave what they return.
 *
 * @module
 */
import type { Broker } from "./broker.ts";

/** A task that was called: what `sendTask()` gives, and what a result store is asked about. */
export interface Call<T = unknown> {
  /** The task's id. */
  readonly id: string;
  /** Carries the type of what the task returns; it is never set. */
  readonly returns?: T;
  /** The task before it in a chain: where that fails or is revoked, this one never has a result of its own. */
  readonly parent?: Call;
}

/** What Celery's result backends keep of a task. */
export interface TaskMeta {
  /** `PENDING`, `STARTED`, `RETRY`, `SUCCESS`, `FAILURE`, `REVOKED`, or a state of the user's own. */
  readonly status: string;
  /** What the task returned; for a failure `{ exc_type, exc_message, exc_module }`. */
  readonly result?: unknown;
  /** Python's traceback of a failure. */
  readonly traceback?: string | null | undefined;
  /** The tasks that this one called. */
  readonly children?: readonly unknown[] | null | undefined;
  /** When it ended, in ISO 8601. Default: now, for a state that is final. */
  readonly date_done?: string | null | undefined;
  /** What else a backend keeps, such as `task_id` or `group_id`. */
  readonly [extra: string]: unknown;
}

/** Options of a {@linkcode ResultStore}'s verbs. */
export interface ResultOptions {
  /** The broker. Default: the one that the {@linkcode Call} went through; for an id alone, what the store was told. */
  readonly broker?: Broker | undefined;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Where Celery tasks leave what they return. `s3Results` of `@dashi/sqs/payloads` is one.
 *
 * @example One of your own
 * ```ts
 * import assert from "node:assert/strict";
 * import { TaskFailedError } from "@dashi/sqs";
 * import type { Call, ResultStore, TaskMeta } from "@dashi/sqs/celery";
 *
 * const kept = new Map<string, TaskMeta>();
 * const idOf = (call: Call | string) => typeof call === "string" ? call : call.id;
 * const results: ResultStore = {
 *   async get<T>(call: Call<T> | string): Promise<T> {
 *     for (;;) {
 *       const { status, result } = kept.get(idOf(call)) ?? { status: "PENDING" };
 *       if (status === "SUCCESS") return result as T;
 *       if (status === "FAILURE") throw new TaskFailedError(`Task ${idOf(call)} failed`, { type: "Exception" });
 *       await new Promise((resolve) => setTimeout(resolve, 100));
 *     }
 *   },
 *   meta: (call) => Promise.resolve(kept.get(idOf(call))),
 *   store(call, meta) {
 *     if (kept.get(idOf(call))?.status !== "SUCCESS") kept.set(idOf(call), meta);
 *     return Promise.resolve();
 *   },
 *   forget: (call) => Promise.resolve(void kept.delete(idOf(call))),
 * };
 * await results.store("a", { status: "SUCCESS", result: 5 });
 * assert.equal(await results.get("a"), 5);
 * ```
 */
export interface ResultStore {
  /**
   * Waits for a task's result. While the store can't be asked for now it waits, too.
   *
   * @throws {TaskFailedError} If the task failed or was revoked, or one that it waits for in its chain.
   * @throws {TimeoutError} If there is no result after `timeout` seconds. Default: it waits until the signal fires. Its
   * `cause` is why the store could not be asked at last.
   * @throws {DecodeError} If there is one that can't be read, such as a pickled one.
   */
  get<T = unknown>(
    call: Call<T> | string,
    options?: ResultOptions & { readonly timeout?: number | undefined },
  ): Promise<T>;
  /** What is known of a task now; undefined for nothing. */
  meta(call: Call | string, options?: ResultOptions): Promise<TaskMeta | undefined>;
  /** Keeps a task's state. One that has succeeded is not overwritten, as in Celery. */
  store(call: Call | string, meta: TaskMeta, options?: ResultOptions): Promise<void>;
  /** Removes what is kept of a task. */
  forget(call: Call | string, options?: ResultOptions): Promise<void>;
}
