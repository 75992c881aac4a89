import { asError } from "../as_error.ts";
import { awsNow } from "../broker.ts";
import type { Delivery } from "../consume/delivery.ts";
import { DecodeError, TaskFailedError } from "../errors.ts";
import { MAX_VISIBILITY } from "../sqs/limits.ts";
import { unlessAborted } from "../unless_aborted.ts";
import { again, fail, isRunAgain, type Run, store, succeed } from "./finish.ts";
import { readRequest, type TaskRequest } from "./request.ts";
import { Retry, RETRY_DEFAULTS } from "./retry.ts";
import { type Outcome, runTask } from "./run_task.ts";
import { describeIssue } from "./send_task.ts";
import type { ServedTask, TaskContext } from "./types.ts";
import { untilDue } from "./until_due.ts";
import type { Worker } from "./worker.ts";

/**
 * The longest that an unknown task is hidden for, in seconds: 2 at first, doubled with each receive, so that two workers
 * don't toss it about, but no longer, as the one who knows it may need some tries to be the one who receives it.
 */
const UNKNOWN_LONGEST = 30;

const WORKER_LOST = { type: "WorkerLostError", module: "billiard.exceptions" };

/** Takes one message to its end. What returns unsettled is acked. */
export async function serveOne(
  worker: Worker,
  delivery: Delivery<unknown>,
  onInvalid: "leave" | "reject",
): Promise<void> {
  const { state, tasks, slots, stopping } = worker;
  const invalid = async (error: unknown) => {
    worker.tell("invalid", delivery, { error });
    await (onInvalid === "reject" ? delivery.reject({ error }) : delivery.retry({ error }));
  };
  let request: TaskRequest;
  try {
    request = readRequest(delivery);
  } catch (error) {
    return await invalid(error);
  }
  const task = tasks.get(request.task);
  if (!task || request.unsupported) {
    worker.tell("unknown", delivery, { error: request.unsupported });
    const wait = Math.min(UNKNOWN_LONGEST, 2 ** Math.min(delivery.receiveCount, 20));
    // Between half of it and all: workers that began together must not stay together. Before its eta nobody needs it.
    const due = request.eta ? (+request.eta - awsNow(state)) / 1000 : 0;
    const seconds = Math.max(wait * (1 + state.random()) / 2, due);
    return await delivery.release({ visibleAfter: Math.min(Math.ceil(seconds), MAX_VISIBILITY) });
  }
  const kept = !(request.ignoreResult ?? task.ignoreResult);
  const run: Run = { worker, delivery, request, kept, lost: delivery.signal };
  worker.tell("received", delivery, { eta: request.eta });
  const expired = () => request.expires && awsNow(state) > +request.expires;
  if (request.eta && !expired() && !(await untilDue(worker, delivery, request.eta))) return;
  if (!expired()) {
    if (!(await slots.enter(stopping.signal, delivery.signal))) return await giveBack(delivery);
    try {
      if (!expired()) return await work(run, task, invalid);
    } finally {
      slots.leave();
    }
  }
  worker.tell("expired", delivery);
  const result = { exc_type: "TaskRevokedError", exc_message: ["expired"], exc_module: "celery.exceptions" };
  await settling(run, () => store(run, { status: "REVOKED", result }));
}

