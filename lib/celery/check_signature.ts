import { DecodeError } from "../errors.ts";
import { asList } from "./chain.ts";
import type { Signature } from "./types.ts";

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
  if (subtask_type === "chord") fail("a chord, which needs a backend that counts");
  if (subtask_type !== null && subtask_type !== "chain" && subtask_type !== "group") {
    fail("a kind of signature that is not known");
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
  if (subtask_type) given.tasks = asList(given.tasks).map(check);
  for (const name of ["link", "link_error", "chain"]) {
    if (own[name] != null) own[name] = asList(own[name]).map(check);
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
