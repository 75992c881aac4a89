import assert from "node:assert/strict";
import * as v from "valibot";
import {
  ConfigError,
  DoesNotExistQueueError,
  json,
  kombu,
  type PayloadStore,
  TaskFailedError,
  TimeLimitExceeded,
} from "@dashi/sqs";
import {
  chain,
  group,
  retry,
  sendTask,
  serveTasks,
  signature,
  task,
  type TaskContext,
  type TaskHandler,
} from "@dashi/sqs/celery";
import captured from "../vectors/celery_messages.json" with { type: "json" };
import { memoryResults, sendRaw, setUp } from "./support.ts";

const add = task<[x: number, y: number], number>("app.add");
const notify = task<[what: unknown], void>("app.notify");
/** Ends when the queue is empty. */
const once = { untilEmpty: true, waitTimeSeconds: 0 } as const;

Deno.test("serveTasks() runs what sendTask() sent: typed, by name, with arguments by name", async () => {
  const { broker, sqs, states } = setUp();
  const seen: unknown[] = [];
  await sendTask(broker, add(2, 3), { queue: "celery", expires: 3600 });
  await sendTask(broker, "app.mail", { args: ["ops"], kwargs: { subject: "hi" } });
  await sqs.clock.run(async () => {
    await using worker = serveTasks(broker, {
      "app.add": (_, x: number, y: number) => void seen.push(x + y),
      "app.mail": (task, to: string) => void seen.push([to, task.kwargs.subject]),
    }, { queues: ["celery"], concurrency: 8, ...once });
    await worker.closed;
  });
  assert.deepEqual(seen.sort(), [5, ["ops", "hi"]]);
  assert.equal(sqs.messages("celery").length, 0);
  assert.deepEqual(states().filter((state) => state.endsWith("add")), ["received app.add", "succeeded app.add"]);
});

Deno.test("serveTasks() reads what Celery sent, in protocol 2 and 1", async () => {
  const { broker, sqs } = setUp(["celery", "callbacks"]);
  for (const name of ["plain", "kwargs", "chain_group", "protocol1"] as const) {
    for (const { envelope } of captured[name].messages) await sendRaw(sqs, "celery", { ...envelope });
  }
  await sendRaw(sqs, "celery", {
    headers: { task: "app.add", id: "hybrid" },
    body: btoa(JSON.stringify({ args: [8, 9] })),
    properties: { body_encoding: "base64" },
  });
  const seen: TaskContext[] = [];
  await sqs.clock.run(async () => {
    const run = (task: TaskContext) => void seen.push(task);
    await serveTasks(broker, { "app.add": run }, { maxSeconds: 100_000, queueFor: () => "callbacks" }).closed;
  }, { limit: 100_100 });
  const shown = seen.map(({ args, kwargs, eta }) => [args, Object.keys(kwargs), eta?.toISOString()]);
  assert.deepEqual(
    shown.sort((a, b) => JSON.stringify(a) < JSON.stringify(b) ? -1 : 1),
    [
      [[2, 3], ["z"], "2030-01-02T03:04:05.678Z"],
      [[2, 3], [], undefined],
      [[2, 3], [], undefined],
      [[2], ["y", "note", "deep"], undefined],
      [[8, 9], [], undefined],
    ],
  );
});

Deno.test("a task that succeeds stores its result, then calls what is linked, then goes on with the chain", async () => {
  const { broker, sqs, read, events } = setUp(["celery", "next"]);
  const results = memoryResults();
  const mul = task<[number, number], number>("app.mul", { queue: "next" });
  const linked = signature(notify.partial(), { queue: "next" });
  const call = await sendTask(broker, chain(add(2, 3), mul.partial(10), mul.partial(7)), { id: "last" });
  await sendTask(broker, add(4, 5), { id: "linked", link: [linked, signature(notify("fixed"), { queue: "next" })] });
  await sqs.clock.run(() => serveTasks(broker, { "app.add": (_, x, y) => x + y }, { results, ...once }).closed);

  const next = await read("next");
  const chained = next.find(({ headers }) => headers.task === "app.mul")!;
  const first = call.parent!.parent!;
  assert.deepEqual(chained.args, [5, 10]);
  assert.deepEqual(chained.embed.chain.map(({ options }: any) => options.task_id), ["last"]);
  assert.deepEqual(
    [chained.headers.id, chained.headers.parent_id, chained.headers.root_id],
    [call.parent!.id, first.id, first.id],
  );
  assert.deepEqual(next.filter(({ headers }) => headers.task === "app.notify").map(({ args }) => args).sort(), [
    [9],
    ["fixed"],
  ]);
  const { status, result, children } = results.kept.get(first.id)!;
  assert.deepEqual([status, result, children], ["SUCCESS", 5, [[[call.parent!.id, null], null]]]);
  assert.deepEqual(events.filter(({ type }) => type === "warning" || type === "error"), []);
});

Deno.test("a chain that ends in a group sends each its result, and names each as a child", async () => {
  const { broker, sqs, read } = setUp(["celery", "next"]);
  const results = memoryResults();
  const first = add(1, 1);
  const all = chain(signature(first, { id: "first" }), group(notify.partial(), notify("own")));
  const { id, calls } = await sendTask(broker, all);
  const worker = () =>
    serveTasks(broker, { "app.add": (_, x, y) => x + y }, { ...once, results, queueFor: () => "next" }).closed;
  await sqs.clock.run(worker);
  const next = await read("next");
  assert.deepEqual(next.map(({ args }) => args).sort(), [[2], ["own"]]);
  assert.equal(new Set(next.map(({ headers }) => headers.group)).size, 1);
  assert.deepEqual(next.map(({ headers }) => headers.group_index).sort(), [0, 1]);
  // As in Celery: a group has no result of its own to wait for.
  assert.deepEqual(results.kept.get("first")!.children, [[[id, null], calls.map(({ id }) => [[id, null], null])]]);
});

