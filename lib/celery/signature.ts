import { assertKnown, assertText, assertWithin, refuse } from "../check.ts";
import { readIsoDate, writeIsoDate } from "./iso_date.ts";
import type { SendTaskOptions, Signature, SignatureOptions } from "./types.ts";

/** Our names of the options, and Celery's. */
const NAMES: Readonly<Record<string, string>> = {
  routingKey: "routing_key",
  timeLimit: "time_limit",
  softTimeLimit: "soft_time_limit",
  ignoreResult: "ignore_result",
  linkError: "link_error",
  id: "task_id",
  group: "group_id",
  groupIndex: "group_index",
  rootId: "root_id",
  parentId: "parent_id",
  replyTo: "reply_to",
  argsRepr: "argsrepr",
  kwargsRepr: "kwargsrepr",
  groupId: "MessageGroupId",
  deduplicationId: "MessageDeduplicationId",
  messageAttributes: "message_attributes",
};

const SAME =
  "queue exchange countdown eta expires retries priority link headers stamps shadow parent origin compression";
const KNOWN = [...SAME.split(" "), ...Object.keys(NAMES)];

/**
 * Makes a signature: a call of a task that is sent later, or by somebody else, as a `link`, or in a {@linkcode chain} or
 * {@linkcode group}. As in Celery it takes the result of the task before as its first argument unless `immutable`.
 *
 * @param task A task's name, or another signature, whose arguments and options are taken over.
 * @param options Arguments, and what it is sent with: see {@linkcode SignatureOptions}.
 * @returns The signature: plain data.
 * @throws {ConfigError} If an option is wrong.
 * @see {@link https://docs.celeryq.dev/en/stable/userguide/canvas.html#signatures}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { signature } from "@dashi/sqs/celery";
 *
 * const mail = signature("app.mail", { kwargs: { to: "ops" }, queue: "mail" });
 * const later = signature(mail, { countdown: 60 });
 * assert.deepEqual(later.options, { queue: "mail", countdown: 60 });
 * ```
 */
export function signature<R = any, T = any>(
  task: string | Signature<R, T>,
  options: SignatureOptions<R> = {},
): Signature<R, T> {
  const base: Partial<Signature> = typeof task === "object" && task || {};
  if (typeof task !== "object") assertText("task", task);
  const { args = base.args ?? [], kwargs = base.kwargs ?? {}, immutable = base.immutable ?? false, ...rest } = options;
  if (!Array.isArray(args)) refuse("args", "an array", args);
  if (!isRecord(kwargs)) refuse("kwargs", "an object", kwargs);
  return Object.freeze({
    task: base.task ?? task as string,
    args,
    kwargs,
    options: mergeOptions(base.options, toWireOptions(rest)),
    subtask_type: base.subtask_type ?? null,
    immutable,
  });
}

/** Options over others, by Celery's names. A time to run at is one option that has two names. */
export function mergeOptions(
  base: Readonly<Record<string, unknown>> = {},
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const merged = { ...base };
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    if (name === "eta" && value !== null) delete merged.countdown;
    if (name === "countdown" && value !== null) delete merged.eta;
    merged[name] = value;
  }
  return merged;
}

/** True for what Python calls a mapping. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date) &&
    !(value instanceof Uint8Array);
}

/**
 * Checks options and writes them as Celery has them.
 *
 * @throws {ConfigError} If one is wrong.
 */
export function toWireOptions(options: SendTaskOptions): Record<string, unknown> {
  assertKnown("", options, KNOWN);
  const { countdown, eta, expires, timeLimit, softTimeLimit, retries, groupIndex, stamps, parent, queue } = options;
  const numbers = { countdown, timeLimit, softTimeLimit };
  for (const [name, value] of Object.entries(numbers)) if (value != null) assertWithin(name, value, 0, 1e10, true);
  if (retries !== undefined) assertWithin("retries", retries, 0, Infinity);
  if (groupIndex !== undefined) assertWithin("groupIndex", groupIndex, 0, Infinity);
  if (typeof expires === "number") assertWithin("expires", expires, -1e10, 1e10, true);
  if (countdown !== undefined && eta !== undefined) refuse("eta", "left out where 'countdown' is given", eta);
  if (queue !== undefined) assertText("queue", queue);
  const wire: Record<string, unknown> = {};
  const instants = {
    eta: instant("eta", eta),
    expires: typeof expires === "number" ? expires : instant("expires", expires),
  };
  for (const [name, value] of Object.entries({ ...options, ...instants, stamps: undefined, parent: undefined })) {
    if (value !== undefined) wire[NAMES[name] ?? name] = value;
  }
  if (parent) {
    wire.root_id ??= parent.rootId;
    wire.parent_id ??= parent.id;
  }
  if (stamps) Object.assign(wire, stamps, { stamped_headers: Object.keys(stamps) });
  return wire;
}

function instant(name: string, value: unknown): string | undefined {
  if (value === undefined) return;
  try {
    return writeIsoDate(readIsoDate(name, value)!);
  } catch {
    refuse(name, "a Date or an instant in ISO 8601", value);
  }
}
