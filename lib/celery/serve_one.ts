import { asError } from "../as_error.ts";
import { awsNow } from "../broker.ts";
import type { Delivery } from "../consume/delivery.ts";
import { DecodeError, TaskFailedError } from "../errors.ts";
import { MAX_VISIBILITY } from "../sqs/limits.ts";
import { again, fail, mayPass, store, succeed } from "./finish.ts";
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
  worker.tell("received", delivery, { eta: request.eta });
  const expired = () => request.expires && awsNow(state) > +request.expires;
  if (request.eta && !expired() && !(await untilDue(worker, delivery, request.eta))) return;
  if (!expired()) {
    if (!(await slots.enter(stopping.signal, delivery.signal))) return await giveBack(delivery);
    try {
      if (!expired()) return await work(worker, delivery, request, kept, task, invalid);
    } finally {
      slots.leave();
    }
  }
  worker.tell("expired", delivery);
  const result = { exc_type: "TaskRevokedError", exc_message: ["expired"], exc_module: "celery.exceptions" };
  await settling(worker, delivery, () => store(worker, request, kept, { status: "REVOKED", result }));
}

async function work(
  worker: Worker,
  delivery: Delivery<unknown>,
  request: TaskRequest,
  kept: boolean,
  task: ServedTask,
  invalid: (error: unknown) => Promise<void>,
): Promise<void> {
  const { state, acks, results, broker } = worker;
  let args: readonly unknown[];
  let kwargs: Readonly<Record<string, unknown>>;
  try {
    args = await fit(task.args, request.args, request) as readonly unknown[];
    kwargs = await fit(task.kwargs, request.kwargs, request) as Record<string, unknown>;
  } catch (error) {
    return await invalid(error);
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
        if (results && kept && !over) await results.store({ id }, { status, result }, { broker });
      });
      told = stored.catch(() => {});
      return stored;
    },
  });
  // Before it begins, and not begun if that is in doubt: it would be run twice.
  if (acks === "early") await delivery.ack();
  let outcome = await runTask(state, () => task.run(context, ...args), {
    controller,
    lost: acks === "late" ? delivery.signal : worker.over.signal,
    softTimeLimit: request.softTimeLimit ?? task.softTimeLimit,
    timeLimit: request.timeLimit ?? task.timeLimit,
  });
  over = true;
  if (outcome.type === "lost") {
    if (acks === "late") return await giveBack(delivery);
    // As in Celery, nobody will run it again, and who waits for it should know.
    const error = new TaskFailedError("The worker ended before the task did", WORKER_LOST);
    outcome = { type: "threw", error };
  }
  await told;
  await settling(worker, delivery, () => conclude(worker, delivery, request, kept, outcome));
}

/** Tells what a run came to: success, another run, or failure. */
async function conclude(
  worker: Worker,
  delivery: Delivery<unknown>,
  request: TaskRequest,
  kept: boolean,
  outcome: Exclude<Outcome, { type: "lost" }>,
): Promise<void> {
  let error: unknown;
  if (outcome.type === "threw") error = outcome.error;
  else {
    try {
      await succeed(worker, request, kept, outcome.value);
      return worker.tell("succeeded", delivery);
    } catch (final) {
      // As in Celery, a result or a callback that can't be written makes the task fail.
      if (mayPass(final)) throw final;
      error = final;
    }
  }
  if (error instanceof Retry) {
    try {
      const due = await again(worker, request, delivery, kept, error);
      return worker.tell("retried", delivery, { eta: due, error: error.options.error });
    } catch (final) {
      if (request.retries < (error.options.max ?? RETRY_DEFAULTS.max) && mayPass(final)) throw final;
      error = final; // retried often enough, or with arguments that can't be written
    }
  }
  await fail(worker, request, kept, error);
  worker.tell("failed", delivery, { error });
}

/** Gives a message back that was not begun; one that is not ours any more is left alone. */
async function giveBack(delivery: Delivery<unknown>): Promise<void> {
  await (delivery.signal.aborted ? delivery.leave() : delivery.release()).catch(() => {}); // an event has told it
}

/**
 * Does what must be done before the ack; where that fails the message stays, and the task is run again. What would fail
 * each time is told once: an id that no store can keep must not run a task for ever.
 */
async function settling({ state }: Worker, delivery: Delivery<unknown>, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    state.emit({ type: "error", error: asError(error) });
    if (mayPass(error)) await delivery.retry({ error }).catch(() => {});
  }
}

/** Checks arguments by a schema, and gives what it makes of them. */
async function fit(schema: ServedTask["args"], value: unknown, { task, id }: TaskRequest): Promise<unknown> {
  if (!schema) return value;
  const result = await schema["~standard"].validate(value);
  if (!result.issues) return result.value;
  throw new DecodeError(`Cannot run ${task}[${id}] as ${describeIssue(result.issues[0])}`);
}