Deno.test("what is only passed on to Python arrives as Python wrote it: Decimal, UUID, date and naive datetime", async () => {
  const typed = (type: string, value: unknown) => ({ __type__: type, __value__: value });
  const at = typed("datetime", "2024-01-02T03:04:05.678901");
  const args = [typed("decimal", "1.10"), typed("uuid", { hex: "0".repeat(32) }), typed("date", "2024-01-02"), at];
  const step = (task: string, options: object = {}) => ({
    task,
    args,
    kwargs: { at },
    options: { queue: "next", ...options },
    subtask_type: null,
    immutable: true,
  });
  const eta = typed("datetime", "2030-01-01T05:00:00+00:00");
  const chained = [step("app.last"), step("app.eta", { eta })];
  const embed = { callbacks: [step("app.linked", { link: [step("app.deep")] })], errbacks: null, chain: chained };
  const { broker, sqs, read } = setUp(["celery", "next"]);
  await sendRaw(sqs, "celery", {
    headers: { task: "app.add", id: "1" },
    body: JSON.stringify([args, { at }, embed]),
  });
  const seen: unknown[] = [];
  const run = (task: TaskContext, ...args: unknown[]) => {
    seen.push(args);
    if (!task.retries) throw retry({ countdown: 0 });
  };
  const work = () => serveTasks(broker, { "app.add": run }, once).closed;
  await sqs.clock.run(work);
  await sqs.clock.run(work);
  const here = ["1.10", "00000000-0000-0000-0000-000000000000", "2024-01-02", new Date("2024-01-02T03:04:05.678Z")];
  assert.deepEqual(seen, [here, here]);

  const bodies = await Promise.all(
    sqs.messages("next").map(({ body }) => JSON.parse(atob(JSON.parse(atob(body)).body))),
  );
  assert.equal(bodies.length, 2);
  for (const body of bodies) assert.deepEqual(body.slice(0, 2), [args, { at }]);
  const [{ chain }] = bodies.map(([, , embed]) => embed).filter(({ chain }) => chain);
  const [{ callbacks }] = bodies.map(([, , embed]) => embed).filter(({ callbacks }) => callbacks);
  for (const inner of [...chain, ...callbacks]) assert.deepEqual([inner.args, inner.kwargs], [args, { at }]);
  const { headers } = (await read("next")).find(({ headers }) => headers.task === "app.eta")!;
  assert.match(headers.eta, /^2030-01-01T05:00:00/);
  assert.equal(
    headers.argsrepr,
    "('1.10', '00000000000000000000000000000000', '2024-01-02', '2024-01-02T03:04:05.678901')",
  );
});

Deno.test("a delay that Python gave to a step of its chain holds, as with kombu", async () => {
  const { broker, sqs } = setUp(["celery", "next"]);
  const step = signature(notify.partial(), { queue: "next" });
  const later = { ...step, options: { ...step.options, DelaySeconds: 90 } };
  await sendTask(broker, chain(add(1, 1), later));
  await sqs.clock.run(() => serveTasks(broker, { "app.add": (_, x, y) => x + y }, once).closed);
  const [{ state, visibleAt }] = sqs.messages("next");
  assert.equal(state, "delayed");
  assert.ok(+visibleAt >= Date.UTC(2030, 0, 1) + 90_000);
});

Deno.test("a task that fails is stored with type, message and traceback, calls its errbacks, and is acked", async () => {
  const { broker, sqs, read, states } = setUp(["celery", "next"]);
  const results = memoryResults();
  const link = { linkError: signature(notify.partial(), { queue: "next" }) };
  const call = await sendTask(broker, chain(add(2, 3), notify.partial()), { ...link, id: "waits" });
  await sendTask(broker, "app.typed", { id: "typed" });
  await sendTask(broker, "app.thrown", { id: "thrown" });
  await sqs.clock.run(() =>
    serveTasks(broker, {
      "app.add": () => {
        throw new RangeError("no sums today");
      },
      "app.typed": () => {
        throw new TaskFailedError("bad", { type: "ValueError", module: "builtins", traceback: "there" });
      },
      "app.thrown": () => Promise.reject("text"),
    }, { results, ...once }).closed
  );
  assert.equal(sqs.messages("celery").length, 0);
  assert.ok(states().includes("failed app.add"));
  const failed = results.kept.get(call.parent!.id)!;
  assert.equal(failed.status, "FAILURE");
  assert.deepEqual(failed.result, { exc_type: "RangeError", exc_message: ["no sums today"], exc_module: null });
  assert.match(failed.traceback!, /RangeError: no sums today\n/);
  // Whoever waits for the chain hears of it, too.
  assert.equal(results.kept.get("waits")!.status, "FAILURE");
  assert.deepEqual(results.kept.get("typed")!.result, {
    exc_type: "ValueError",
    exc_message: ["bad"],
    exc_module: "builtins",
  });
  assert.equal(results.kept.get("typed")!.traceback, "there");
  assert.deepEqual((results.kept.get("thrown")!.result as any).exc_message, ["text"]);
  const errbacks = await read("next");
  assert.deepEqual(errbacks.map(({ args, headers }) => [args, headers.parent_id]), [
    [[call.parent!.id], call.parent!.id],
  ]);
});

