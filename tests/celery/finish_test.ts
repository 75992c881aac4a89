import assert from "node:assert/strict";
import { ConfigError, json, kombu, TaskFailedError } from "@dashi/sqs";
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
import { add, memoryResults, notify, once, sendRaw, setUp } from "./support.ts";

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

Deno.test("of a long chain that is linked in a group, its result names the end and the next twenty before it", async () => {
  const { broker, sqs } = setUp(["celery", "next"]);
  const results = memoryResults();
  const steps = Array.from({ length: 50 }, (_, at) => signature(notify.partial(), { id: `${at}`, queue: "next" }));
  const link = group(chain(steps), signature(notify.partial(), { queue: "next" }));
  await sendTask(broker, add(1, 1), { id: "first", link: link as any });
  await sqs.clock.run(() => serveTasks(broker, { "app.add": (_, x, y) => x + y }, { ...once, results }).closed);
  let [[, [[named]]]] = results.kept.get("first")!.children as any;
  const ids: string[] = [];
  for (; named; named = named[1]?.[0]) ids.push(named[0]);
  assert.deepEqual(ids, Array.from({ length: 21 }, (_, at) => `${49 - at}`));
});

Deno.test("a chain that is linked is a child by its first task, and in a group by its last with what comes before", async () => {
  const { broker, sqs, read } = setUp(["celery", "next"]);
  const results = memoryResults();
  const step = (id: string) => signature(notify.partial(), { id, queue: "next" });
  const link = [
    chain(step("a"), step("b"), group(step("c"), step("d"))),
    group(chain(step("e"), step("f")), step("g")),
  ];
  await sendTask(broker, add(1, 1), { id: "first", link: link as any });
  await sqs.clock.run(() => serveTasks(broker, { "app.add": (_, x, y) => x + y }, { ...once, results }).closed);
  const [, [[group_id]]] = results.kept.get("first")!.children as [unknown, [[string]]];
  assert.deepEqual(results.kept.get("first")!.children, [
    [["a", null], null],
    [[group_id, null], [[["f", [["e", null], null]], null], [["g", null], null]]],
  ]);
  assert.deepEqual((await read("next")).map(({ headers }) => headers.id).sort(), ["a", "e", "g"]);
});

Deno.test("chains and groups of nothing are left out of what follows a task, as in Celery", async () => {
  const { broker, sqs, events } = setUp();
  const results = memoryResults();
  const made = (task: string, subtask_type: string | null = null, tasks: unknown[] = []) => ({
    task,
    args: [],
    kwargs: subtask_type ? { tasks } : {},
    options: {},
    subtask_type,
    immutable: false,
  });
  const nothing = [made("celery.chain", "chain"), made("celery.group", "group")];
  const callbacks = [
    ...nothing,
    made("celery.chain", "chain", nothing),
    made("celery.chain", "chain", [nothing[1], made("app.a"), ...nothing, made("app.b"), nothing[1]]),
  ];
  const body = JSON.stringify([[1], {}, { callbacks, errbacks: nothing, chain: null, chord: null }]);
  await sendRaw(sqs, "celery", { headers: { task: "app.first", id: "first" }, body });
  const ran: unknown[] = [];
  const run = (task: TaskContext, ...args: unknown[]) => {
    ran.push([task.task, ...args]);
    return ran.length;
  };
  await sqs.clock.run(async () => {
    const worker = serveTasks(broker, { "app.first": run, "app.a": run, "app.b": run }, { results });
    while (ran.length < 3) await sqs.clock.sleep(1);
    await worker.stop();
  });
  assert.deepEqual(ran, [["app.first", 1], ["app.a", 1], ["app.b", 2]]);
  assert.equal(results.kept.get("first")!.status, "SUCCESS");
  assert.deepEqual(events.filter(({ type }) => type === "error"), []);
});

Deno.test("an immutable chain that is linked takes no result, as in Celery", async () => {
  const { broker, sqs, read } = setUp(["celery", "next"]);
  const step = signature("app.notify", { args: ["own"], queue: "next" });
  const link = [false, true].map((immutable) => signature(chain([step, step]), { immutable }));
  await sendTask(broker, add(1, 1), { link });
  await sqs.clock.run(() => serveTasks(broker, { "app.add": (_, x, y) => x + y }, once).closed);
  assert.deepEqual((await read("next")).map(({ args }) => args).sort(), [[2, "own"], ["own"]]);
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

Deno.test("an errback that can't be sent for now keeps the message: the task is run again, and the errback called", async () => {
  const { broker, sqs, read } = setUp(["celery", "next"]);
  const linkError = signature(notify.partial(), { queue: "next" });
  await sendTask(broker, "app.bad", { id: "bad", linkError });
  let refused = 0;
  sqs.setFaults(({ action, queue }) =>
    action.startsWith("SendMessage") && queue === "next" && refused++ < 1
      ? { type: "error", code: "AccessDenied" }
      : undefined
  );
  let runs = 0;
  const run = () => {
    runs++;
    throw new RangeError("no");
  };
  await sqs.clock.run(() => serveTasks(broker, { "app.bad": run }, { maxSeconds: 100 }).closed);
  assert.equal(runs, 2);
  assert.deepEqual((await read("next")).map(({ args, headers }) => [args, headers.root_id]), [[["bad"], "bad"]]);
  assert.equal(sqs.messages("celery").length, 0);
});

Deno.test("a callback whose exchange has no name goes to the queue of its routing key, as in Celery", async () => {
  const { broker, sqs, read } = setUp(["celery", "next"]);
  const options = { exchange: "", routing_key: "next" };
  const callback = { task: "app.next", args: [], kwargs: {}, options, subtask_type: null, immutable: false };
  await sendRaw(sqs, "celery", {
    headers: { task: "app.a", id: "one" },
    body: JSON.stringify([[], {}, { callbacks: [callback], errbacks: null, chain: null, chord: null }]),
  });
  await sqs.clock.run(() => serveTasks(broker, { "app.a": () => 5 }, once).closed);
  assert.deepEqual((await read("next")).map(({ args }) => args), [[5]]);
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

for (
  const [name, run] of Object.entries<TaskHandler>({
    "a result that can't be stored": () => 404,
    "a chain that can't go on": () => 3,
    "a retry that can't be sent": () => {
      throw retry({ countdown: 1 });
    },
  })
) {
  Deno.test(`acks early: ${name} makes the task fail, as nobody will run it again`, async () => {
    const { broker, sqs, states } = setUp(["celery", "alarms"]);
    const results = memoryResults();
    const { store } = results;
    results.store = (call, meta) => meta.result === 404 ? Promise.reject(new Error("no store")) : store(call, meta);
    const missing = signature("app.alarm", { queue: "missing" });
    const alarm = signature("app.alarm", { queue: "alarms" });
    const call = await sendTask(broker, chain(add(1, 2), missing), { linkError: [missing, alarm] });
    sqs.setFaults(({ action, queue }) =>
      action === "SendMessage" && queue === "celery" ? { type: "error", code: "AccessDenied" } : undefined
    );
    await sqs.clock.run(() => serveTasks(broker, { "app.add": run }, { results, acks: "early", ...once }).closed);
    assert.equal(states().at(-1), "failed app.add");
    assert.equal(results.kept.get(call.id)!.status, "FAILURE");
    assert.equal(sqs.messages("alarms").length, 1);
  });
}

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
