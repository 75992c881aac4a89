import assert from "node:assert/strict";
import { retry, sendTask, serveTasks, signature, type TaskHandler } from "@dashi/sqs/celery";
import { add, memoryResults, notify, once, sendRaw, setUp } from "./support.ts";

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

Deno.test("retry() loses nothing of a task that Celery sent, and shows the handler all of it", async () => {
  const { broker, sqs, read } = setUp();
  const step = { task: "app.next", args: [], kwargs: {}, options: {}, subtask_type: null, immutable: false };
  const headers = {
    lang: "py",
    task: "app.add",
    id: "one",
    shadow: "shown",
    eta: null,
    expires: "2030-01-01T10:00:00+00:00",
    group: "g",
    group_index: 3,
    retries: 0,
    timelimit: [50, 40],
    root_id: "root",
    parent_id: "parent",
    argsrepr: "(…)",
    kwargsrepr: "{…}",
    origin: "gen1@host",
    ignore_result: true,
    replaced_task_nesting: 2,
    stamped_headers: ["customer"],
    stamps: { customer: "c1" },
    "x-app": "1",
  };
  const embed = { callbacks: [step], errbacks: [step], chain: [step, step], chord: null };
  const properties = { correlation_id: "one", reply_to: "answers", priority: 7, body_encoding: "base64" };
  await sendRaw(sqs, "celery", { headers, properties, body: btoa(JSON.stringify([[1], { y: 2 }, embed])) });
  const seen: unknown[] = [];
  await sqs.clock.run(() =>
    serveTasks(broker, {
      "app.add": ({ rootId, parentId, group, groupIndex, stamps }) => {
        seen.push({ rootId, parentId, group, groupIndex, stamps });
        throw retry({ countdown: 900 });
      },
    }, once).closed
  );
  assert.deepEqual(seen, [
    { rootId: "root", parentId: "parent", group: "g", groupIndex: 3, stamps: { customer: "c1" } },
  ]);
  const [message, ...more] = await read("celery");
  assert.equal(more.length, 0);
  const { eta, expires, ...kept } = message.headers;
  assert.ok(eta);
  assert.equal(+new Date(expires), +new Date(headers.expires));
  const { eta: _, expires: __, ...sent } = headers;
  assert.deepEqual(kept, { ...sent, retries: 1 });
  assert.deepEqual([message.args, message.kwargs, message.embed], [[1], { y: 2 }, embed]);
  assert.deepEqual([message.properties.reply_to, message.properties.priority], ["answers", 7]);
});

Deno.test("retry() whose message can't be sent for now leaves the task in the queue, and stores no failure", async () => {
  const { broker, sqs, states } = setUp();
  const results = memoryResults();
  await sendTask(broker, "app.a", { id: "a" });
  let refused = 0;
  sqs.setFaults(({ action }) =>
    action.startsWith("SendMessage") && refused++ < 1 ? { type: "error", code: "AccessDenied" } : undefined
  );
  let runs = 0;
  const run: TaskHandler = ({ retries }) => {
    runs++;
    if (!retries) throw retry({ countdown: 0 });
    return 5;
  };
  await sqs.clock.run(() => serveTasks(broker, { "app.a": run }, { results, maxSeconds: 100 }).closed);
  assert.equal(runs, 3);
  assert.ok(!states().includes("failed app.a"));
  assert.deepEqual([results.kept.get("a")!.status, results.kept.get("a")!.result], ["SUCCESS", 5]);
  assert.equal(sqs.messages("celery").length, 0);
});

Deno.test("retry() reads an eta as sendTask() does: in any form of ISO 8601, and as UTC where it names no zone", async () => {
  for (const eta of ["20300101T000100", "2030-01-01T00:01:00", "2030-01-01 01:01:00.000000+01:00"]) {
    const { broker, sqs } = setUp();
    const ran: string[] = [];
    await sendTask(broker, "app.a");
    await sqs.clock.run(() =>
      serveTasks(broker, {
        "app.a": ({ retries }) => {
          ran.push(sqs.clock.now().toISOString());
          if (!retries) throw retry({ eta });
        },
      }, { maxSeconds: 100 }).closed
    );
    assert.deepEqual(ran, ["2030-01-01T00:00:00.000Z", "2030-01-01T00:01:00.000Z"], eta);
  }
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