Deno.test("an errback that can't be sent is an error event, and the others are called", async () => {
  const { broker, sqs, read, states, events } = setUp(["celery", "next"]);
  const wrong = { ...signature("app.x"), options: { eta: "soon" } };
  await sendTask(broker, "app.bad", { id: "bad", linkError: [wrong, signature(notify.partial(), { queue: "next" })] });
  let runs = 0;
  await sqs.clock.run(() =>
    serveTasks(broker, {
      "app.bad": () => {
        runs++;
        throw new RangeError("no");
      },
    }, once).closed
  );
  assert.equal(runs, 1);
  assert.deepEqual(states(), ["received app.bad", "failed app.bad"]);
  const told = events.flatMap((event) => event.type === "error" ? [event.error.message] : []);
  assert.match(told.join(), /^Cannot read 'eta' as it must be an instant[^,]*, such as 2030-01-02T03:04:05Z$/);
  assert.deepEqual((await read("next")).map(({ args }) => args), [["bad"]]);
  assert.equal(sqs.messages("celery").length, 0);
});

Deno.test("a task whose message is a stored payload runs, also where the store leaves large ones to the stream", async () => {
  const objects = new Map<string, string>();
  const payloads: PayloadStore = {
    threshold: 4000,
    always: false,
    isPointer: (body) => body.startsWith("at:"),
    async offload(body) {
      const key = `k${objects.size}`;
      objects.set(key, await new Response(body).text());
      const undo = () => Promise.resolve(void objects.delete(key));
      return { body: `at:${key}`, messageAttributes: {}, location: { bucket: "b", key }, undo };
    },
    resolve(pointer, { lazy, eager }) {
      const key = pointer.slice(3);
      const text = objects.get(key)!;
      const whole = eager || !lazy && text.length < 50_000;
      const stream = () => new Blob([text]).stream();
      return Promise.resolve({ body: whole ? text : undefined, location: { bucket: "b", key }, stream });
    },
    cleanUp: (locations) => Promise.resolve(locations.forEach(({ key }) => objects.delete(key))),
  };
  const { broker, sqs } = setUp(["jobs.fifo"], { connect: { payloads } });
  const sizes = [10, 5000, 100_000];
  const ran: number[] = [];
  await sqs.clock.run(async () => {
    for (const size of sizes) await sendTask(broker, "app.read", { queue: "jobs.fifo", args: ["x".repeat(size)] });
    assert.equal(objects.size, 2);
    const handlers = { "app.read": (_: unknown, text: string) => void ran.push(text.length) };
    await serveTasks(broker, handlers, { queues: "jobs.fifo", ...once }).closed;
  });
  assert.deepEqual(ran, sizes);
  assert.equal(objects.size, 0);
});

Deno.test("whatever a handler throws, the task has failed, is stored and acked", async () => {
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  const silent = Object.defineProperty(new Error("never read"), "message", {
    get() {
      throw new Error("not even this");
    },
  });
  const things: unknown[] = [
    undefined,
    null,
    Symbol("x"),
    Object.create(null),
    Object.assign(new Error(), { message: circle }),
    Object.assign(new Error(), { message: Symbol("x"), name: circle, stack: 5 }),
    silent,
  ];
  for (const thing of things) {
    const { broker, sqs, states } = setUp();
    const results = memoryResults();
    await sendTask(broker, "app.thrown", { id: "1" });
    const handlers = {
      "app.thrown": () => {
        throw thing;
      },
    };
    await sqs.clock.run(() => serveTasks(broker, handlers, { results, untilEmpty: true, waitTimeSeconds: 0 }).closed);
    const { status, result } = results.kept.get("1")!;
    const { exc_type, exc_message } = result as { exc_type: unknown; exc_message: unknown[] };
    assert.deepEqual([status, typeof exc_type, typeof exc_message[0]], ["FAILURE", "string", "string"]);
    assert.ok(JSON.stringify(result));
    assert.deepEqual(states(), ["received app.thrown", "failed app.thrown"]);
    assert.deepEqual(sqs.messages("celery"), []);
  }
});

Deno.test("retry() sends the task again with the same id, one more retry and all it had, then acks", async () => {
  const { broker, sqs, states } = setUp(["celery", "next"]);
  const results = memoryResults();
  const runs: [number, number, unknown, unknown][] = [];
  await sendTask(broker, add(2, 3), {
    id: "one",
    link: signature(notify.partial(), { queue: "next" }),
    stamps: { customer: "c1" },
    headers: { "x-app": "1" },
    expires: 3600,
    timeLimit: 50,
    shadow: "shown",
  });
  const start = +sqs.clock.now();
  await sqs.clock.run(() =>
    serveTasks(broker, {
      "app.add": (task) => {
        runs.push([(+sqs.clock.now() - start) / 1000, task.retries, task.stamps.customer, task.headers["x-app"]]);
        if (task.retries < 2) throw retry({ countdown: 30 * (task.retries + 1), error: new Error("busy") });
        assert.deepEqual(task.headers.timelimit, [50, null]);
        assert.equal(task.headers.shadow, "shown");
        assert.equal(+task.expires!, start + 3600_000);
        return 5;
      },
    }, { results, maxSeconds: 200 }).closed
  );
  assert.deepEqual(runs, [[0, 0, "c1", "1"], [30, 1, "c1", "1"], [90, 2, "c1", "1"]]);
  assert.equal(results.kept.get("one")!.status, "SUCCESS");
  assert.equal(sqs.messages("next").length, 1);
  assert.equal(states().filter((state) => state === "retried app.add").length, 2);
});

