import { stateOf } from "../broker.ts";
import { keepCall } from "../celery_call.ts";
import { placeOf } from "../consume/validate.ts";
import { ConfigError, PublishError } from "../errors.ts";
import { publish } from "../publish/publish.ts";
import { publishMany } from "../publish/publish_many.ts";
import type { Broker, StandardSchemaV1 } from "../types.ts";
import { tasksOf } from "./chain.ts";
import { callOf, type Plan, plan } from "./plan.ts";
import { assertSignature, signature, toWireOptions } from "./signature.ts";
import { schemasOf } from "./task.ts";
import type { Group, GroupCall, GroupChain, SendOptions, Signature, SignatureOptions, TaskCall } from "./types.ts";

/**
 * Calls a task: sends Celery's message for it. Any Celery worker of the queue runs it, or {@linkcode serveTasks}.
 *
 * Options of the call win over those of its definition. For a chain they are the first task's, but `id`, `link` and the
 * group belong to its last and `linkError` to all; for a group they are everyone's, but it takes no `link`.
 *
 * @param broker What `connect()` gave.
 * @param task A call such as `add(2, 3)`, a chain, a group, or a task's name.
 * @param options Queue, time, callbacks: see {@linkcode SendTaskOptions}; for a name, `args` and `kwargs`, too.
 * @returns The call: its id, to ask a result store such as `s3Results()` about. For a chain it is the last task's.
 * @throws {ConfigError} If an option is wrong, or arguments don't fit the task's schema.
 * @throws {PublishError} If some messages of a group were not sent; else what `publish()` throws.
 * @see {@link https://docs.celeryq.dev/en/stable/internals/protocol.html#version-2}
 *
 * @example Usage
 * ```ts
 * import { connect, declareQueue } from "@dashi/sqs";
 * import { sendTask, task } from "@dashi/sqs/celery";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const broker = connect(memorySqs().connectOptions);
 * await declareQueue(broker, "celery");
 *
 * const add = task<[x: number, y: number], number>("app.add");
 * const call = await sendTask(broker, add(2, 3), { queue: "celery", countdown: 30, expires: 3600 });
 * console.log(call.id);
 * await sendTask(broker, "app.mail", { args: ["ops"], kwargs: { subject: "2 + 3" } });
 * ```
 */
export function sendTask<R extends readonly unknown[]>(
  broker: Broker,
  task: Group<R, unknown> | GroupChain<R, unknown>,
  options?: SendOptions,
): Promise<GroupCall<R>>;
/** A task or a chain. */
export function sendTask<R>(
  broker: Broker,
  task: Signature<R, unknown>,
  options?: SendOptions<R>,
): Promise<TaskCall<R>>;
/** A task by its name. */
export function sendTask<R = unknown>(
  broker: Broker,
  task: string,
  options?: SendOptions<R> & SignatureOptions<R>,
): Promise<TaskCall<R>>;
export async function sendTask(
  broker: Broker,
  task: Signature<any, any> | string,
  { traceparent, codec, signal, ...options }: SendOptions & SignatureOptions = {},
): Promise<TaskCall | GroupCall> {
  const state = stateOf(broker);
  const call = typeof task === "string" ? signature(task, options) : task;
  assertSignature("task", call);
  await checkArguments(call);
  const wire = typeof task === "string" ? {} : toWireOptions(options);
  const planned = plan(state, call, { options: wire, ownExchanges: true });
  const messages = planned.messages.map((message) => ({ ...message, traceparent, codec }));
  await deliver(broker, messages, signal);
  return callOf(planned.call, (call) => keepCall(Object.freeze(call), broker) as TaskCall);
}

/** Sends what was planned. */
export async function deliver(broker: Broker, messages: Plan["messages"], signal?: AbortSignal): Promise<void> {
  if (messages.length === 1) {
    const [{ body, ...options }] = messages;
    await publish(broker, body, { ...options, signal });
    return;
  }
  const results = await publishMany(broker, messages, { signal });
  const failed = results.flatMap(({ error }, index) => error ? [{ queue: messages[index].queue, error }] : []);
  if (!failed.length) return;
  const [{ error: cause }] = failed;
  throw new PublishError(
    `Cannot send ${failed.length} of ${messages.length} tasks: ${cause.message}`,
    { sent: results.flatMap(({ sent }) => sent), failed },
    { cause },
  );
}

async function checkArguments(call: Signature<any>): Promise<void> {
  if (call.subtask_type) {
    for (const inner of tasksOf(call)) await checkArguments(inner);
    return;
  }
  const { args, kwargs } = schemasOf(call);
  const wrong = args && await misfit(args, call.args) || kwargs && await misfit(kwargs, call.kwargs);
  if (wrong) throw new ConfigError(`Cannot call '${call.task}' as ${wrong}`);
}

/** What is wrong with a value by a schema; undefined for nothing. */
async function misfit(schema: StandardSchemaV1, value: unknown): Promise<string | undefined> {
  const { issues } = await schema["~standard"].validate(value);
  return issues && describeIssue(issues[0]);
}

/** Says where arguments do not fit, and why. */
export function describeIssue(issue: StandardSchemaV1.Issue): string {
  const at = placeOf(issue);
  return `its arguments don't fit its schema: ${at && `at '${at}': `}${issue.message}`;
}
