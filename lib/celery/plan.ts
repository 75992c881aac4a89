/**
 * What is to be sent for a signature: a task's message, a chain's first, all of a group's.
 *
 * @module
 */
import type { BrokerState } from "../broker.ts";
import { ConfigError, DashiError } from "../errors.ts";
import type { PublishInput } from "../publish/options.ts";
import { asList, refuseChord, refuseLink, stepsOf, tasksOf, withErrbacks } from "./chain.ts";
import { mergeOptions } from "./signature.ts";
import { taskMessage, type Ways } from "./task_message.ts";
import type { GroupCall, Signature, TaskCall } from "./types.ts";

/** What is to be sent for a signature. */
export interface Plan {
  /** One a task that can go now. */
  readonly messages: PublishInput[];
  /** What the caller gets: the last task of a chain, or all of a group. */
  readonly call: TaskCall | GroupCall;
}

/** What a signature is sent with beyond its own. */
export interface PlanOptions extends Ways {
  /** Goes ahead of the arguments of a task that is not immutable. */
  readonly prepend?: readonly unknown[] | undefined;
  /** Options by Celery's names, which win. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  /** Makes a call of an id. */
  readonly keep: (call: TaskCall) => TaskCall;
}

/**
 * Writes the messages of a signature.
 *
 * @throws {ConfigError} If it can't be sent.
 */
export function plan(state: BrokerState, given: Signature<any>, more: PlanOptions): Plan {
  try {
    return write(state, given, more);
  } catch (cause) {
    // In a message an option may be anything: an instant that no calendar has, an object that is no text.
    throw cause instanceof DashiError ? cause : new ConfigError("Cannot write a call with such options", { cause });
  }
}

function write(state: BrokerState, given: Signature<any>, more: PlanOptions): Plan {
  const { prepend = [], options = {}, keep } = more;
  // What a group or stamps say is not changed from outside, as in Celery.
  const call: Signature = { ...given, options: mergeOptions(given.options, options) };
  if (call.subtask_type === "group") return planGroup(state, call, more);
  if (call.subtask_type === "chain") return planChain(state, call, more);
  if (call.subtask_type === "chord") refuseChord("send");
  const args = call.immutable ? call.args : [...prepend, ...call.args];
  const frozen = freeze({ ...call, args }, {});
  return { messages: [taskMessage(state, frozen, more)], call: keep({ id: idOf(frozen) }) };
}

function planChain(state: BrokerState, call: Signature, more: PlanOptions): Plan {
  const { keep } = more;
  const [first, ...rest] = stepsOf(call);
  if (!first) throw new ConfigError("Cannot send a chain without tasks");
  const { link: _, link_error: __, task_id, group_id, group_index, chord, ...shared } = call.options;
  // Whoever waits for the chain waits for its last task.
  const last = { ...(task_id !== undefined && { task_id }), group_id, group_index, chord };
  const frozen = rest.map((step, index) =>
    freeze(step, index === rest.length - 1 ? { ...last, task_id: step.options.task_id ?? task_id } : {})
  );
  const begin = freeze(first, { ...shared, ...(rest.length ? {} : last) });
  const { messages, call: sent } = plan(state, begin, {
    ...more,
    options: rest.length ? { chain: [...asList(shared.chain), ...frozen.toReversed()] } : {},
  });
  const lastCall = frozen.reduce((parent, step) => keep({ id: idOf(step), parent }), sent as TaskCall);
  const end = frozen.at(-1);
  if (end?.subtask_type !== "group") return { messages, call: lastCall };
  const { id, parent } = lastCall;
  return { messages, call: { id, calls: tasksOf(end).map((task) => keep({ id: idOf(task), parent })) } };
}

function planGroup(state: BrokerState, call: Signature, more: PlanOptions): Plan {
  const { task_id, link, link_error, ...shared } = call.options;
  if (link) refuseLink();
  const group_id = task_id ?? crypto.randomUUID();
  const plans = flatGroup(withErrbacks(call, link_error)).map((task, group_index) => {
    const own = { group_id: task.options.group_id ?? group_id, group_index };
    return plan(state, freeze(task, {}), { ...more, options: { ...shared, ...own } });
  });
  return {
    messages: plans.flatMap(({ messages }) => messages),
    call: { id: group_id as string, calls: plans.map(({ call }) => call as TaskCall) },
  };
}

function flatGroup(call: Signature): Signature[] {
  return tasksOf(call).flatMap((task) => task.subtask_type === "group" ? flatGroup(task) : [task]);
}

/** Gives a signature, and those in it, their ids: whoever waits must know them before they run. */
function freeze(call: Signature, options: Readonly<Record<string, unknown>>): Signature {
  const own = mergeOptions(call.options, options);
  own.task_id ??= crypto.randomUUID();
  if (call.subtask_type !== "group") return { ...call, options: own };
  const tasks = tasksOf(call).map((task, group_index) => freeze(task, { group_index }));
  return { ...call, options: own, kwargs: { ...call.kwargs, tasks } };
}

function idOf(call: Signature): string {
  return call.options.task_id as string;
}