Deno.test("retry() fails the task when max is passed: with its error, or Celery's own", async () => {
  const { broker, sqs } = setUp();
  const results = memoryResults();
  await sendTask(broker, "app.a", { id: "a" });
  await sendTask(broker, "app.b", { id: "b" });
  await sqs.clock.run(() =>
    serveTasks(broker, {
      "app.a": () => {
        throw retry({ countdown: 1, max: 2, error: new TypeError("still no") });
      },
      "app.b": () => {
        throw retry({ countdown: 1 });
      },
    }, { results, maxSeconds: 60 }).closed
  );
  assert.equal((results.kept.get("a")!.result as any).exc_type, "TypeError");
  assert.deepEqual(results.kept.get("b")!.result as any, {
    exc_type: "MaxRetriesExceededError",
    exc_message: ["Can't retry app.b[b] after 3 retries"],
    exc_module: "celery.exceptions",
  });
  assert.equal(sqs.messages("celery").length, 0);
});

Deno.test("retry() stores its state before the task is sent again, so that it is never the last word", async () => {
  const { broker, sqs } = setUp();
  const results = memoryResults();
  const { store } = results;
  const held: [string, number][] = [];
  results.store = async (call, meta, options) => {
    await sqs.clock.sleep(5); // longer than the next run takes to begin
    held.push([meta.status, sqs.messages("celery").length]);
    await store(call, meta, options);
  };
  await sendTask(broker, "app.a", { id: "a" });
  await sqs.clock.run(() =>
    serveTasks(broker, {
      "app.a": (task) => {
        if (!task.retries) throw retry({ countdown: 0 });
        return 5;
      },
    }, { results, maxSeconds: 60 }).closed
  );
  assert.deepEqual(held, [["RETRY", 1], ["SUCCESS", 1]]);
  assert.equal(results.kept.get("a")!.status, "SUCCESS");
});

Deno.test("retry() stores its error under RETRY as Celery does, and null without one", async () => {
  for (
    const [error, result] of [
      [new TypeError("no page"), { exc_type: "TypeError", exc_message: ["no page"], exc_module: null }],
      [undefined, null],
    ]
  ) {
    const { broker, sqs } = setUp();
    const results = memoryResults();
    const stored: unknown[] = [];
    const { store } = results;
    results.store = async (call, meta, options) => {
      if (meta.status === "RETRY") stored.push(meta.result);
      await store(call, meta, options);
    };
    await sendTask(broker, "app.a", { id: "a" });
    const run: TaskHandler = (task) => {
      if (!task.retries) throw retry({ countdown: 0, error });
    };
    await sqs.clock.run(() => serveTasks(broker, { "app.a": run }, { results, maxSeconds: 60 }).closed);
    assert.deepEqual(stored, [result]);
  }
});

Deno.test("retry() with arguments that can't be sent fails the task", async () => {
  const { broker, sqs } = setUp();
  const results = memoryResults();
  await sendTask(broker, "app.a", { id: "a" });
  let runs = 0;
  await sqs.clock.run(() =>
    serveTasks(broker, {
      "app.a": () => {
        runs++;
        throw retry({ args: ["x".repeat(2 ** 20)] });
      },
    }, { results, maxSeconds: 100 }).closed
  );
  assert.equal(runs, 1);
  const { status, result } = results.kept.get("a")!;
  assert.deepEqual([status, (result as any).exc_type], ["FAILURE", "ConfigError"]);
  assert.equal(sqs.messages("celery").length, 0);
});

Deno.test("what follows a task is written as the worker reads: its codec wins over the broker's", async () => {
  const { broker, sqs, states, read } = setUp(["celery", "next"], { connect: { codec: json() } });
  const codec = kombu();
  const next = (id: string) => signature(notify.partial(), { queue: "next", id });
  await sendTask(broker, chain(add(2, 3), next("chained")), { codec, link: next("linked") });
  await sendTask(broker, "app.fail", { codec, linkError: next("told") });
  await sqs.clock.run(() =>
    serveTasks(broker, {
      "app.add": (task, x, y) => {
        if (!task.retries) throw retry({ countdown: 1 });
        return x + y;
      },
      "app.fail": () => {
        throw new Error("no");
      },
    }, { codec, maxSeconds: 60 }).closed
  );
  assert.deepEqual(states().filter((state) => state.startsWith("invalid")), []);
  assert.deepEqual((await read("next")).map(({ headers }) => headers.id).sort(), ["chained", "told"]);
});

Deno.test("retry() backs off: twice as long each time, up to a bound, with jitter below it", async () => {
  for (const jitter of [false, true]) {
    const { broker, sqs } = setUp();
    const times: number[] = [];
    await sendTask(broker, "app.a");
    await sqs.clock.run(() =>
      serveTasks(broker, {
        "app.a": () => {
          times.push(+sqs.clock.now() / 1000);
          throw retry({ backoff: 10, backoffMax: 35, jitter, max: 4 });
        },
      }, { maxSeconds: 300 }).closed
    );
    const waits = times.slice(1).map((time, index) => Math.round(time - times[index]));
    if (!jitter) assert.deepEqual(waits, [10, 20, 35, 35]);
    else waits.forEach((wait, index) => assert.ok(wait <= [10, 20, 35, 35][index]! + 1));
  }
});

