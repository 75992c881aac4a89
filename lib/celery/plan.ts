/**
 * What is to be sent for a signature: a task's message, a chain's first, all of a group's.
 *
 * @module
 */
import type { BrokerState } from "../broker.ts";
import { ConfigError, DashiError } from "../errors.ts";
import type { PublishInput } from "../publish/options.ts";
import { asList, errbacksOf, refuseChord, refuseLink, stepsOf, tasksOf, withErrbacks } from "./chain.ts";
import { mergeOptions } from "./signature.ts";
import { taskMessage, type Ways } from "./task_message.ts";
import type { GroupCall, Signature, TaskCall } from "./types.ts";

/** What is to be sent for a signature. */
export interface Plan {
  /** One a task that can go now. */
  readonly messages: PublishInput[];
  /** The signature, and those in it, with their ids: {@linkcode callOf} says what to wait for. */
  readonly call: Signature;
}

/** What a signature is sent with beyond its own. */
export interface PlanOptions extends Ways {
  /** Goes ahead of the arguments of a task that is not immutable. */
  readonly prepend?: readonly unknown[] | undefined;
  /** Options by Celery's names, which win. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Writes the messages of a signature.
 *
 * @throws {ConfigError} If it can't be sent.
 */
export function plan(state: BrokerState, given: Signature<any>, more: PlanOptions): Plan {
  try {
    const call = freeze(given, more.options);
    return { messages: write(state, call, more), call };
  } catch (cause) {
    // In a message an option may be anything: an instant that no calendar has, an object that is no text.
    throw cause instanceof DashiError ? cause : new ConfigError("Cannot write a call with such options", { cause });
  }
}

/** Writes what can go now of a call that has its ids. */
function write(state: BrokerState, call: Signature, given: PlanOptions): PublishInput[] {
  const { subtask_type, args, immutable, options } = call;
  const more = immutable ? { ...given, prepend: [] } : given;
  if (subtask_type === "chord") refuseChord("send");
  const { task_id, link, group_id, group_index, chord, ...shared } = options;
  if (subtask_type === "group") {
    if (link) refuseLink();
    // A task that names its group stays in that, as in Celery.
    return tasksOf(call).flatMap((task) =>
      write(state, freeze(task, { ...shared, group_id: task.options.group_id ?? task_id }), more)
    );
  }
  if (subtask_type === "chain") {
    const [first, ...rest] = tasksOf(call);
    if (!first) throw new ConfigError("Cannot send a chain without tasks");
    const last = { group_id, group_index, chord };
    const chain = [...asList(shared.chain), freeze(rest.pop()!, last), ...rest.reverse()];
    return write(state, freeze(first, { ...shared, chain }), more);
  }
  return [taskMessage(state, { ...call, args: [...more.prepend ?? [], ...args] }, more)];
}

/** Gives a signature, and those in it, their ids, as Celery's `freeze()`: whoever waits must know them before they run. */
function freeze(call: Signature, options: Readonly<Record<string, unknown>> = {}): Signature {
  const own = mergeOptions(call.options, options);
  own.task_id ??= crypto.randomUUID();
  const frozen = { ...call, options: own };
  let tasks: readonly Signature[];
  if (call.subtask_type === "group") {
    tasks = flatGroup(withErrbacks(frozen, errbacksOf(frozen))).map((task, group_index) =>
      freeze(task, { group_index })
    );
  } else if (call.subtask_type === "chain") {
    const steps = stepsOf(frozen);
    own.link = own.link_error = undefined;
    // Whoever waits for the chain waits for its end, and nobody in Python would give that the chain's id.
    const idOf = ({ options: { task_id = own.task_id } }: Signature) => ({ task_id });
    // Python makes such a chain nowhere, and where it is a group in a group loses its arguments.
    if (steps.length === 1) return freeze(steps[0], { ...own, ...idOf(steps[0]) });
    tasks = steps.map((step, index) => freeze(step, steps[index + 1] ? {} : idOf(step)));
  } else return frozen;
  own.link_error = undefined; // its tasks have it now
  return { ...frozen, kwargs: { ...call.kwargs, tasks } };
}

/** What waits for a call that has its ids: for a chain its end, for a group each of its tasks. */
export function callOf(
  call: Signature,
  keep = (call: TaskCall): TaskCall => call,
  before?: TaskCall | GroupCall,
): TaskCall | GroupCall {
  const { subtask_type, options } = call;
  const id = options.task_id as string;
  if (subtask_type === "group") return { id, calls: tasksOf(call).map((task) => callOf(task, keep, before)) };
  if (subtask_type === "chain") return tasksOf(call).reduce((last, step) => callOf(step, keep, last), before!);
  return keep({ id, ...(before && { parent: before as TaskCall }) });
}

function flatGroup(call: Signature): Signature[] {
  return tasksOf(call).flatMap((task) => task.subtask_type === "group" ? flatGroup(task) : [task]);
}
