/**
 * Signatures made messages: Celery's protocol 2.
 *
 * @module
 */
import { type BrokerState, nowOf } from "../broker.ts";
import { ConfigError, DecodeError } from "../errors.ts";
import type { PublishInput } from "../publish/options.ts";
import { MAX_DELAY } from "../sqs/limits.ts";
import { route } from "../topology/route.ts";
import { listOf, refuseLink, stepsOf, tasksOf, withErrbacks } from "./chain.ts";
import { readIsoDate, writeIsoDate } from "./iso_date.ts";
import { pythonRepr } from "./python_repr.ts";
import { mergeOptions } from "./signature.ts";
import type { GroupCall, Signature, TaskCall } from "./types.ts";

/** Celery's `task_default_queue`. */
export const DEFAULT_QUEUE = "celery";

/** What is to be sent for a signature. */
export interface Plan {
  /** One a task that can go now. */
  readonly messages: PublishInput[];
  /** What the caller gets: the last task of a chain, or all of a group. */
  readonly call: TaskCall | GroupCall;
}

/** What a signature is sent with beyond its own. */
export interface PlanOptions {
  /** Goes ahead of the arguments of a task that is not immutable. */
  readonly prepend?: readonly unknown[];
  /** Options by Celery's names, which win. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Where a task goes that has no queue. Default: `celery`. */
  readonly queueFor?: (task: string) => string | undefined;
  /** Makes a call of an id. */
  readonly keep: (call: TaskCall) => TaskCall;
}

/**
 * Writes the messages of a signature.
 *
 * @throws {ConfigError} If it can't be sent.
 */
export function plan(state: BrokerState, given: Signature<any>, more: PlanOptions): Plan {
  const { prepend = [], options = {}, keep } = more;
  // What a group or stamps say is not changed from outside, as in Celery.
  const call: Signature = { ...given, options: mergeOptions(given.options, options) };
  if (call.subtask_type === "group") return planGroup(state, call, more);
  if (call.subtask_type === "chain") {
    const steps = stepsOf(call);
    const [first, ...rest] = steps;
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
      options: rest.length ? { chain: [...listOf(shared.chain), ...frozen.toReversed()] } : {},
    });
    const calls = frozen.reduce<TaskCall>(
      (parent, step) => keep({ id: idOf(step), parent }),
      sent as TaskCall,
    );
    const end = frozen.at(-1);
    if (end?.subtask_type !== "group") return { messages, call: calls };
    const id = idOf(end);
    return { messages, call: { id, calls: tasksOf(end).map((task) => keep({ id: idOf(task) })) } };
  }
  const args = call.immutable ? call.args : [...prepend, ...call.args];
  const frozen = freeze({ ...call, args }, {});
  return { messages: [write(state, frozen, more)], call: keep({ id: idOf(frozen) }) };
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
export function freeze(call: Signature, options: Readonly<Record<string, unknown>>): Signature {
  const own = mergeOptions(call.options, options);
  own.task_id ??= crypto.randomUUID();
  if (call.subtask_type !== "group") return { ...call, options: own };
  const tasks = tasksOf(call).map((task, group_index) => freeze(task, { group_index }));
  return { ...call, options: own, kwargs: { ...call.kwargs, tasks } };
}

function idOf(call: Signature): string {
  return call.options.task_id as string;
}

/** Writes one task's message, as Celery's `as_task_v2()`. */
function write(state: BrokerState, { task, args, kwargs, options }: Signature, more: PlanOptions): PublishInput {
  const now = nowOf(state);
  const { task_id: id, group_id, expires, countdown, chain, chord } = options;
  const given = readIsoDate("eta", options.eta);
  const eta = Number(countdown) > 0 ? new Date(now + Number(countdown) * 1000) : given;
  const end = typeof expires === "number" ? new Date(now + expires * 1000) : readIsoDate("expires", expires);
  const stamped = listOf(options.stamped_headers as string[] | undefined);
  const headers = {
    lang: "py",
    task,
    id,
    shadow: options.shadow ?? null,
    eta: eta ? writeIsoDate(eta) : null,
    expires: end ? writeIsoDate(end) : null,
    group: group_id ?? null,
    group_index: options.group_index ?? null,
    retries: options.retries ?? 0,
    timelimit: [options.time_limit ?? null, options.soft_time_limit ?? null],
    root_id: options.root_id ?? id,
    parent_id: options.parent_id ?? null,
    argsrepr: options.argsrepr ?? pythonRepr(args),
    kwargsrepr: options.kwargsrepr ?? pythonRepr(kwargs),
    origin: options.origin ?? "dashi",
    ignore_result: options.ignore_result ?? null,
    replaced_task_nesting: options.replaced_task_nesting ?? 0,
    stamped_headers: stamped.length ? stamped : null,
    stamps: Object.fromEntries(stamped.map((name) => [name, options[name]])),
    ...options.headers as object,
  };
  const { priority, MessageGroupId, MessageDeduplicationId, message_attributes } = options;
  const sqs = { priority, MessageGroupId, MessageDeduplicationId, message_attributes };
  const properties = {
    correlation_id: id,
    reply_to: options.reply_to ?? "",
    ...Object.fromEntries(Object.entries(sqs).filter(([, value]) => value != null)),
  };
  const embed = {
    callbacks: some(options.link),
    errbacks: some(options.link_error),
    chain: chain ?? null,
    chord: chord ?? null,
  };
  const way = wayOf(state, task, options, more);
  const delay = eta ? Math.trunc((+eta - now) / 1000) : 0;
  return {
    body: [args, kwargs, embed],
    headers,
    properties,
    contentType: "application/json",
    contentEncoding: compressionOf(options.compression),
    expiration: end ? Math.max(0, (+end - now) / 1000) : undefined,
    // The message need not be received before it is due.
    delaySeconds: delay > 0 && delay <= MAX_DELAY && delays(state, way) ? delay : undefined,
    ...way,
  };
}

