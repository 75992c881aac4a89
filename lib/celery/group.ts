import { canvas, tasksGiven } from "./chain.ts";
import type { Group, GroupCall, GroupChain, Signature } from "./types.ts";

/** What a signature adds to the results of a group: a group its own tasks', a chain that ends in a group that group. */
export type ResultOf<S> = S extends Group<infer R, any> ? R
  : S extends GroupChain<infer R, any> ? [GroupCall<R>]
  : S extends Signature<infer R, any> ? [R]
  : [];

/** What each of some signatures returns. */
export type ResultsOf<S extends readonly Signature<any, any>[]> = S extends
  readonly [infer First, ...infer Rest extends readonly Signature<any, any>[]]
  ? [...ResultOf<First>, ...ResultsOf<Rest>]
  : S extends readonly [] ? []
  : ResultOf<S[number]>[number][];

/**
 * Makes a group: its tasks run side by side. To do something when all are done, wait for their results: a chord, which
 * Celery would do it with, needs a backend that counts.
 *
 * @param tasks The tasks, or one list of them.
 * @returns The group, for {@linkcode sendTask}, which gives a call for each, or for the end of a {@linkcode chain}.
 * @throws {ConfigError} If there is none.
 * @see {@link https://docs.celeryq.dev/en/stable/userguide/canvas.html#groups}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { connect, declareQueue } from "@dashi/sqs";
 * import { group, sendTask, task } from "@dashi/sqs/celery";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const broker = connect(memorySqs().connectOptions);
 * await declareQueue(broker, "celery");
 * const add = task<[x: number, y: number], number>("app.add");
 * const { calls } = await sendTask(broker, group(add(1, 2), add(3, 4)));
 * assert.equal(calls.length, 2);
 * ```
 */
export function group<const S extends readonly Signature<any, any>[]>(...tasks: S): Group<ResultsOf<S>, any>;
/** Of a list. */
export function group<const S extends readonly Signature<any, any>[]>(tasks: S): Group<ResultsOf<S>, any>;
export function group(...given: (Signature<any, any> | readonly Signature<any, any>[])[]): Group<any, any> {
  return canvas("group", tasksGiven(given));
}
