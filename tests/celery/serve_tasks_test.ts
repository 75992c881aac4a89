import assert from "node:assert/strict";
import * as v from "valibot";
import { ConfigError, type PayloadStore, TimeLimitExceeded } from "@dashi/sqs";
import { retry, sendTask, serveTasks, task, type TaskContext, type TaskHandler } from "@dashi/sqs/celery";
import captured from "../vectors/celery_messages.json" with { type: "json" };
import { add, memoryResults, once, sendRaw, setUp } from "./support.ts";

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
  const { broker, sqs, events } = setUp(["celery", "callbacks"]);
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
  const told = events.flatMap((event) => event.type === "task" && event.state === "succeeded" ? [event] : []);
  assert.deepEqual(told.map(({ task, id }) => [task, id]).sort(), seen.map(({ id }) => ["app.add", id]).sort());
});

Deno.test("an unknown task is hidden for 1 to 2 s, and for twice as long each time, but never for more than 30 s", async () => {
  const { broker, sqs } = setUp();
  await sendTask(broker, "app.unknown");
  await sqs.clock.run(() => serveTasks(broker, { "app.add": () => 1 }, { maxSeconds: 200 }).closed);
  const waits = sqs.requests.list.filter(({ action }) => action === "ChangeMessageVisibilityBatch")
    .map(({ input }) => (input.Entries as { VisibilityTimeout: number }[])[0].VisibilityTimeout);
  assert.ok(waits.length >= 7, `${waits}`);
  for (const [index, wait] of waits.entries()) {
    const most = Math.min(30, 2 ** (index + 1));
    assert.ok(wait >= most / 2 && wait <= most, `${wait} s before try ${index + 2}`);
  }
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

Deno.test("a worker's own signal is joined with no other: in Node 20 each task would leave something in it", async () => {
  const { broker, sqs } = setUp();
  const { any } = AbortSignal;
  let joined = 0;
  for (let n = 0; n < 20; n++) {
    await sendTask(broker, add(n, n), { queue: "celery", eta: n % 2 ? new Date(+sqs.clock.now() + 5000) : undefined });
  }
  let ran = 0;
  try {
    AbortSignal.any = (signals) => {
      joined++;
      return any.call(AbortSignal, signals);
    };
    await sqs.clock.run(async () => {
      await serveTasks(broker, { "app.add": () => void ran++ }, { prefetch: 0, concurrency: 2, maxSeconds: 30 }).closed;
    });
  } finally {
    AbortSignal.any = any;
  }
  assert.deepEqual([ran, joined], [20, 0]);
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

Deno.test("a prefetch that is undefined is as many as run side by side, as one that is left out", async () => {
  for (const options of [{ concurrency: 20 }, { concurrency: 20, prefetch: undefined }]) {
    const { broker, sqs } = setUp();
    for (let index = 0; index < 20; index++) await sendTask(broker, add(index, 0));
    await sqs.clock.run(async () => {
      const worker = serveTasks(broker, { "app.add": () => sqs.clock.sleep(20) }, { ...options, maxSeconds: 60 });
      await sqs.clock.sleep(10);
      assert.equal(worker.running, 20);
      await worker.closed;
    });
  }
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
  const call = (task: string, subtask_type: string | null = null, tasks: unknown[] = []) => (
    { task, args: [], kwargs: subtask_type ? { tasks } : {}, options: {}, subtask_type, immutable: false }
  );
  const two = call("celery.group", "group", [call("app.a"), call("app.b")]);
  const spread = call("celery.chain", "chain", [call("app.a"), two]);
  const after = {
    "a chord": { chain: [call("celery.chord", "chord")] },
    // Celery makes it one when it sends it.
    "a group, and what waits for it": {
      callbacks: [call("celery.chain", "chain", [call("app.a"), two, call("app.c")])],
    },
    "a chain that ends so": { errbacks: [call("celery.chain", "chain", [spread, call("app.c")])] },
  };
  for (const [name, embed] of Object.entries(after)) {
    const { broker, sqs, events } = setUp();
    await sendRaw(sqs, "celery", {
      headers: { task: "app.add", id: "1" },
      body: JSON.stringify([[1, 2], {}, embed]),
      properties: { body_encoding: "utf-8" },
    });
    await sqs.clock.run(() => serveTasks(broker, { "app.add": () => assert.fail() }, { maxSeconds: 10 }).closed);
    assert.equal(sqs.messages("celery").length, 1, name);
    const told = events.find((event) => event.type === "task" && event.state === "unknown");
    assert.match(String((told as any).error), /a chord, which needs a backend that counts/, name);
  }
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
  assert.throws(() => serveTasks(broker, undefined as never), /'handlers' as it must be functions by the names/);
  assert.throws(() => serveTasks(broker, { a: 5 as never }), /'handlers\.a'/);
  assert.throws(() => serveTasks(broker, [{ run } as never]), /'handlers\.0\.name'/);
  assert.throws(
    () => serveTasks(broker, [{ name: "a", run }, { name: "a", run }]),
    /'handlers\.1' as it must be a task of its own name: current value is "a"/,
  );
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
  assert.throws(() => serveTasks(broker, { a: run }, { results: {} as never }), /'results'/);
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
