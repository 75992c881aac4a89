import { assertKnown, assertText, type Check, defined, is, refuse, within } from "../check.ts";
import { assertMessageId } from "../codec/sqs_text.ts";
import { readIsoDate, writeIsoDate } from "./iso_date.ts";
import type { SendTaskOptions, Signature, SignatureOptions } from "./types.ts";

/** A check of what Python calls a mapping. */
export const record: Check = (path, value) => {
  if (!isRecord(value)) refuse(path, "an object", value);
};
const calls: Check = (path, value) => [value].flat().forEach((call) => assertSignature(path, call));

/** The options: Celery's name of each, where it goes into the message as it is, and its check. */
const OPTIONS = /* @__PURE__ */ (() => {
  const seconds = within(0, 1e10, true);
  const count = within(0, Infinity);
  return {
    queue: ["queue", assertText],
    exchange: ["exchange", is("string")],
    routingKey: ["routing_key", is("string")],
    countdown: ["countdown", seconds],
    eta: [undefined, instant],
    expires: [
      undefined,
      (path, value) => (typeof value === "number" ? within(-1e10, 1e10, true) : instant)(path, value),
    ],
    retries: ["retries", count],
    priority: ["priority", within(0, 255)],
    timeLimit: ["time_limit", seconds],
    softTimeLimit: ["soft_time_limit", seconds],
    ignoreResult: ["ignore_result", is("boolean")],
    link: ["link", calls],
    linkError: ["link_error", calls],
    headers: ["headers", record],
    stamps: [undefined, record],
    shadow: ["shadow", assertText],
    id: ["task_id", assertText],
    group: ["group_id", assertText],
    groupIndex: ["group_index", count],
    parent: [undefined, record],
    rootId: ["root_id", assertText],
    parentId: ["parent_id", assertText],
    origin: ["origin", assertText],
    replyTo: ["reply_to", is("string")],
    argsRepr: ["argsrepr", is("string")],
    kwargsRepr: ["kwargsrepr", is("string")],
    groupId: ["MessageGroupId", assertMessageId],
    deduplicationId: ["MessageDeduplicationId", assertMessageId],
    messageAttributes: ["message_attributes", record],
    compression: ["compression", assertText],
  } satisfies Record<keyof SendTaskOptions, readonly [wire: string | undefined, check: Check]>;
})();

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
  if (typeof task === "object") assertSignature("task", task);
  else assertText("task", task);
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

/** Options over others, by Celery's names. A time to run at is one option that has two names, and so is a way to go. */
export function mergeOptions(
  base: Readonly<Record<string, unknown>> = {},
  given: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const merged = { ...base };
  if (given.eta != null) delete merged.countdown;
  if (given.countdown != null) delete merged.eta;
  if (given.exchange != null) delete merged.queue;
  // A message may name its option __proto__: assigned, it would hide options of a stranger's behind those that were checked.
  return { ...merged, ...defined(given) };
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
  const { countdown, eta, expires, stamps, parent, queue, exchange } = options;
  const wire: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(options)) {
    if (!Object.hasOwn(OPTIONS, key)) assertKnown("", options, Object.keys(OPTIONS));
    if (value == null) continue;
    const [name, check] = OPTIONS[key as keyof SendTaskOptions] as readonly [string | undefined, Check];
    check(key, value);
    if (name) wire[name] = value;
  }
  if (countdown != null && eta != null) refuse("eta", "left out where 'countdown' is given", eta);
  if (queue != null && exchange != null) refuse("exchange", "left out where 'queue' is given", exchange);
  if (eta != null) wire.eta = instant("eta", eta);
  if (expires != null) wire.expires = typeof expires === "number" ? expires : instant("expires", expires);
  if (parent) {
    wire.root_id ??= parent.rootId;
    wire.parent_id ??= parent.id;
  }
  return stamps ? { ...wire, ...stamps, stamped_headers: Object.keys(stamps) } : wire;
}

/** Throws unless it is a call of a task, or several in one. */
export function assertSignature(path: string, call: unknown): asserts call is Signature {
  const { task, args, kwargs } = Object(call) as Partial<Signature>;
  if (typeof call !== "object" || !task || !Array.isArray(args) || !isRecord(kwargs)) {
    refuse(path, 'a call of a task, such as what add(2, 3) or signature("app.add") gives', call);
  }
}

/** An instant as Celery writes it; throws for what is none. */
export function instant(name: string, value: unknown): string {
  try {
    return writeIsoDate(readIsoDate(name, value)!);
  } catch {
    return refuse(name, "a Date or an instant in ISO 8601", value);
  }
}
