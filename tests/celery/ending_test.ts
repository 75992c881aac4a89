import assert from "node:assert/strict";
import { AccessDeniedQueueError, DoesNotExistQueueError } from "@dashi/sqs";
import { chain, retry, sendTask, serveTasks, type TaskContext, type TaskHandler } from "@dashi/sqs/celery";
import { add, memoryResults, notify, once, setUp } from "./support.ts";

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

const never = () => new Promise<never>(() => {});

for (
  const [name, run] of Object.entries<TaskHandler>({
    returned: () => 3,
    threw: () => {
      throw new Error("no");
    },
    "is to be retried": () => {
      throw retry({ countdown: 0 });
    },
    "told a state that nobody waits for": (task) => void task.update("PROGRESS"),
  })
) {
  Deno.test(`after the grace a task that ${name} waits for no store, and nothing is sent: who gets the message does it`, async () => {
    for (const seconds of [60, Infinity]) {
      const { broker, sqs, states } = setUp();
      const results = memoryResults();
      const told: (AbortSignal | undefined)[] = [];
      const store: typeof results.store = async (call, meta, options) => {
        told.push(options?.signal);
        await (seconds < Infinity ? sqs.clock.sleep(seconds) : never());
        await results.store(call, meta);
      };
      await sendTask(broker, chain(add(1, 2), notify.partial()), { linkError: notify.partial() });
      await sqs.clock.run(async () => {
        const options = { graceSeconds: 3, waitTimeSeconds: 1, results: { ...results, store } };
        const worker = serveTasks(broker, { "app.add": run }, options);
        await sqs.clock.sleep(2);
        const began = +sqs.clock.now();
        await worker.stop();
        assert.equal(+sqs.clock.now() - began, 3000);
        assert.equal(worker.running, 0);
        await sqs.clock.sleep(300);
      });
      assert.deepEqual(sqs.messages("celery").map(({ state }) => state), ["visible"]);
      assert.deepEqual(states(), ["received app.add"]);
      assert.deepEqual(told.map((signal) => signal?.aborted), [true]);
    }
  });
}

Deno.test("after the grace a schema that never answers holds nothing up", async () => {
  const { broker, sqs } = setUp();
  const schema = { "~standard": { version: 1, vendor: "test", validate: never } } as const;
  await sendTask(broker, add(1, 2));
  await sqs.clock.run(async () => {
    const options = { graceSeconds: 3, waitTimeSeconds: 1 };
    const worker = serveTasks(broker, { "app.add": { name: "app.add", args: schema, run: () => 1 } }, options);
    await sqs.clock.sleep(2);
    await worker.stop();
  });
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

Deno.test("acks early: an error that ends the worker gives what runs its grace, too, and closed rejects after it", async () => {
  const { broker, sqs, states } = setUp();
  await sendTask(broker, add(1, 2));
  await sqs.clock.run(async () => {
    const options = { acks: "early", graceSeconds: 8, waitTimeSeconds: 1 } as const;
    const worker = serveTasks(broker, { "app.add": never }, options);
    await sqs.clock.sleep(5);
    sqs.setFaults(({ action }) => action === "ReceiveMessage" ? { type: "error", code: "AccessDenied" } : undefined);
    await assert.rejects(worker.closed, AccessDeniedQueueError);
  }, { limit: 60 });
  assert.equal(states().at(-1), "failed app.add");
});

Deno.test("acks early: a worker that ends when the queue is empty lets what runs end, however long that takes", async () => {
  const { broker, sqs, states } = setUp();
  await sendTask(broker, add(1, 2));
  const run = () => sqs.clock.sleep(3600);
  const worker = () => serveTasks(broker, { "app.add": run }, { acks: "early", graceSeconds: 8, ...once }).closed;
  await sqs.clock.run(worker);
  assert.equal(states().at(-1), "succeeded app.add");
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