Deno.test("a task past its expires is dropped, stored as REVOKED, and told", async () => {
  const { broker, sqs, states } = setUp();
  const results = memoryResults();
  await sendTask(broker, add(1, 2), { id: "old", expires: -5 });
  await sendTask(broker, add(1, 2), { id: "waits", expires: 10, countdown: 20 });
  await sqs.clock.run(() => serveTasks(broker, { "app.add": () => assert.fail() }, { results, maxSeconds: 60 }).closed);
  assert.deepEqual(states().filter((state) => state.startsWith("expired")), ["expired app.add", "expired app.add"]);
  for (const id of ["old", "waits"]) assert.equal(results.kept.get(id)!.status, "REVOKED");
  assert.equal(sqs.messages("celery").length, 0);
});

Deno.test("ignore_result keeps results out of the store: the call's word wins over the task's", async () => {
  const { broker, sqs } = setUp();
  const results = memoryResults();
  await sendTask(broker, add(1, 2), { id: "ignored", ignoreResult: true });
  await sendTask(broker, add(1, 2), { id: "kept" });
  await sendTask(broker, "app.quiet", { id: "quiet" });
  await sendTask(broker, "app.quiet", { id: "asked", ignoreResult: false });
  const quiet = task("app.quiet");
  const handlers = {
    "app.add": () => 3,
    "app.quiet": quiet.serve((task) => task.update("PROGRESS", 1), { ignoreResult: true }),
  };
  await sqs.clock.run(() => serveTasks(broker, handlers, { results, ...once }).closed);
  assert.deepEqual([...results.kept.keys()].sort(), ["asked", "kept"]);
});

Deno.test("update() stores a state of the task's own", async () => {
  const { broker, sqs } = setUp();
  const results = memoryResults();
  await sendTask(broker, add(1, 2), { id: "one" });
  const run = async (task: TaskContext) => {
    await task.update("PROGRESS", { done: 1 });
    assert.deepEqual(results.kept.get("one"), { status: "PROGRESS", result: { done: 1 } });
  };
  await sqs.clock.run(() => serveTasks(broker, { "app.add": run }, { results, ...once }).closed);
  assert.equal(results.kept.get("one")!.status, "SUCCESS");
});

Deno.test("update() that nobody waits for is never stored after the outcome, and not out of turn", async () => {
  const { broker, sqs } = setUp();
  const results = memoryResults();
  const { store } = results;
  const stored: Record<string, string[]> = { hasty: [], deaf: [] };
  results.store = async (call, meta, options) => {
    await sqs.clock.sleep({ first: 4, second: 1 }[meta.status] ?? 0);
    if (meta.status === "refused") throw new Error("no store");
    stored[(call as { id: string }).id].push(meta.status);
    await store(call, meta, options);
  };
  await sendTask(broker, "app.hasty", { id: "hasty" });
  await sendTask(broker, "app.deaf", { id: "deaf", timeLimit: 5 });
  await sqs.clock.run(() =>
    serveTasks(broker, {
      "app.hasty": async (task) => {
        void task.update("first");
        void task.update("second");
        void task.update("refused");
        await sqs.clock.sleep(4.5);
      },
      "app.deaf": async (task) => {
        await sqs.clock.sleep(10);
        await task.update("late");
      },
    }, { results, maxSeconds: 30 }).closed
  );
  assert.deepEqual(stored, { hasty: ["first", "second", "SUCCESS"], deaf: ["FAILURE"] });
});

Deno.test("a time limit of 0 is none, and the task's own counts", async () => {
  const { broker, sqs, states } = setUp();
  for (const name of ["app.free", "app.bound"]) await sendTask(broker, name, { timeLimit: 0, softTimeLimit: 0 });
  const run: TaskHandler = async (task) => await sqs.clock.sleep(60, task.signal);
  await sqs.clock.run(() =>
    serveTasks(broker, { "app.free": run, "app.bound": { name: "app.bound", run, timeLimit: 5 } }, {
      ...once,
      graceSeconds: 100,
    }).closed
  );
  assert.deepEqual(states().filter((state) => !state.startsWith("received")), [
    "failed app.bound",
    "succeeded app.free",
  ]);
});

Deno.test("the soft time limit fires the signal, the hard one fails the task and frees its slot", async () => {
  const { broker, sqs, states } = setUp();
  const results = memoryResults();
  await sendTask(broker, "app.soft", { id: "soft", softTimeLimit: 5, timeLimit: 50 });
  await sendTask(broker, "app.deaf", { id: "deaf", timeLimit: 10 });
  await sendTask(broker, "app.tidy", { id: "tidy" });
  const waits = (signal: AbortSignal) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const ends: number[] = [];
  const start = +sqs.clock.now();
  await sqs.clock.run(() =>
    serveTasks(broker, {
      "app.soft": (task) => waits(task.signal).finally(() => ends.push((+sqs.clock.now() - start) / 1000)),
      "app.deaf": () => new Promise(() => {}),
      "app.tidy": task("app.tidy").serve(async (task) => {
        const reason = await waits(task.signal).catch((reason) => reason);
        assert.ok(reason instanceof TimeLimitExceeded);
        return [reason.soft, reason.seconds];
      }, { softTimeLimit: 3 }),
    }, { results, concurrency: 1, maxSeconds: 60 }).closed
  );
  assert.equal(ends.length, 1);
  assert.deepEqual(results.kept.get("soft")!.result, {
    exc_type: "SoftTimeLimitExceeded",
    exc_message: [5],
    exc_module: "billiard.exceptions",
  });
  assert.deepEqual(results.kept.get("deaf")!.result, {
    exc_type: "TimeLimitExceeded",
    exc_message: [10],
    exc_module: "billiard.exceptions",
  });
  assert.deepEqual(results.kept.get("tidy")!.result, [true, 3]);
  assert.equal(states().filter((state) => state.startsWith("failed")).length, 2);
  assert.equal(sqs.messages("celery").length, 0);
});

