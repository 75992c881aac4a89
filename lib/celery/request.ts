/**
 * Celery's messages read: protocol 2, and protocol 1 made the same.
 *
 * @module
 */
import { asWritten } from "../codec/as_written.ts";
import type { Delivery } from "../consume/delivery.ts";
import { DecodeError } from "../errors.ts";
import { asList } from "./chain.ts";
import { checkSignatures } from "./check_signatures.ts";
import { readIsoDate } from "./iso_date.ts";
import { isRecord } from "./signature.ts";
import type { Signature } from "./types.ts";

/** A task as a message asks for it. */
export interface TaskRequest {
  readonly id: string;
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  /** The arguments as they came, for a retry: types of Python's that have no like here are still themselves in it. */
  readonly written: Pick<Signature, "args" | "kwargs">;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly retries: number;
  readonly eta?: Date;
  readonly expires?: Date;
  readonly timeLimit?: number;
  readonly softTimeLimit?: number;
  readonly ignoreResult?: boolean;
  readonly rootId: string;
  readonly parentId?: string;
  readonly group?: string;
  readonly groupIndex?: number;
  readonly stamps: Readonly<Record<string, unknown>>;
  /** The chord that its group belongs to: only handed on, as nothing here counts. */
  readonly chord: unknown;
  /** Undefined where what comes after can't be gone on with: `unsupported` says why. */
  readonly after?: After;
  readonly unsupported?: DecodeError;
}

/** What comes after a task. */
export interface After {
  readonly callbacks: readonly Signature[];
  readonly errbacks: readonly Signature[];
  /** The rest of the chain, the next at the end. */
  readonly chain: readonly Signature[];
}

/** The name and id of a message's task, as far as they can be read: for events. */
export function nameOf({ headers, body }: Delivery<unknown>): { task: string; id: string } {
  const { task, id } = typeof headers.task === "string" || !isRecord(body) ? headers : body;
  return { task: text(task) ?? "", id: text(id) ?? "" };
}

/**
 * Reads a task's message.
 *
 * @throws {DecodeError} If it is none.
 */
export function readRequest(delivery: Delivery<unknown>): TaskRequest {
  const { headers, body } = delivery;
  const fail = (why: string): never => {
    throw new DecodeError(`Cannot run message ${delivery.messageId} of '${delivery.queue}' as ${why}`);
  };
  // Protocol 1 has all in the body; some producers write it with headers of protocol 2.
  const isProtocol1 = isRecord(body) && (body.task !== undefined || body.args !== undefined);
  const fields: Record<string, unknown> = isProtocol1
    ? { ...body, group: body.group ?? body.taskset, ...(text(headers.task) ? headers : {}) }
    : { ...headers };
  const partsOf = (body: any) => isProtocol1 ? [body.args ?? [], body.kwargs ?? {}, body] : body;
  const triple: unknown = partsOf(body);
  const task = text(fields.task) ?? fail("it names no task");
  const id = text(fields.id) ?? fail("its task has no id");
  if (!Array.isArray(triple) || triple.length !== 3) {
    fail(`its body of type ${delivery.contentType} is not [args, kwargs, embed]`);
  }
  const [args, kwargs, embed] = triple as unknown[];
  if (!Array.isArray(args)) fail("its args are no list");
  if (!isRecord(kwargs)) fail("its kwargs are no mapping");
  if (embed != null && !isRecord(embed)) fail("its embed is no mapping");
  const [writtenArgs, writtenKwargs, writtenEmbed] = partsOf(asWritten(body as object));
  const { callbacks, errbacks, chain, chord } = (writtenEmbed ?? {}) as Record<string, unknown>;
  const [hard, soft] = asList(fields.timelimit as number[]);
  const { retries, group_index } = fields;
  if (retries != null && !(Number.isInteger(retries) && retries as number >= 0)) fail("its retries are no count");
  let after: After | undefined;
  let unsupported: DecodeError | undefined;
  try {
    after = {
      callbacks: checkSignatures(callbacks),
      errbacks: checkSignatures(errbacks),
      chain: checkSignatures(isProtocol1 ? undefined : chain),
    };
  } catch (error) {
    unsupported = error as DecodeError;
  }
  return {
    id,
    task,
    args: args as unknown[],
    kwargs: kwargs as Record<string, unknown>,
    written: { args: writtenArgs, kwargs: writtenKwargs },
    headers: fields,
    retries: (retries ?? 0) as number,
    eta: readIsoDate("eta", fields.eta),
    expires: readIsoDate("expires", fields.expires),
    timeLimit: seconds(hard),
    softTimeLimit: seconds(soft),
    ignoreResult: typeof fields.ignore_result === "boolean" ? fields.ignore_result : undefined,
    rootId: text(fields.root_id) ?? id,
    parentId: text(fields.parent_id),
    group: text(fields.group),
    groupIndex: typeof group_index === "number" ? group_index : undefined,
    stamps: isRecord(fields.stamps) ? fields.stamps : {},
    chord,
    after,
    unsupported,
  };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value ? value : undefined;
}

function seconds(value: unknown): number | undefined {
  return typeof value === "number" && value > 0 ? value : undefined;
}

/** The headers that Celery's protocol has, and what protocol 1 has in its body besides; all others are a user's own. */
const OWN = new Set(
  ("lang task id shadow eta expires group group_index retries timelimit root_id parent_id argsrepr kwargsrepr origin " +
    "ignore_result replaced_task_nesting stamped_headers stamps compression args kwargs callbacks errbacks chord chain " +
    "taskset utc headers meth").split(" "),
);

/** The signature that runs a task once more, as Celery's `signature_from_request()`. */
export function signatureOf(request: TaskRequest, { queue, groupId, properties }: Delivery<unknown>): Signature {
  const { headers, after, expires } = request;
  const options = {
    ...request.stamps,
    stamped_headers: headers.stamped_headers,
    task_id: request.id,
    root_id: request.rootId,
    parent_id: request.parentId,
    group_id: request.group,
    group_index: request.groupIndex,
    shadow: headers.shadow,
    chord: request.chord,
    chain: after?.chain.length ? after.chain : undefined,
    link: after?.callbacks,
    link_error: after?.errbacks,
    expires,
    time_limit: request.timeLimit,
    soft_time_limit: request.softTimeLimit,
    ignore_result: headers.ignore_result,
    replaced_task_nesting: headers.replaced_task_nesting,
    origin: headers.origin,
    retries: request.retries,
    argsrepr: headers.argsrepr,
    kwargsrepr: headers.kwargsrepr,
    compression: headers.compression,
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !OWN.has(name))),
    priority: properties.priority,
    reply_to: properties.reply_to,
    MessageGroupId: groupId,
    queue,
  };
  return { task: request.task, ...request.written, options, subtask_type: null, immutable: true };
}
