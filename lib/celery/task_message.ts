/**
 * A task's message: Celery's protocol 2.
 *
 * @module
 */
import { awsNow, type BrokerState } from "../broker.ts";
import type { PublishInput } from "../publish/options.ts";
import { MAX_DELAY } from "../sqs/limits.ts";
import { entityName } from "../topology/entity_name.ts";
import { route } from "../topology/route.ts";
import { asList } from "./chain.ts";
import { readIsoDate, writeIsoDate } from "./iso_date.ts";
import { pythonRepr } from "./python_repr.ts";
import type { Signature } from "./types.ts";

/** Celery's `task_default_queue`. */
export const DEFAULT_QUEUE = "celery";

/** The options that kombu reads in a message's properties. */
const SQS_PROPERTIES = [
  "priority",
  "MessageGroupId",
  "MessageDeduplicationId",
  "message_attributes",
  "DelaySeconds",
  "delay_seconds",
] as const;

/** Where tasks go. */
export interface Ways {
  /** Where a task goes that has no queue. Default: `celery`. */
  readonly queueFor?: (task: string) => string | undefined;
  /** True where exchanges are the caller's own: one that is not declared is an error then, and not left out. */
  readonly ownExchanges?: boolean;
}

/**
 * Writes one task's message, as Celery's `as_task_v2()`.
 *
 * @throws {DecodeError} If `eta` or `expires` is no instant.
 */
export function taskMessage(
  state: BrokerState,
  { task, args, kwargs, options }: Signature,
  ways: Ways,
): PublishInput {
  const now = awsNow(state);
  const { task_id: id, group_id, expires, countdown, chain, chord } = options;
  const given = readIsoDate("eta", options.eta);
  const eta = Number(countdown) > 0 ? new Date(now + Number(countdown) * 1000) : given;
  const end = typeof expires === "number" ? new Date(now + expires * 1000) : readIsoDate("expires", expires);
  const stamped = asList(options.stamped_headers as string[] | undefined);
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
    stamped_headers: some(stamped),
    stamps: Object.fromEntries(stamped.map((name) => [name, options[name]])),
    ...options.headers as object,
  };
  const properties: Record<string, unknown> = { correlation_id: id, reply_to: options.reply_to ?? "" };
  for (const name of SQS_PROPERTIES) if (options[name] != null) properties[name] = options[name];
  const embed = {
    callbacks: some(options.link),
    errbacks: some(options.link_error),
    chain: chain ?? null,
    chord: chord ?? null,
  };
  const way = wayOf(state, task, options, ways);
  const delay = eta ? Math.trunc((+eta - now) / 1000) : 0;
  return {
    body: [args, kwargs, embed],
    headers,
    properties,
    contentType: "application/json",
    contentEncoding: compressionOf(options.compression),
    // The most that publish() takes: no queue keeps a message for so long.
    expiration: end ? Math.min(1e9, Math.max(0, (+end - now) / 1000)) : undefined,
    // The message need not be received before it is due.
    delaySeconds: delay > 0 && delay <= MAX_DELAY && delays(state, way) ? delay : undefined,
    ...way,
  };
}

function some(value: unknown): readonly unknown[] | null {
  const list = asList(value);
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
  { queueFor, ownExchanges }: Ways,
): Way {
  if (typeof queue === "string") return { queue };
  if (
    typeof exchange === "string" && exchange &&
    (routing_key || ownExchanges || Object.hasOwn(state.topology.exchanges, exchange))
  ) {
    return { exchange, routingKey: routing_key as string | undefined };
  }
  // As in Celery, an exchange without a name routes to the queue of the key's name.
  if (exchange === "" && typeof routing_key === "string" && routing_key) return { queue: routing_key };
  return { queue: queueFor?.(task) ?? DEFAULT_QUEUE };
}

/** True if SQS takes a delay for the message. */
function delays(state: BrokerState, { queue, exchange, routingKey = "" }: Way): boolean {
  const { topology } = state;
  if (queue !== undefined) return !isFifo(state, queue);
  const found = topology.exchanges[exchange!];
  return !!found && found.type !== "fanout" &&
    route(topology, exchange!, routingKey).every((name) => !isFifo(state, name));
}

/** True for a FIFO queue, which the URL tells of one that is predefined: its name may be any. */
function isFifo({ options: { predefinedQueues = {}, queueNamePrefix = "" } }: BrokerState, name: string): boolean {
  const known = [name, entityName(queueNamePrefix + name)].find((name) => Object.hasOwn(predefinedQueues, name));
  return (known === undefined ? name : predefinedQueues[known].url).endsWith(".fifo");
}