Deno.test("no more tasks run side by side than concurrency says, however many are held", async () => {
  for (const prefetch of [undefined, 12]) {
    const { broker, sqs } = setUp();
    for (let index = 0; index < 12; index++) await sendTask(broker, add(index, 0), { countdown: index % 3 });
    let running = 0;
    let most = 0;
    const counted: [number, number][] = [];
    await sqs.clock.run(async () => {
      const worker = serveTasks(broker, {
        "app.add": async () => {
          most = Math.max(most, ++running);
          counted.push([running, worker.running]);
          await sqs.clock.sleep(4);
          running--;
        },
      }, { concurrency: 3, prefetch, maxSeconds: 60 });
      await worker.closed;
      assert.equal(worker.running, 0);
    });
    assert.equal(most, 3);
    assert.equal(counted.length, 12);
    // A task counts from before its handler begins until its result is on its way.
    assert.ok(counted.every(([ours, theirs]) => ours <= theirs && theirs <= 3), JSON.stringify(counted));
    assert.equal(sqs.messages("celery").length, 0);
  }
});

Deno.test("a task that nobody here knows is given back, longer hidden each time, and told", async () => {
  const { broker, sqs, states } = setUp();
  await sendTask(broker, "other.task");
  await sendTask(broker, add(1, 2));
  await sqs.clock.run(() =>
    serveTasks(broker, { "app.add": () => 3 }, { maxSeconds: 600, waitTimeSeconds: 20 }).closed
  );
  const [left] = sqs.messages("celery");
  assert.equal(sqs.messages("celery").length, 1);
  const unknown = states().filter((state) => state === "unknown other.task").length;
  assert.ok(unknown >= 10 && unknown <= 45, `${unknown} times in ten minutes`);
  assert.equal(left.receiveCount, unknown);
});

Deno.test("two workers on one queue each run the tasks they know", async () => {
  const { broker, sqs } = setUp();
  const ran: string[] = [];
  for (let index = 0; index < 20; index++) await sendTask(broker, index % 2 ? "a" : "b", { args: [index] });
  await sqs.clock.run(async () => {
    await Promise.all(
      ["a", "b"].map((name) =>
        serveTasks(broker, { [name]: (task, index) => void ran.push(`${task.task}${index}`) }, { maxSeconds: 120 })
          .closed
      ),
    );
  });
  assert.equal(new Set(ran).size, 20);
  assert.equal(ran.length, 20);
  assert.equal(sqs.messages("celery").length, 0);
});

Deno.test("a message whose chain holds a chord is left to workers that can go on with it", async () => {
  const { broker, sqs, events } = setUp();
  const chord = { task: "celery.chord", args: [], kwargs: {}, options: {}, subtask_type: "chord", immutable: false };
  const body = [[1, 2], {}, { callbacks: null, errbacks: null, chain: [chord], chord: null }];
  await sendRaw(sqs, "celery", {
    headers: { task: "app.add", id: "1" },
    body: JSON.stringify(body),
    properties: { body_encoding: "utf-8" },
  });
  await sqs.clock.run(() => serveTasks(broker, { "app.add": () => assert.fail() }, { maxSeconds: 10 }).closed);
  assert.equal(sqs.messages("celery").length, 1);
  const told = events.find((event) => event.type === "task" && event.state === "unknown");
  assert.match(String((told as any).error), /a chord, which needs a backend that counts/);
});

Deno.test("acks late: a result that can't be stored, or a callback that can't be sent, keeps the message", async () => {
  const { broker, sqs } = setUp();
  const results = memoryResults();
  let failures = 2;
  const store = results.store;
  results.store = (...args) => failures-- > 0 ? Promise.reject(new Error("no store")) : store(...args);
  await sendTask(broker, add(1, 2), { id: "one" });
  await sendTask(broker, add(1, 2), { id: "two", link: signature(notify.partial(), { queue: "missing" }) });
  let runs = 0;
  await sqs.clock.run(() =>
    serveTasks(broker, { "app.add": () => ++runs }, { results, backoff: { 1: 1, 2: 1, 3: 1, 4: 500 }, maxSeconds: 100 })
      .closed
  );
  assert.ok(runs >= 5);
  assert.equal(results.kept.get("one")!.status, "SUCCESS");
  assert.equal(sqs.messages("celery").length, 1);
});

