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

/** What a task is called with after this one. */
function heritage({ id, rootId }: TaskRequest): Record<string, unknown> {
  return { parent_id: id, root_id: rootId };
}

/** Sends what was planned, written as what the worker reads. */
function send({ broker, codec }: Worker, messages: Plan["messages"]): Promise<void> {
  return deliver(broker, messages.map((message) => ({ ...message, codec })));
}

/** Stores a state of a task, if it is stored at all. */
export async function store(
  { results, broker }: Worker,
  { id, parentId, group }: Pick<TaskRequest, "id" | "parentId" | "group">,
  kept: boolean,
  meta: TaskMeta,
): Promise<void> {
  if (!results || !kept) return;
  const family = { ...(parentId && { parent_id: parentId }), ...(group && { group_id: group }) };
  await results.store({ id }, { ...family, ...meta }, { broker });
}

/** The task has returned. */
export async function succeed(worker: Worker, request: TaskRequest, kept: boolean, value: unknown): Promise<void> {
  const { queueFor, state } = worker;
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
  await store(worker, request, kept, { status: "SUCCESS", result: value ?? null, children });
  for (const { messages } of plans) await send(worker, messages);
}

/**
 * A call as Celery names it in a result: `AsyncResult.children` waits for each task of a group, which has none itself. Of
 * the tasks before it the next twenty are named: each of a group at the end of a long chain would have all.
 */
function childOf({ id, parent, calls }: TaskCall & { calls?: GroupCall["calls"] }, left = 20): unknown[] {
  return [[id, parent && left ? childOf(parent, left - 1) : null], calls?.map((call) => childOf(call)) ?? null];
}

/**
 * True for an error that another run of the task may not meet: what AWS says, keys that could not be had, damage on the
 * way, or what a store of the user's throws. Of several calls one such is enough.
 */
export function mayPass(error: unknown): boolean {
  if (error instanceof PublishError) return error.failed.some(({ error }) => mayPass(error));
  return !(error instanceof DashiError) || error instanceof AwsError || error instanceof CredentialsError ||
    error instanceof IntegrityError;
}

/** The task has failed: so have those that wait for it in the chain. */
export async function fail(worker: Worker, request: TaskRequest, kept: boolean, error: unknown): Promise<void> {
  const { queueFor, state } = worker;
  const { errbacks, chain } = request.after!;
  const meta: TaskMeta = { status: "FAILURE", ...describeError(error) };
  await store(worker, request, kept, meta);
  for (const { options: { task_id, group_id } } of chain) {
    if (typeof task_id === "string") await store(worker, { id: task_id, group: group_id as string }, kept, meta);
  }
  for (const errback of errbacks) {
    try {
      const more = { prepend: [request.id], options: heritage(request), queueFor };
      await send(worker, plan(state, errback, more).messages);
    } catch (cause) {
      if (mayPass(cause)) throw cause;
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
export async function again(
  worker: Worker,
  request: TaskRequest,
  delivery: Delivery<unknown>,
  kept: boolean,
  { options }: Retry,
): Promise<Date> {
  const { state } = worker;
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
  await store(worker, request, kept, {
    status: "RETRY",
    ...(error === undefined ? { result: null } : describeError(error)),
  });
  await send(worker, messages);
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
