import { stateOf } from "../broker.ts";
import { assertText, assertWithin, has, is, oneOf, refuse } from "../check.ts";
import { consume } from "../consume/consume.ts";
import { consumerOf } from "../consume/deliveries.ts";
import { forEach } from "../consume/for_each.ts";
import type { Queues, ReceiveOptions } from "../consume/options.ts";
import { lapse } from "../http/lapse.ts";
import { onAbort } from "../on_abort.ts";
import type { Broker, Codec, ResultStore } from "../types.ts";
import { serveOne } from "./serve_one.ts";
import { DEFAULT_QUEUE } from "./task_message.ts";
import type { ServedTask, TaskHandler } from "./types.ts";
import { createSlots, teller, type Worker } from "./worker.ts";

/**
 * Options of {@linkcode serveTasks}; those of the receiving are as in `consume()`. `maxRequests` counts those to the
 * queues it receives from; results, retries, callbacks and chained tasks are requests besides.
 */
export interface ServeTasksOptions extends Omit<ReceiveOptions, "onUndecodable"> {
  /** A name, a URL, or a list of names or `{ queue, priority?, weight? }`. Default: `celery`. */
  readonly queues?: Queues | undefined;
  /** Tasks that run side by side, 1 to 1,000,000. Default: 10. */
  readonly concurrency?: number | undefined;
  /**
   * The most messages held that are due, run or wait to run, 0 or more; 0 is no limit. Default: `concurrency`, so that
   * none waits.
   */
  readonly prefetch?: number | undefined;
  /** Where results go, such as `s3Results()`. Default: nowhere. */
  readonly results?: ResultStore | undefined;
  /**
   * When a message is deleted. `"late"`: after the task has ended, well or not, and its result is stored; if the worker
   * dies the task is run again. `"early"`: before it begins; it is run once at the most. Default: `"late"`, unlike Celery.
   */
  readonly acks?: "late" | "early" | undefined;
  /**
   * What becomes of a message that can't be run: no task's, or arguments that don't fit the schema. `"leave"`: it stays,
   * hidden by the `backoff`, else for what is left of its timeout, until the redrive policy takes it. `"reject"`: kombu's
   * rule, which deletes it where nothing else is said. Default: `"leave"`.
   */
  readonly onInvalid?: "leave" | "reject" | undefined;
  /**
   * The queue of callbacks and chained tasks that name none: Python's `task_routes` and `task_default_queue`, which no
   * message carries. Default: `celery`, as Celery's; where that is nobody's queue, a chain ends there unseen.
   */
  readonly queueFor?: ((task: string) => string | undefined) | undefined;
  /**
   * How bodies are read, and how callbacks, retries and chained tasks are written: Celery knows `kombu()` only. Default:
   * the predefined queue's, else the broker's.
   */
  readonly codec?: Codec | undefined;
}

/** A worker that runs. */
export interface TaskWorker extends AsyncDisposable {
  /**
   * Ends it: nothing new is begun, what runs may finish within `graceSeconds`; after that its `task.signal` fires, and it
   * is given back, or has failed if it was acked early. Resolves when all is settled: what was acked early waits for the
   * result store, however long that takes.
   */
  stop(): Promise<void>;
  /**
   * Resolves when it has ended and nothing is left.
   *
   * @throws What no retry mends, such as a queue that does not exist. Nobody need await it.
   */
  readonly closed: Promise<void>;
  /** How many tasks run now. */
  readonly running: number;
  /** When a receive was last answered. While all slots are taken none is asked: a health check counts `poll-failed`s. */
  readonly lastPollAt: Date | undefined;
}

/**
 * Runs Celery's tasks: receives their messages, runs the handler, stores the result, sends what comes after, and acks.
 *
 * - The positional arguments follow the context; arguments by name are in `task.kwargs`.
 * - A handler that throws makes the task fail: `FAILURE` is stored, `link_error` called, and the message acked, as Celery
 *   does. `throw retry({ countdown })` runs it again; an error of type `TaskFailedError` is told to Python by its type.
 * - A task with an `eta` is kept back until then: held here when it is near, hidden in the queue when it is far.
 * - A task past its `expires` is dropped, and stored as `REVOKED`.
 * - A task that has no handler here is made visible again for others, after 1 to 30 seconds. Each time is a receive of the
 *   redrive policy: better give each kind of worker a queue of its own. Python's workers reject such a message, and store
 *   a failure; without a redrive policy that deletes it.
 * - A chord can't be gone on with here: such a message is left to workers that can.
 *
 * @param broker What `connect()` gave.
 * @param handlers Functions by the names of their tasks, or what `task().serve()` gave; a list of the latter will do, too.
 * @param options Queues, concurrency, results: see {@linkcode ServeTasksOptions}.
 * @returns The worker. It has begun.
 * @throws {ConfigError} If an option is wrong.
 * @see {@link https://docs.celeryq.dev/en/stable/userguide/tasks.html}
 *
 * @example Usage
 * ```ts
 * import { connect, declareQueue } from "@dashi/sqs";
 * import { sendTask, serveTasks } from "@dashi/sqs/celery";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const broker = connect(memorySqs().connectOptions);
 * await declareQueue(broker, "celery");
 * await sendTask(broker, "app.add", { args: [2, 3] });
 *
 * await using worker = serveTasks(broker, {
 *   "app.add": (task, x: number, y: number) => {
 *     console.log(task.id, x + y);
 *     return x + y;
 *   },
 * }, { queues: ["celery"], concurrency: 8, untilEmpty: true, waitTimeSeconds: 0 });
 * await worker.closed;
 * ```
 */