Deno.test("a result or a callback that can't be written makes the task fail once, as in Celery", async () => {
  const { broker, sqs, states, read } = setUp(["celery", "next"]);
  const results = memoryResults();
  const { store } = results;
  results.store = (call, meta, options) => {
    if (typeof meta.result === "function") throw new ConfigError("Cannot write the value as JSON");
    return store(call, meta, options);
  };
  const linkError = signature(notify.partial(), { queue: "next" });
  await sendTask(broker, "app.odd", { id: "odd", linkError });
  const callback = { ...signature("app.x"), options: { eta: "soon" } };
  await sendTask(broker, "app.fine", { id: "link", link: callback, linkError });
  await sendTask(broker, "app.huge", { id: "huge", link: signature(notify.partial(), { queue: "next" }), linkError });
  let runs = 0;
  await sqs.clock.run(() =>
    serveTasks(broker, {
      "app.odd": () => (runs++, () => {}),
      "app.fine": () => runs++,
      "app.huge": () => (runs++, "x".repeat(2 ** 20)),
    }, { results, maxSeconds: 100 }).closed
  );
  assert.equal(runs, 3);
  assert.equal(states().filter((state) => state.startsWith("failed")).length, 3);
  assert.deepEqual([results.kept.get("odd")!.status, results.kept.get("link")!.status], ["FAILURE", "FAILURE"]);
  assert.deepEqual((await read("next")).map(({ args }) => args).sort(), [["huge"], ["link"], ["odd"]]);
  assert.equal(sqs.messages("celery").length, 0);
});

Deno.test("acks early: the message is gone before the task runs, and it is not run if that is in doubt", async () => {
  const { broker, sqs } = setUp();
  await sendTask(broker, add(1, 2));
  let runs = 0;
  const run = () => {
    runs++;
    assert.equal(sqs.messages("celery").length, 0);
  };
  await sqs.clock.run(() => serveTasks(broker, { "app.add": run }, { acks: "early", ...once }).closed);
  assert.equal(runs, 1);
  await sendTask(broker, add(1, 2));
  sqs.setFaults(({ action }) =>
    action === "DeleteMessageBatch" ? { type: "error", code: "ServiceUnavailable" } : undefined
  );
  await sqs.clock.run(() => serveTasks(broker, { "app.add": run }, { acks: "early", ...once }).closed);
  assert.equal(runs, 1);
});

Deno.test("stop() lets a running task end, and gives back what waits", async () => {
  const { broker, sqs, states } = setUp();
  for (let index = 0; index < 5; index++) await sendTask(broker, add(index, 0));
  await sendTask(broker, add(9, 0), { eta: new Date(+sqs.clock.now() + 950_000) });
  await sqs.clock.advance(920);
  let ended = 0;
  await sqs.clock.run(async () => {
    const run = async () => {
      await sqs.clock.sleep(8);
      ended++;
    };
    const worker = serveTasks(broker, { "app.add": run }, { concurrency: 1, prefetch: 10 });
    await sqs.clock.sleep(5);
    await worker.stop();
    await worker.closed;
  });
  assert.equal(ended, 1);
  assert.equal(states().filter((state) => state.startsWith("succeeded")).length, 1);
  const left = sqs.messages("celery");
  assert.equal(left.length, 5);
  // What is due is visible at once, what is not stays hidden until then.
  assert.equal(left.filter(({ state }) => state === "visible").length, 4);
  const [hidden] = left.filter(({ state }) => state !== "visible");
  assert.ok(Math.abs(+hidden.visibleAt - Date.UTC(2030, 0, 1) - 950_000) <= 1000);
});

Deno.test("after the grace a task's signal fires, its message goes back, and its outcome is of no interest", async () => {
  const { broker, sqs, states } = setUp();
  const results = memoryResults();
  await sendTask(broker, add(1, 2));
  let aborted = false;
  await sqs.clock.run(async () => {
    const run = (task: TaskContext) =>
      new Promise((_, reject) =>
        task.signal.addEventListener("abort", () => {
          aborted = true;
          reject(task.signal.reason);
        })
      );
    const worker = serveTasks(broker, { "app.add": run }, { graceSeconds: 3, waitTimeSeconds: 1, results });
    await sqs.clock.sleep(5);
    await worker[Symbol.asyncDispose]();
  });
  assert.ok(aborted);
  assert.equal(results.kept.size, 0);
  assert.ok(!states().includes("failed app.add"));
  assert.equal(sqs.messages("celery")[0].state, "visible");
});

Deno.test("acks early: after the grace what still runs has failed, whoever hears its signal, and stop() waits no longer", async () => {
  const { broker, sqs, states } = setUp();
  const results = memoryResults();
  const calls = [await sendTask(broker, "app.hears"), await sendTask(broker, "app.hangs")];
  const { id } = await sendTask(broker, "app.ends");
  const aborted: string[] = [];
  await sqs.clock.run(async () => {
    const run = (task: TaskContext) =>
      new Promise<void>((resolve, reject) => {
        task.signal.addEventListener("abort", () => {
          aborted.push(task.task);
          if (task.task === "app.hears") reject(task.signal.reason);
        });
        if (task.task === "app.ends") void sqs.clock.sleep(10).then(resolve);
      });
    const handlers = { "app.hears": run, "app.hangs": run, "app.ends": run };
    const worker = serveTasks(broker, handlers, { acks: "early", graceSeconds: 8, waitTimeSeconds: 1, results });
    await sqs.clock.sleep(5);
    await worker.stop();
    assert.equal(worker.running, 0);
  });
  assert.equal(results.kept.get(id)!.status, "SUCCESS");
  assert.deepEqual(aborted.sort(), ["app.hangs", "app.hears"]);
  for (const call of calls) {
    const { status, result } = results.kept.get(call.id)!;
    assert.deepEqual([status, (result as { exc_type: string }).exc_type], ["FAILURE", "WorkerLostError"]);
  }
  assert.deepEqual(states().slice(-2).sort(), ["failed app.hangs", "failed app.hears"]);
});