async function work(given: Run, task: ServedTask, invalid: (error: unknown) => Promise<void>): Promise<void> {
  const { worker, delivery, request } = given;
  const early = worker.acks === "early";
  const run = early ? { ...given, lost: undefined } : given;
  let args: readonly unknown[];
  let kwargs: Readonly<Record<string, unknown>>;
  try {
    const checked = Promise.all([
      fit(task.args, request.args, request),
      fit(task.kwargs, request.kwargs, request),
    ]);
    [args, kwargs] = await unlessAborted(checked, delivery.signal) as [unknown[], Record<string, unknown>];
  } catch (error) {
    return await (delivery.signal.aborted ? giveBack(delivery) : invalid(error));
  }
  // What the handler stores goes in turn, and never after its end: the last word is the outcome's.
  let told: Promise<void> = Promise.resolve();
  let over = false;
  const controller = new AbortController();
  const { id, retries, eta, expires, rootId, parentId, group, groupIndex, stamps, headers } = request;
  const context: TaskContext = Object.freeze({
    id,
    task: request.task,
    args,
    kwargs,
    retries,
    eta,
    expires,
    rootId,
    parentId,
    group,
    groupIndex,
    stamps,
    headers,
    delivery,
    signal: controller.signal,
    update: (status: string, result?: unknown) => {
      const stored = told.then(async () => {
        if (!over) await store(run, { status, result });
      });
      told = stored.catch(() => {});
      return stored;
    },
  });
  // Before it begins, and not begun if that is in doubt: it would be run twice.
  if (early) await delivery.ack();
  let outcome = await runTask(worker.state, () => task.run(context, ...args), {
    controller,
    lost: run.lost ?? worker.over.signal,
    softTimeLimit: request.softTimeLimit ?? task.softTimeLimit,
    timeLimit: request.timeLimit ?? task.timeLimit,
  });
  over = true;
  if (outcome.type === "lost") {
    if (!early) return await giveBack(delivery);
    // As in Celery, nobody will run it again, and who waits for it should know.
    const error = new TaskFailedError("The worker ended before the task did", WORKER_LOST);
    outcome = { type: "threw", error };
  }
  await settling(run, async () => {
    await told;
    await conclude(run, outcome);
  });
}

/** Tells what a run came to: success, another run, or failure. */
async function conclude(run: Run, outcome: Exclude<Outcome, { type: "lost" }>): Promise<void> {
  const { worker, delivery, request } = run;
  let error: unknown;
  if (outcome.type === "threw") error = outcome.error;
  else {
    try {
      await succeed(run, outcome.value);
      return worker.tell("succeeded", delivery);
    } catch (final) {
      // As in Celery, a result or a callback that can't be written makes the task fail.
      if (isRunAgain(run, final)) throw final;
      error = final;
    }
  }
  if (error instanceof Retry) {
    try {
      const due = await again(run, error);
      return worker.tell("retried", delivery, { eta: due, error: error.options.error });
    } catch (final) {
      if (request.retries < (error.options.max ?? RETRY_DEFAULTS.max) && isRunAgain(run, final)) throw final;
      error = final; // retried often enough, or with arguments that can't be written
    }
  }
  await fail(run, error);
  worker.tell("failed", delivery, { error });
}

/** Gives a message back that was not begun; one that is not ours any more is left alone. */
async function giveBack(delivery: Delivery<unknown>): Promise<void> {
  await (delivery.signal.aborted ? delivery.leave() : delivery.release()).catch(() => {}); // an event has told it
}

/**
 * Does what must be done before the ack; where that fails the message stays, and the task is run again. What would fail
 * each time is told once: an id that no store can keep must not run a task for ever. Once the message is no longer ours
 * nothing waits for it, as a store may never answer.
 */
async function settling(run: Run, work: () => Promise<void>): Promise<void> {
  const { worker: { state }, delivery, lost } = run;
  try {
    await unlessAborted(work(), lost);
  } catch (error) {
    if (lost?.aborted) return await giveBack(delivery);
    state.emit({ type: "error", error: asError(error) });
    if (isRunAgain(run, error)) await delivery.retry({ error }).catch(() => {});
  }
}

/** Checks arguments by a schema, and gives what it makes of them. */
async function fit(schema: ServedTask["args"], value: unknown, { task, id }: TaskRequest): Promise<unknown> {
  if (!schema) return value;
  const result = await schema["~standard"].validate(value);
  if (!result.issues) return result.value;
  throw new DecodeError(`Cannot run ${task}[${id}] as ${describeIssue(result.issues[0])}`);
}
