/**
 * The types of tasks. What is wrong here fails `deno check`: each `@ts-expect-error` must have its error.
 *
 * @module
 */
import * as v from "valibot";
import type { Broker } from "@dashi/sqs";
import {
  chain,
  group,
  type GroupCall,
  sendTask,
  serveTasks,
  type Signature,
  signature,
  task,
  type TaskCall,
  type TaskContext,
} from "@dashi/sqs/celery";
import { s3Results } from "@dashi/sqs/payloads";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function assertType<_T extends true>(): void {}

const add = task<[x: number, y: number], number>("app.add");
const mail = task<[text: string, to: string], boolean>("app.mail");
const show = task<[value: number], string>("app.show");
const checked = task("app.checked", { args: v.tuple([v.string(), v.number()]) });

/** Is checked, and not run. */
export async function calls(broker: Broker): Promise<void> {
  const call = await sendTask(broker, add(2, 3), { queue: "celery", countdown: 30, expires: 3600 });
  assertType<Same<typeof call, TaskCall<number>>>();
  const value = await s3Results({ bucket: "results" }).get(call, { timeout: 30 });
  assertType<Same<typeof value, number>>();
  assertType<Same<typeof add.name, string>>();

  // @ts-expect-error an argument is missing
  add(2);
  // @ts-expect-error an argument is of the wrong type
  add(2, "3");
  // @ts-expect-error one too many
  add(2, 3, 4);
  // @ts-expect-error the schema says what it takes
  checked("a", "b");
  checked("a", 1);

  // @ts-expect-error a partial call lacks its first argument
  await sendTask(broker, add.partial(3));
  // @ts-expect-error there is no such option
  await sendTask(broker, add(2, 3), { quue: "x" });
  // @ts-expect-error arguments belong to the call
  await sendTask(broker, add(2, 3), { args: [1] });

  const named = await sendTask(broker, "app.add", { args: [2, 3], kwargs: { z: 1 } });
  assertType<Same<typeof named, TaskCall<unknown>>>();
  const typed = await sendTask<number>(broker, "app.add", { args: [2, 3] });
  assertType<Same<typeof typed, TaskCall<number>>>();
}

/** Is checked, and not run. */
export async function canvas(broker: Broker): Promise<void> {
  const linked = chain(add(2, 3), add.partial(10), show.partial());
  assertType<Same<typeof linked, Signature<string, unknown>>>();
  const last = await sendTask(broker, linked);
  assertType<Same<typeof last, TaskCall<string>>>();
  // A full call takes nothing of the one before.
  chain(add(2, 3), mail("done", "ops"));
  // @ts-expect-error mail takes a text, and add gives a number
  chain(add(2, 3), mail.partial("ops"));
  chain(show(1), mail.partial("ops"));
  // @ts-expect-error the chain as a whole lacks an argument
  await sendTask(broker, chain(add.partial(1), show.partial()));
  chain(signature("app.any"), mail.partial("ops"));
  chain([add(1, 2), signature("app.any")]);

  const side = await sendTask(broker, group(add(1, 2), show(3)));
  assertType<Same<typeof side, GroupCall<[number, string]>>>();
  assertType<Same<(typeof side)["calls"][1], TaskCall<string>>>();

  const nested = await sendTask(broker, group(group(add(1, 2), show(3)), chain(add(1, 2), group(show.partial()))));
  assertType<Same<typeof nested, GroupCall<[number, string, GroupCall<[string]>]>>>();
  assertType<Same<(typeof nested)["calls"][2]["calls"][0], TaskCall<string>>>();
  const many = await sendTask(broker, group(...[1, 2].map((x) => add(x, x))));
  assertType<Same<typeof many, GroupCall<number[]>>>();
  const listed = await sendTask(broker, group([add(1, 2), show(3)]));
  assertType<Same<typeof listed, GroupCall<[number, string]>>>();

  // Who sends a chain that ends in a group gets the group's calls.
  const spread = chain(add(1, 2), group(show.partial(), add.partial(3)));
  for (
    const all of [spread, chain(add(1, 2), add.partial(3), spread), chain(add(1, 2), chain(add.partial(3), spread))]
  ) {
    const { calls } = await sendTask(broker, all);
    assertType<Same<(typeof calls)[0], TaskCall<string>>>();
  }

  await sendTask(broker, add(1, 2), { link: show.partial(), linkError: mail.partial("ops") });
  // @ts-expect-error the callback takes a text, and the task gives a number
  await sendTask(broker, add(1, 2), { link: mail.partial("ops") });
  // @ts-expect-error an errback takes the id of the task, a text
  await sendTask(broker, add(1, 2), { linkError: show.partial() });
}

/** Is checked, and not run. */
export async function serving(broker: Broker): Promise<void> {
  await using worker = serveTasks(broker, { "app.add": (_task, x: number, y: number) => x + y }, {
    queues: ["celery"],
    concurrency: 8,
  });
  await worker.closed;
  serveTasks(broker, [
    add.serve((context, x, y) => {
      assertType<Same<typeof context, TaskContext>>();
      assertType<Same<typeof x, number>>();
      return x + y;
    }),
    checked.serve((_, text, count) => text.repeat(count)),
    // @ts-expect-error it must return a number
    add.serve((_, x, y) => `${x}${y}`),
    // @ts-expect-error it takes numbers
    add.serve((_, x: string, y: string) => x.length + y.length),
  ]);
  // @ts-expect-error there is no such option
  serveTasks(broker, { a: () => 1 }, { onUndecodable: "deliver" });
}

Deno.test("the types of tasks are checked", () => {});
