import { assertKnown, assertText, refuse } from "../check.ts";
import type { StandardSchemaV1 } from "../types.ts";
import { signature } from "./signature.ts";
import type { SendTaskOptions, ServedTask, Signature, TaskHandler, TaskSettings } from "./types.ts";

/** Options of {@linkcode task}: how it is called unless a call says otherwise, and schemas of its arguments. */
export interface TaskOptions<Args extends readonly any[] = any[]> extends SendTaskOptions {
  /** A Standard Schema of the positional arguments as a list: checked before a call is sent, and where it is served. */
  readonly args?: StandardSchemaV1<Args, Args> | undefined;
  /** A Standard Schema of the arguments by name. */
  readonly kwargs?: StandardSchemaV1 | undefined;
}

/** What follows the first argument. */
export type Rest<Args extends readonly any[]> = Args extends readonly [any?, ...infer Others] ? Others : any[];

/** A task that has a name and types: what {@linkcode task} gives. Call it to make a signature. */
export interface Task<Args extends readonly any[] = any[], R = unknown> {
  /** A call with all arguments: ready to be sent. After another task it takes nothing of it, as Celery's `si()`. */
  (...args: Args): Signature<R, unknown>;
  /** The task's name. */
  readonly name: string;
  /** A call whose first argument is the result of the task before, or the id of one that failed: Celery's `s()`. */
  partial(...rest: Rest<Args>): Signature<R, Args[0]>;
  /** Says how the task is run, for {@linkcode serveTasks}. */
  serve(run: TaskHandler<[...Args], R>, settings?: TaskSettings): ServedTask;
}

const schemas = new WeakMap<object, Pick<TaskOptions, "args" | "kwargs">>();

/** The schemas that the arguments of a signature must fit, if its task has some. */
export function schemasOf(call: Signature<any>): Pick<TaskOptions, "args" | "kwargs"> {
  return schemas.get(call.args) ?? {};
}

/**
 * Names a task and types it: its arguments, and what it returns. Nothing is sent.
 *
 * @param name The task's name, as Python registered it.
 * @param options Options of its calls, and schemas.
 * @returns A function that makes calls, for {@linkcode sendTask}, {@linkcode chain} and {@linkcode group}.
 * @throws {ConfigError} If an option is wrong.
 * @see {@link https://docs.celeryq.dev/en/stable/userguide/calling.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import * as v from "valibot";
 * import { task } from "@dashi/sqs/celery";
 *
 * const add = task<[x: number, y: number], number>("app.add", {
 *   args: v.tuple([v.number(), v.number()]),
 *   queue: "sums",
 * });
 * const call = add(2, 3);
 * assert.deepEqual([call.task, call.args, call.options], ["app.add", [2, 3], { queue: "sums" }]);
 * assert.deepEqual(add.partial(10).args, [10]);
 * ```
 */
export function task<Args extends readonly any[] = any[], R = unknown>(
  name: string,
  options: TaskOptions<Args> = {},
): Task<Args, R> {
  assertText("name", name);
  const { args: argsSchema, kwargs: kwargsSchema, ...defaults } = options;
  const checks = { args: argsSchema, kwargs: kwargsSchema } as Pick<TaskOptions, "args" | "kwargs">;
  for (const [key, schema] of Object.entries(checks)) {
    if (schema && !schema["~standard"]) refuse(key, "a Standard Schema such as valibot's or zod's", schema);
  }
  const base = signature(name, defaults);
  const call = (...args: Args) => {
    // Kept by the list of arguments, which signature() hands on.
    schemas.set(args, checks);
    return Object.freeze({ ...base, args, immutable: true });
  };
  return Object.freeze(Object.defineProperties(call, {
    name: { value: name },
    partial: { value: (...rest: unknown[]) => Object.freeze({ ...base, args: rest }) },
    serve: {
      value: (run: TaskHandler, settings: TaskSettings = {}) => {
        assertKnown("settings", settings, ["timeLimit", "softTimeLimit", "ignoreResult"]);
        return Object.freeze({ ...settings, ...checks, name, run });
      },
    },
  })) as unknown as Task<Args, R>;
}