function some(value: unknown): readonly unknown[] | null {
  const list = listOf(value);
  return list.length ? list : null;
}

function compressionOf(name: unknown): string | undefined {
  return typeof name === "string" ? name.replace(/^application\/(x-)?/, "") : undefined;
}

type Way = Pick<PublishInput, "queue" | "exchange" | "routingKey">;

function wayOf(
  state: BrokerState,
  task: string,
  { queue, exchange, routing_key }: Readonly<Record<string, unknown>>,
  { queueFor }: PlanOptions,
): Way {
  if (typeof queue === "string") return { queue };
  if (typeof exchange === "string" && exchange && (routing_key || Object.hasOwn(state.topology.exchanges, exchange))) {
    return { exchange, routingKey: routing_key as string | undefined };
  }
  // As in Celery, an exchange without a name routes to the queue of the key's name.
  if (exchange === "" && typeof routing_key === "string" && routing_key) return { queue: routing_key };
  return { queue: queueFor?.(task) ?? DEFAULT_QUEUE };
}

/** True if SQS takes a delay for the message. */
function delays({ topology }: BrokerState, { queue, exchange, routingKey = "" }: Way): boolean {
  if (queue !== undefined) return !queue.endsWith(".fifo");
  const found = topology.exchanges[exchange!];
  return !!found && found.type !== "fanout" &&
    route(topology, exchange!, routingKey).every((name) => !name.endsWith(".fifo"));
}

/**
 * Checks a signature that came in a message, and what is in it.
 *
 * @throws {DecodeError} If it is none, or what this library can't go on with.
 */
export function checkSignature(value: unknown, depth = 0): Signature {
  const found = value as Partial<Record<keyof Signature, unknown>> | null;
  const { task, args, kwargs, options, subtask_type = null, immutable } = typeof found === "object" && found || {};
  const fail = (why: string): never => {
    throw new DecodeError(`Cannot go on after the task as its callbacks or chain hold ${why}`);
  };
  if (typeof task !== "string" || !task || depth > 100) fail("what is no signature");
  if (subtask_type !== null && subtask_type !== "chain" && subtask_type !== "group") {
    fail(
      `a ${
        subtask_type === "chord" ? "chord, which needs a backend that counts" : "kind of signature that is not known"
      }`,
    );
  }
  const own = { ...(options ?? {}) as Record<string, unknown> };
  const { queue, routing_key } = own;
  // kombu writes a queue that was declared as its attributes.
  if (typeof queue === "object" && queue) own.queue = (queue as { name?: unknown }).name;
  for (const name of [own.queue, routing_key]) {
    if (name != null && (typeof name !== "string" || /[/:]/.test(name))) fail("a queue that is not a plain name");
  }
  const given = { ...(kwargs ?? {}) as Record<string, unknown> };
  const check = (inner: unknown) => checkSignature(inner, depth + 1);
  if (subtask_type) given.tasks = listOf(given.tasks).map(check);
  for (const name of ["link", "link_error", "chain"]) {
    if (own[name] != null) own[name] = listOf(own[name]).map(check);
  }
  const list = args ?? [];
  return {
    task: task as string,
    args: Array.isArray(list) ? list : fail("arguments that are no list"),
    kwargs: given,
    options: own,
    subtask_type: subtask_type as string | null,
    immutable: immutable === true,
  };
}
