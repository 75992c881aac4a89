/**
 * What follows a run: the result is stored, callbacks, errbacks and the rest of the chain are sent.
 *
 * In this order, as a result may be stored twice and a message must not be sent twice: first the result, then what comes
 * after, at last the ack.
 *
 * @module
 */
import { awsNow } from "../broker.ts";
import type { Delivery } from "../consume/delivery.ts";
import {
  AwsError,
  CredentialsError,
  DashiError,
  IntegrityError,
  PublishError,
  TaskFailedError,
  TimeLimitExceeded,
} from "../errors.ts";
import type { TaskMeta } from "../types.ts";
import { tasksOf } from "./chain.ts";
import { readIsoDate, writeIsoDate } from "./iso_date.ts";
import { partsOfError } from "./parts_of_error.ts";
import { callOf, type Plan, plan } from "./plan.ts";
import { signatureOf, type TaskRequest } from "./request.ts";
import { type Retry, RETRY_DEFAULTS, retryDelay } from "./retry.ts";
import { deliver } from "./send_task.ts";
import type { GroupCall, Signature, TaskCall } from "./types.ts";
import type { Worker } from "./worker.ts";

/** A task whose end is to be told. */
export interface Run {
  readonly worker: Worker;
  readonly delivery: Delivery<unknown>;
  readonly request: TaskRequest;
  /** Whether its states are stored. */
  readonly kept: boolean;
  /**
   * Fires when the message is no longer ours: whoever runs the task then does all of this, too, so nothing more is stored
   * or sent. Undefined where it was acked before it began.
   */
  readonly lost: AbortSignal | undefined;
}

/** What a task is called with after this one. */
function heritage({ id, rootId }: TaskRequest): Record<string, unknown> {
  return { parent_id: id, root_id: rootId };
}

/** Sends what was planned, written as what the worker reads. */
function send({ worker: { broker, codec }, lost }: Run, messages: Plan["messages"]): Promise<void> {
  return deliver(broker, messages.map((message) => ({ ...message, codec })), lost);
}

/**
 * Stores a state of a task, if it is stored at all.
 *
 * @throws The reason of `lost`, also where the store did not hear it.
 */
export async function store(
  { worker: { results, broker }, request, kept, lost }: Run,
  meta: TaskMeta,
  { id, parentId, group }: Pick<TaskRequest, "id" | "parentId" | "group"> = request,
): Promise<void> {
  lost?.throwIfAborted();
  if (results && kept) {
    const family = { ...(parentId && { parent_id: parentId }), ...(group && { group_id: group }) };
    await results.store({ id }, { ...family, ...meta }, { broker, signal: lost });
  }
  lost?.throwIfAborted();
}

/** The task has returned. */
export async function succeed(run: Run, value: unknown): Promise<void> {
  const { worker: { queueFor, state }, request } = run;
  const { callbacks, chain } = request.after!;
  const planned = (call: Signature, options?: Record<string, unknown>) =>
    plan(state, call, {
      prepend: [value ?? null],
      options: { ...heritage(request), ...options },
      queueFor,
    });
  // All is written before any of it is done: what can't be written makes the task fail.
  const plans = callbacks.map((call) => planned(call));
  const next = chain.at(-1);
  if (next) plans.push(planned(next, chain.length > 1 ? { chain: chain.slice(0, -1) } : undefined));
  // What begins now: of a chain its first task.
  const children = plans.map(({ call }) => childOf(callOf(call.subtask_type === "chain" ? tasksOf(call)[0] : call)));
  await store(run, { status: "SUCCESS", result: value ?? null, children });
  for (const { messages } of plans) await send(run, messages);
}

/**
 * A call as Celery names it in a result: `AsyncResult.children` waits for each task of a group, which has none itself. Of
 * the tasks before it the next twenty are named: each of a group at the end of a long chain would have all.
 */
function childOf({ id, parent, calls }: TaskCall & { calls?: GroupCall["calls"] }, left = 20): unknown[] {
  return [[id, parent && left ? childOf(parent, left - 1) : null], calls?.map((call) => childOf(call)) ?? null];
}

/** True if the task is to be run again for an error: another run may not meet it, and its message is not acked yet. */
export function isRunAgain({ lost }: Run, error: unknown): boolean {
  return !!lost && mayPass(error);
}

/**
 * True for an error that may pass: what AWS says, keys that could not be had, damage on the way, or what a store of the
 * user's throws. Of several calls one such is enough.
 */
function mayPass(error: unknown): boolean {
  if (error instanceof PublishError) return error.failed.some(({ error }) => mayPass(error));
  return !(error instanceof DashiError) || error instanceof AwsError || error instanceof CredentialsError ||
    error instanceof IntegrityError;
}

/** The task has failed: so have those that wait for it in the chain. */
export async function fail(run: Run, error: unknown): Promise<void> {
  const { worker: { queueFor, state }, request } = run;
  const { errbacks, chain } = request.after!;
  const meta: TaskMeta = { status: "FAILURE", ...describeError(error) };
  await store(run, meta);
  for (const { options: { task_id, group_id } } of chain) {
    if (typeof task_id === "string") await store(run, meta, { id: task_id, group: group_id as string });
  }
  for (const errback of errbacks) {
    try {
      const more = { prepend: [request.id], options: heritage(request), queueFor };
      await send(run, plan(state, errback, more).messages);
    } catch (cause) {
      if (isRunAgain(run, cause)) throw cause;
      state.emit({ type: "error", error: cause as Error });
    }
  }
}

/**
 * The task is to be run again: it is sent once more, with the same id.
 *
 * @returns When it will run.
 * @throws What it fails with, if it was retried often enough.
 */
export async function again(run: Run, { options }: Retry): Promise<Date> {
  const { worker: { state }, delivery, request } = run;
  const { max = RETRY_DEFAULTS.max, error } = options;
  const retries = request.retries + 1;
  if (retries > max) {
    const { task, id } = request;
    throw error ?? new TaskFailedError(`Can't retry ${task}[${id}] after ${request.retries} retries`, {
      type: "MaxRetriesExceededError",
      module: "celery.exceptions",
    });
  }
  const now = awsNow(state);
  const eta = readIsoDate("eta", options.eta) ??
    new Date(now + retryDelay(options, request.retries, state.random) * 1000);
  const due = +eta > now ? writeIsoDate(eta) : undefined;
  const same = signatureOf(request, delivery);
  const signature = { ...same, args: options.args ?? same.args, kwargs: options.kwargs ?? same.kwargs };
  const { messages } = plan(state, signature, { options: { retries, eta: due } });
  // Stored first: the next run may end before a later word of this one, which would be taken for the last.
  await store(run, { status: "RETRY", ...(error === undefined ? { result: null } : describeError(error)) });
  await send(run, messages);
  return eta;
}

/** An error as Celery stores it. */
function describeError(error: unknown): { result: Record<string, unknown>; traceback: string | null } {
  const { name, message, stack } = partsOfError(error);
  const describe = (type: string, module: string | null, said: unknown[] = [message]) => ({
    result: { exc_type: type, exc_message: said, exc_module: module },
    traceback: stack,
  });
  if (error instanceof TaskFailedError) {
    const { type, module = null, traceback } = error;
    return { ...describe(type, module), ...(traceback && { traceback }) };
  }
  if (error instanceof TimeLimitExceeded) {
    return describe(error.soft ? "SoftTimeLimitExceeded" : "TimeLimitExceeded", "billiard.exceptions", [error.seconds]);
  }
  return describe(name, null);
}
