import { DecodeError } from "../errors.ts";
import { asList, tasksOf } from "./chain.ts";
import type { Signature } from "./types.ts";

/**
 * The most errbacks that the tasks of chains and groups may get of these, which give all of theirs to each: a message of
 * 100 KB could ask for gigabytes.
 */
const MOST_ERRBACKS = 100_000;

/**
 * Checks the signatures that came in a message. A chain or a group of nothing, which Python makes of an empty list, is
 * left out, as in Celery.
 *
 * @throws {DecodeError} If one is none, or what this library can't go on with.
 */
export function checkSignatures(value: unknown, depth = 0, above = 0, given = { errbacks: 0 }): Signature[] {
  return asList(value).map((call) => checkSignature(call, depth, above, given))
    .filter((call) => !call.subtask_type || tasksOf(call).length);
}

/** `above` are the errbacks of the chains and groups around it, `given` counts those of all. */
function checkSignature(value: unknown, depth: number, above: number, given: { errbacks: number }): Signature {
  const found: Partial<Record<keyof Signature, unknown>> = Object(value);
  const { task, args, kwargs, options, subtask_type = null, immutable } = found;
  const fail = (why: string): never => {
    throw new DecodeError(`Cannot go on after the task as its callbacks or chain hold ${why}`);
  };
  given.errbacks += above;
  if (
    typeof task !== "string" || !task || depth > 100 ||
    ![null, "chain", "group", "chord"].includes(subtask_type as string) || given.errbacks > MOST_ERRBACKS
  ) {
    fail("no signature, too much, or an unknown kind");
  }
  const own = { ...options as Record<string, unknown> };
  const { queue, routing_key } = own;
  // kombu writes a queue that was declared as its attributes.
  if (typeof queue === "object" && queue) own.queue = (queue as { name?: unknown }).name;
  for (const name of [own.queue, routing_key]) {
    if (name != null && (typeof name !== "string" || /[/:]/.test(name))) fail("a queue that is not a plain name");
  }
  for (const name of ["link", "link_error", "chain"]) {
    if (own[name] != null) own[name] = checkSignatures(own[name], depth + 1, 0, given);
  }
  const named = { ...kwargs as Record<string, unknown> };
  if (subtask_type) {
    named.tasks = checkSignatures(named.tasks, depth + 1, above + asList(own.link_error).length, given);
  }
  const list = args ?? [];
  const call = {
    task: task as string,
    args: Array.isArray(list) ? list : fail("arguments that are no list"),
    kwargs: named,
    options: own,
    subtask_type: subtask_type as string | null,
    immutable: immutable === true,
  };
  // A group that something waits for is made one when it is sent.
  if (subtask_type === "chord" || subtask_type === "chain" && tasksOf(call).slice(0, -1).some(endsInGroup)) {
    fail("a chord, which needs a backend that counts");
  }
  return call;
}

function endsInGroup(call: Signature): boolean {
  const tasks = tasksOf(call);
  return !!call.subtask_type && (call.subtask_type === "group" ? tasks.length > 1 : endsInGroup(tasks.at(-1)!));
}