export function serveTasks(
  broker: Broker,
  handlers: Readonly<Record<string, TaskHandler | ServedTask>> | readonly ServedTask[],
  options: ServeTasksOptions = {},
): TaskWorker {
  const {
    queues = DEFAULT_QUEUE,
    concurrency = 10,
    prefetch = concurrency,
    results,
    acks = "late",
    onInvalid = "leave",
    queueFor,
    signal,
    ...receiving
  } = options;
  assertWithin("concurrency", concurrency, 1, 1e6);
  oneOf("late", "early")("acks", acks);
  oneOf("leave", "reject")("onInvalid", onInvalid);
  if (results !== undefined) has("store")("results", results);
  if (queueFor !== undefined) is("function")("queueFor", queueFor);
  const state = stateOf(broker);
  const worker: Worker = {
    broker,
    state,
    tasks: tasksOf(handlers),
    results,
    acks,
    queueFor,
    codec: options.codec,
    stopping: new AbortController(),
    over: new AbortController(),
    parked: 0,
    slots: createSlots(concurrency),
    tell: teller(state),
  };
  // A task's arguments are wanted, however large.
  const taking = { ...receiving, prefetch, signal, dropExpired: false, payloads: "eager" } as const;
  const deliveries = consume(broker, queues, taking);
  const { graceSeconds } = consumerOf(deliveries)!.settings;
  const ended = new AbortController();
  const halt = () => {
    if (worker.stopping.signal.aborted) return;
    worker.stopping.abort(new DOMException("The worker has ended", "AbortError"));
    // A message that is acked already has no grace of its own.
    if (acks === "early") {
      void lapse(state.clock, graceSeconds, ended.signal).then(() => worker.over.abort(worker.stopping.signal.reason));
    }
  };
  const callOff = signal && onAbort(signal, halt);
  void deliveries.closed.then(halt); // by an error, too
  // Those that wait for their time run side by side with those that run.
  const all = { concurrency: Infinity };
  const closed = forEach(deliveries, (delivery) => serveOne(worker, delivery, onInvalid), all)
    .finally(() => {
      callOff?.();
      ended.abort();
    })
    .then(() => deliveries.closed);
  closed.catch(() => {}); // an event has told it
  const stop = async () => {
    halt();
    await deliveries.stop();
    await closed.catch(() => {});
  };
  return Object.freeze({
    stop,
    [Symbol.asyncDispose]: stop,
    closed,
    get running() {
      return worker.slots.used;
    },
    get lastPollAt() {
      return deliveries.lastPollAt;
    },
  });
}

function tasksOf(
  handlers: Readonly<Record<string, TaskHandler | ServedTask>> | readonly ServedTask[],
): Map<string, ServedTask> {
  const tasks = new Map<string, ServedTask>();
  if (typeof handlers !== "object" || !handlers) refuse("handlers", "functions by the names of tasks", handlers);
  for (const [key, handler] of Object.entries(handlers)) {
    const served: ServedTask = typeof handler === "function" ? { name: key, run: handler } : handler;
    const name = Array.isArray(handlers) ? served?.name : key;
    assertText(`handlers.${key}.name`, name);
    if (typeof served?.run !== "function") {
      refuse(`handlers.${key}`, "a function, or what task().serve() gave", handler);
    }
    for (const limit of ["timeLimit", "softTimeLimit"] as const) {
      const value = served[limit];
      if (value !== undefined) assertWithin(`handlers.${key}.${limit}`, value, 0.001, 1e9, true);
    }
    if (tasks.has(name)) refuse(`handlers.${key}`, "a task of its own name", name);
    tasks.set(name, served);
  }
  if (!tasks.size) refuse("handlers", "one task or more", handlers);
  return tasks;
}