Deno.test("a signal stops a worker as stop() does, and one that it has stopped before receives nothing", async () => {
  const { broker, sqs } = setUp();
  const controller = new AbortController();
  await sqs.clock.run(async () => {
    const worker = serveTasks(broker, { "app.add": () => 1 }, { signal: controller.signal });
    await sqs.clock.sleep(5);
    controller.abort();
    await worker.closed;
  });
  await sendTask(broker, add(1, 2));
  const before = sqs.requests.count("ReceiveMessage");
  await sqs.clock.run(() => serveTasks(broker, { "app.add": () => 1 }, { signal: controller.signal }).closed);
  assert.equal(sqs.requests.count("ReceiveMessage"), before);
  assert.equal(sqs.messages("celery")[0].receiveCount, 0);
});

Deno.test("closed rejects with what no retry mends", async () => {
  const { broker, sqs } = setUp();
  await sqs.clock.run(async () => {
    const worker = serveTasks(broker, { "app.add": () => 1 }, { queues: "nowhere" });
    await assert.rejects(worker.closed, DoesNotExistQueueError);
    await worker.stop();
  });
});

Deno.test("in a FIFO group tasks run in order, one at a time, and a retry goes to the same group", async () => {
  const { broker, sqs } = setUp(["jobs.fifo"]);
  const ran: number[] = [];
  for (let index = 0; index < 4; index++) {
    await sendTask(broker, add(index, 0), { queue: "jobs.fifo", groupId: "g" });
  }
  await sqs.clock.run(() =>
    serveTasks(broker, {
      "app.add": async (task, x: number) => {
        assert.equal(task.delivery.groupId, "g");
        await sqs.clock.sleep(4 - x);
        if (x === 0 && task.retries === 0) throw retry({ countdown: 5 });
        ran.push(x);
      },
    }, { queues: "jobs.fifo", maxSeconds: 120 }).closed
  );
  assert.deepEqual(ran, [1, 2, 3, 0]);
});

Deno.test("a definition's schema gives the handler its output, and refuses what does not fit", async () => {
  const { broker, sqs, events } = setUp();
  const parse = task<[string], number>("app.parse", { args: v.tuple([v.pipe(v.string(), v.trim())]) });
  await sendTask(broker, "app.parse", { args: [" 12 "] });
  await sendTask(broker, "app.parse", { args: [12], id: "wrong" });
  const seen: string[] = [];
  const served = parse.serve((_, text) => {
    seen.push(text);
    return Number(text);
  });
  await sqs.clock.run(() => serveTasks(broker, [served], { maxSeconds: 10 }).closed);
  assert.deepEqual(seen, ["12"]);
  const told = events.find((event) => event.type === "task" && event.state === "invalid") as any;
  assert.equal(told.id, "wrong");
  assert.match(told.error.message, /app\.parse\[wrong\] as its arguments don't fit its schema: at '0'/);
  assert.equal(sqs.messages("celery").length, 1);
});

Deno.test("wrong options and handlers are refused at once", () => {
  const { broker } = setUp();
  const run = () => 1;
  assert.throws(() => serveTasks(broker, {}), /'handlers' as it must be one task or more/);
  assert.throws(() => serveTasks(broker, { a: 5 as never }), /'handlers\.a'/);
  assert.throws(() => serveTasks(broker, [{ run } as never]), /'handlers\.0\.name'/);
  assert.throws(() => serveTasks(broker, { a: { name: "a", run, timeLimit: -1 } }), /'handlers\.a\.timeLimit'/);
  assert.throws(() => serveTasks(broker, { a: run }, { concurrency: 0 }), ConfigError);
  assert.throws(
    () => serveTasks(broker, { a: run }, { acks: "never" as never }),
    /'acks' as it must be one of late, early/,
  );
  assert.throws(() => serveTasks(broker, { a: run }, { onInvalid: "drop" as never }), /'onInvalid'/);
  assert.throws(
    () => serveTasks(broker, { a: run }, { prefetchh: 1 } as never),
    /'prefetchh' as there is no such option/,
  );
  assert.throws(() => serveTasks(broker, { a: run }, { results: {} as never }), /'results\.store'/);
  assert.throws(() => serveTasks(broker, { a: run }, { queueFor: "celery" as never }), /'queueFor'/);
  assert.throws(() => retry({ max: -1 }), ConfigError);
  assert.throws(
    () => retry({ countdown: 1, eta: new Date() }),
    /'eta' as it must be left out where 'countdown' is given/,
  );
  assert.throws(() => retry({ eta: "soon" }), /'eta'/);
  assert.throws(() => retry({ contdown: 5 } as never), /'contdown' as there is no such option/);
  assert.throws(() => retry({ args: "x" as never }), /'args' as it must be an array/);
  assert.throws(() => retry({ kwargs: [] as never }), /'kwargs' as it must be an object/);
  retry({ max: Infinity, backoff: true, jitter: false, error: undefined });
  assert.throws(() => add.serve(run, { timelimit: 5 } as never), /'settings\.timelimit' as there is no such option/);
});
