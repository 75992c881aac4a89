import { refuse } from "../check.ts";
import { ConfigError } from "../errors.ts";
import { assertSignature } from "./signature.ts";
import type { ChainTo, Signature } from "./types.ts";

/**
 * Makes a chain: each task runs when the one before has succeeded, and takes its result as its first argument unless it
 * is a full call. Wherever they run, Python or here, the chain goes on.
 *
 * @param tasks Two or more; or one list of them, untyped. A group may only come last, as a chord, which waits for a
 * group, needs a backend that counts.
 * @returns The chain, for {@linkcode sendTask}, which gives the last one's call, or one for each of a group.
 * @throws {ConfigError} If there is none, or a group is not the last.
 * @see {@link https://docs.celeryq.dev/en/stable/userguide/canvas.html#chains}
 *
 * @example Usage
 * ```ts
 * import { connect, declareQueue } from "@dashi/sqs";
 * import { chain, sendTask, task } from "@dashi/sqs/celery";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const broker = connect(memorySqs().connectOptions);
 * await declareQueue(broker, "celery");
 * const add = task<[x: number, y: number], number>("app.add");
 * const mail = task<[total: number, to: string], void>("app.mail");
 * const call = await sendTask(broker, chain(add(2, 3), add.partial(10), mail.partial("ops"))); // the last one's
 * ```
 */
export function chain<A, Z extends Signature<any, A>, T>(a: Signature<A, T>, z: Z): ChainTo<Z, T>;
/** Of three. */
export function chain<A, B, Z extends Signature<any, B>, T>(
  a: Signature<A, T>,
  b: Signature<B, A>,
  z: Z,
): ChainTo<Z, T>;
/** Of four. */
export function chain<A, B, C, Z extends Signature<any, C>, T>(
  a: Signature<A, T>,
  b: Signature<B, A>,
  c: Signature<C, B>,
  z: Z,
): ChainTo<Z, T>;
/** Of five. */
export function chain<A, B, C, D, Z extends Signature<any, D>, T>(
  a: Signature<A, T>,
  b: Signature<B, A>,
  c: Signature<C, B>,
  d: Signature<D, C>,
  z: Z,
): ChainTo<Z, T>;
/** Of six; longer ones are chains of chains. */
export function chain<A, B, C, D, E, Z extends Signature<any, E>, T>(
  a: Signature<A, T>,
  b: Signature<B, A>,
  c: Signature<C, B>,
  d: Signature<D, C>,
  e: Signature<E, D>,
  z: Z,
): ChainTo<Z, T>;
/** Of a list. */
export function chain(tasks: readonly Signature<any, any>[]): Signature<unknown, unknown>;
export function chain(...given: (Signature<any, any> | readonly Signature<any, any>[])[]): Signature<any, any> {
  // Chains are unrolled here, as in Celery: one that grows in a loop is not to be walked down at each step.
  const steps = tasksGiven(given).flatMap((task) => stepsOf(task));
  if (steps.slice(0, -1).some(({ subtask_type }) => subtask_type)) {
    refuseChord("use a group before the end of a chain as that is");
  }
  return canvas("chain", steps);
}

/** The tasks that a chain or a group was given, one by one or as a list. */
export function tasksGiven(given: readonly (Signature<any, any> | readonly Signature<any, any>[])[]): Signature[] {
  const tasks = given.flat() as Signature[];
  if (!tasks.length) refuse("tasks", "one task or more", given);
  tasks.forEach((task, index) => assertSignature(`tasks.${index}`, task));
  return tasks;
}

/** Several tasks in one signature, as Celery writes it. */
export function canvas<Kind extends "chain" | "group">(
  kind: Kind,
  tasks: readonly Signature[],
): Signature<any, any> & { readonly subtask_type: Kind } {
  return Object.freeze({
    task: `celery.${kind}`,
    args: [],
    kwargs: { tasks },
    options: {},
    subtask_type: kind,
    immutable: false,
  });
}

/** The tasks of a chain or group, as they stand in it. */
export function tasksOf(call: Signature<any>): readonly Signature[] {
  const { tasks } = call.kwargs;
  return Array.isArray(tasks) ? tasks : [];
}

const textOf = (errback: Signature): string =>
  JSON.stringify(errback, (_, value) => typeof value === "bigint" ? `${value}n` : value);

/** Errbacks by what they say: one that is there already is called once, as in Celery. */
type Errbacks = ReadonlyMap<string, Signature>;

/** The errbacks of a call, and more after them. */
export function errbacksOf({ options }: Signature<any>, more: Errbacks = new Map()): Errbacks {
  const own = asList(options.link_error as Signature | Signature[] | undefined);
  if (!own.length) return more;
  return new Map([...own.map((errback) => [textOf(errback), errback] as const), ...more]);
}

/** The tasks of a chain one after the other, chains in it unrolled, its links and errbacks given to its tasks. */
export function stepsOf(call: Signature<any>, more: Errbacks = new Map()): Signature[] {
  if (call.subtask_type !== "chain") return [withErrbacks(call, more)];
  const errbacks = errbacksOf(call, more);
  const steps = tasksOf(call).flatMap((step) => stepsOf(step, errbacks));
  const { link } = call.options;
  const last = link ? steps.pop() : undefined;
  if (!last) return steps;
  if (last.subtask_type) refuseLink();
  return [...steps, { ...last, options: { ...last.options, link: [...asList(last.options.link), ...asList(link)] } }];
}

/** A call with more errbacks: a group's are those of each of its tasks, as in Celery. */
export function withErrbacks(call: Signature<any>, more: Errbacks): Signature<any> {
  if (!more.size) return call;
  if (call.subtask_type === "group") {
    const tasks = tasksOf(call).map((task) => withErrbacks(task, more));
    return { ...call, kwargs: { ...call.kwargs, tasks } };
  }
  return { ...call, options: { ...call.options, link_error: [...errbacksOf(call, more).values()] } };
}

/** Says why a group takes no callback. */
export function refuseLink(): never {
  throw new ConfigError("Cannot link to a group as that is a chord: link to its tasks");
}

/** Says why there are no chords, and what to do instead. */
export function refuseChord(what: string): never {
  throw new ConfigError(
    `Cannot ${what} a chord, which needs a backend that counts: wait for the group's results, then send the rest`,
  );
}

/** A list of what may be one, several or none. */
export function asList<T>(value: T | readonly T[] | null | undefined): readonly T[] {
  return value == null ? [] : Array.isArray(value) ? value : [value as T];
}
