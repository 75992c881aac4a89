/**
 * Real Celery workers and producers on one side, this library on the other, moto between them. `MOTO_ENDPOINT` is where
 * moto listens, `INTEROP_PYTHON` a Python that has Celery; without them the tests are skipped.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Broker, connect, TaskFailedError } from "@dashi/sqs";
import {
  chain,
  group,
  retry,
  type SendOptions,
  sendTask,
  serveTasks,
  signature,
  task,
  type TaskCall,
  type TaskContext,
} from "@dashi/sqs/celery";
import { s3Results } from "@dashi/sqs/payloads";
import { setUp as inMemory } from "../celery/support.ts";
import { linesOf } from "./peer.ts";

const endpoint = Deno.env.get("MOTO_ENDPOINT");
const python = Deno.env.get("INTEROP_PYTHON");
const ignore = !endpoint || !python;
if (ignore) console.log("celery: skipped, as MOTO_ENDPOINT and INTEROP_PYTHON are not both set");

const folder = import.meta.dirname!;
const pyAdd = task<[x: number, y: number], number>("py.add");
const echo = task<any[], any>("py.echo");
const TASKS = 200;
/** Seconds that a result may take: far more than it needs, on a slow machine too. */
const timeout = 180;

interface Peer extends AsyncDisposable {
  ask(what: object): Promise<any>;
}

/** A Python process that does one thing after another. */
function startPeer(name: string): Peer {
  const child = new Deno.Command(python!, {
    args: [`${folder}/celery_app.py`],
    env: { MOTO_ENDPOINT: endpoint!, CELERY_INTEROP: name },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  const writer = child.stdin.getWriter();
  const lines = linesOf(child.stdout);
  return {
    async ask(what) {
      await writer.write(new TextEncoder().encode(JSON.stringify(what) + "\n"));
      const { value, done } = await lines.next();
      if (done) assert.fail(await errors);
      return JSON.parse(value);
    },
    async [Symbol.asyncDispose]() {
      await writer.close();
      await lines.return(undefined);
      await Promise.all([child.status, errors]);
    },
  };
}

/** A real Celery worker. */
function startWorker(
  name: string,
  queue: string,
  polling: Record<string, string> = {},
): AsyncDisposable & { kill(signal: "SIGKILL" | "SIGTERM"): void } {
  const options = "worker --pool solo --without-gossip --without-mingle --without-heartbeat --loglevel CRITICAL";
  const child = new Deno.Command(python!, {
    args: ["-m", "celery", "-A", "celery_app", ...options.split(" "), "-Q", queue, "-n", `${queue}@interop`],
    env: { MOTO_ENDPOINT: endpoint!, CELERY_INTEROP: name, PYTHONPATH: folder, PYTHONWARNINGS: "ignore", ...polling },
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  return {
    kill: (signal) => child.kill(signal),
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // It is dead already.
      }
      await child.status;
    },
  };
}

async function setUp() {
  const name = `c-${crypto.randomUUID().slice(0, 8)}`;
  const peer = startPeer(name);
  await peer.ask({ do: "setup" });
  const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" };
  const broker = connect({ region: "eu-west-1", endpoint, credentials });
  const results = s3Results({ bucket: name, basePath: "app/" });
  return { name, peer, broker, results, queue: (kind: string) => `${name}-${kind}` };
}

/** Every option, in turn. */
function optionsOf(index: number): SendOptions {
  const all: SendOptions[] = [
    {},
    { countdown: 1 },
    { eta: new Date(Date.now() + 1500) },
    { eta: new Date(Date.now() - 5000).toISOString() },
    { expires: 600 },
    { expires: new Date(Date.now() + 600_000), retries: 2 },
    { priority: 3, shadow: "shown" },
    { timeLimit: 30, softTimeLimit: 20 },
    { stamps: { customer: "c1" }, headers: { "x-app": "1" } },
    { compression: "gzip", argsRepr: "(...)" },
    { groupId: `fair-${index}`, messageAttributes: { kind: "interop" } },
    { parent: { id: "parent", rootId: "root" } },
    { link: signature("py.echo"), linkError: signature("py.echo", { immutable: true }) },
  ];
  return all[index % all.length];
}

async function inTurn<T>(items: readonly T[], work: (item: T, index: number) => Promise<unknown>): Promise<void> {
  const entries = items.entries();
  await Promise.all(Array.from({ length: 8 }, async () => {
    for (const [index, item] of entries) await work(item, index);
  }));
}

Deno.test({ name: "Celery's own strategy takes every message that sendTask() writes", ignore }, async () => {
  const { peer } = await setUp();
  await using _peer = peer;
  const { broker, sqs } = inMemory(["celery"], { start: new Date() });
  const now = +sqs.clock.now();
  const options = Array.from({ length: 13 }, (_, index) => optionsOf(index));
  const times: SendOptions[] = [
    { countdown: 20 * 3600 },
    { eta: "2031-01-02T03:04:05.678901+02:00", expires: "2031-02-01" },
    { expires: -1 },
  ];
  const calls: TaskCall[] = [];
  for (const each of [...options, ...times]) {
    calls.push(await sendTask(broker, "py.echo", { args: [1, "ü"], kwargs: { a: [] }, ...each }));
  }
  await sendTask(broker, chain(pyAdd(1, 2), pyAdd.partial(3), group(pyAdd.partial(4), echo.partial())));
  await sendTask(broker, group(pyAdd(1, 2), chain(pyAdd(1, 2), echo.partial())));
  const bodies = sqs.messages("celery").map(({ body }) => body);
  const judged = await peer.ask({ do: "judge", bodies });
  assert.equal(judged.length, calls.length + 3);
  for (const [index, { id }] of calls.entries()) {
    if (judged[index].how === "revoked") continue;
    assert.deepEqual([judged[index].id, judged[index].args, judged[index].kwargs], [id, [1, "ü"], { a: [] }]);
  }
  const [far, zoned, past] = judged.slice(options.length);
  assert.deepEqual([far.how, far.eta], ["scheduled", now / 1000 + 20 * 3600]);
  assert.deepEqual([zoned.eta, zoned.expires], [
    Date.parse("2031-01-02T01:04:05.679Z") / 1000,
    Date.parse("2031-02-01") / 1000,
  ]);
  assert.equal(past.how, "revoked");
  assert.deepEqual(judged[7].limits, [30, 20]);
  assert.deepEqual(judged[8].stamps, { customer: "c1" });
  assert.equal(judged[calls.length].context.chain.length, 2);
});

Deno.test(
  { name: "tasks with every option, both ways, with results, failures, retries and chains", ignore },
  async (t) => {
    const { name, peer, broker, results, queue } = await setUp();
    await using _peer = peer;
    await using _python = startWorker(name, queue("py"));
    const seen: TaskContext[] = [];
    const worker = serveTasks(broker, {
      "ts.echo": (task, ...args: unknown[]) => {
        seen.push(task);
        return { args, kwargs: task.kwargs, at: Date.now() / 1000 };
      },
      "ts.mul": (_, x: number, y: number) => x * y,
      "ts.fail": () => {
        throw new RangeError("not today");
      },
      "ts.typed": () => {
        throw new TaskFailedError("no such key", { type: "KeyError", module: "builtins" });
      },
      "ts.flaky": (task, times: number) => {
        if (task.retries < times) throw retry({ countdown: 1, max: 5 });
        return task.retries;
      },
    }, { queues: queue("ts"), results, concurrency: 20, waitTimeSeconds: 1, queueFor: () => queue("py") });
    await using _worker = worker;
    const toPython = { queue: queue("py") };

    const steps: Record<string, () => Promise<void>> = {
      "TypeScript calls Python": async () => {
        const calls: { call: TaskCall<any>; sent: number }[] = [];
        await inTurn(Array.from({ length: TASKS }), async (_, index) => {
          const options = { ...toPython, ...optionsOf(index) };
          const sent = Date.now() / 1000;
          calls[index] = {
            sent,
            call: await sendTask(broker, signature("py.echo", { args: [index], kwargs: { k: "ü" } }), options),
          };
        });
        await inTurn(calls, async ({ call, sent }, index) => {
          const value = await results.get(call, { timeout });
          assert.deepEqual([value.args, value.kwargs], [[index], { k: "ü" }]);
          const options = optionsOf(index);
          if (options.countdown) assert.ok(value.at >= sent + options.countdown, "never early");
          if (options.stamps) assert.deepEqual([value.stamps, value.headers["x-app"]], [{ customer: "c1" }, "1"]);
          if (options.timeLimit) assert.deepEqual(value.limits, [30, 20]);
          if (options.parent) assert.deepEqual([value.parent, value.root], ["parent", "root"]);
          if (options.retries) assert.equal(value.retries, 2);
          if (options.priority) assert.deepEqual([value.priority, value.shadow], [3, "shown"]);
        });
      },
      "Python calls TypeScript": async () => {
        const tasks = Array.from({ length: TASKS }, (_, index) => ({
          task: "ts.echo",
          args: [index, { deep: [null, 1.5] }],
          kwargs: { k: "日本" },
          options: {
            queue: queue("ts"),
            ...[
              {},
              { countdown: 1 },
              { expires: 600 },
              { priority: 3, shadow: "shown" },
              { time_limit: 30, soft_time_limit: 20 },
              { stamped_headers: ["customer"], customer: "c1", headers: { "x-app": "1" } },
              { compression: "gzip" },
              { MessageGroupId: `fair-${index}` },
              { eta: new Date(Date.now() + 1500).toISOString() },
            ][index % 9],
          },
        }));
        const sent = Date.now() / 1000;
        const ids: string[] = await peer.ask({ do: "send", tasks });
        const found = await peer.ask({ do: "get", ids });
        found.forEach(({ result }: any, index: number) => {
          assert.deepEqual([result.args, result.kwargs], [[index, { deep: [null, 1.5] }], { k: "日本" }]);
          if (index % 9 === 1) assert.ok(result.at >= sent + 1, "never early");
        });
        assert.equal(new Set(seen.map(({ id }) => id)).size, TASKS);
        assert.equal(seen.length, TASKS);
        assert.ok(seen.some(({ stamps, headers }) => stamps.customer === "c1" && headers["x-app"] === "1"));
      },
      "a countdown of 5 s, both ways": async () => {
        const sent = Date.now() / 1000;
        const call = await sendTask(broker, echo(1), { ...toPython, countdown: 5 });
        const [id] = await peer.ask({
          do: "send",
          tasks: [{ task: "ts.echo", options: { queue: queue("ts"), countdown: 5 } }],
        });
        const there = await results.get(call, { timeout });
        const here: any = await results.get(id, { broker, timeout });
        for (const { at } of [there, here]) assert.ok(at >= sent + 5, `${at - sent}`);
      },
      "exceptions": async () => {
        const failing = await sendTask(broker, "py.fail", { args: ["what"], ...toPython });
        await assert.rejects(results.get(failing, { timeout }), (error) => {
          assert.ok(error instanceof TaskFailedError);
          assert.deepEqual([error.type, error.module], ["ValueError", "builtins"]);
          assert.match(error.message, /what, 7/);
          assert.match(error.traceback!, /raise ValueError\(text, 7\)/);
          return true;
        });
        const tasks = ["ts.fail", "ts.typed"].map((task) => ({ task, options: { queue: queue("ts") } }));
        const found = await peer.ask({ do: "get", ids: await peer.ask({ do: "send", tasks }) });
        assert.deepEqual(found, [{ error: ["RangeError", "not today"] }, { error: ["KeyError", "no such key"] }]);
      },
      "tasks that retry themselves": async () => {
        const call = await sendTask<number>(broker, "py.flaky", { args: [2], ...toPython });
        const [id] = await peer.ask({
          do: "send",
          tasks: [{ task: "ts.flaky", args: [2], options: { queue: queue("ts") } }],
        });
        assert.equal(await results.get(call, { timeout }), 2);
        assert.deepEqual(await peer.ask({ do: "get", ids: [id] }), [{ result: 2 }]);
      },
      "chains: Python, TypeScript, Python, and the other way round": async () => {
        const wire = (call: object, to: string) => ({ ...call, options: { queue: queue(to) } });
        const tsMul = task<[x: number, y: number], number>("ts.mul", { queue: queue("ts") });
        const id = await peer.ask({
          do: "chain",
          tasks: [wire(pyAdd(2, 3), "py"), wire(tsMul.partial(10), "ts"), wire(pyAdd.partial(1), "py")],
        });
        const there = signature(pyAdd.partial(1), toPython);
        const call = await sendTask(broker, chain(tsMul(2, 3), there, tsMul.partial(10)));
        assert.deepEqual(await peer.ask({ do: "get", ids: [id] }), [{ result: 51 }]);
        assert.equal(await results.get(call, { timeout }), 70);
        assert.equal(await results.get(call.parent!, { broker, timeout }), 7);
        // A Python worker sends the group, and gives its tasks the ids that are waited for.
        const { calls } = await sendTask(
          broker,
          chain(
            signature(pyAdd(1, 2), toPython),
            group(chain(there, tsMul.partial(10)), group(tsMul.partial(2)), chain(there, group(tsMul.partial(3)))),
          ),
        );
        assert.equal(await results.get(calls[0], { timeout }), 40);
        assert.equal(await results.get(calls[1], { timeout }), 6);
        assert.equal(await results.get(calls[2].calls[0], { timeout }), 12);
      },
      "a chord of Python's whose tasks run here": async () => {
        const wire = (call: object, to: string) => ({ ...call, options: { queue: queue(to) } });
        const tsMul = task<[x: number, y: number], number>("ts.mul");
        const id = await peer.ask({
          do: "chord",
          tasks: [wire(tsMul(2, 3), "ts"), wire(tsMul(4, 5), "ts"), wire(signature("py.sum"), "py")],
        });
        assert.deepEqual(await peer.ask({ do: "get", ids: [id] }), [{ result: 26 }]);
      },
      "callbacks and errbacks": async () => {
        const link = signature(echo.partial("linked"), { ...toPython, id: `${name}-link` });
        await peer.ask({
          do: "send",
          tasks: [{ task: "ts.mul", args: [6, 7], options: { queue: queue("ts"), link } }],
        });
        const linkError = signature(echo.partial("errback"), { ...toPython, id: `${name}-errback` });
        const call = await sendTask(broker, "ts.fail", { queue: queue("ts"), linkError });
        assert.deepEqual((await results.get<any>(`${name}-link`, { broker, timeout })).args, [42, "linked"]);
        assert.deepEqual((await results.get<any>(`${name}-errback`, { broker, timeout })).args, [
          call.id,
          "errback",
        ]);
      },
    };
    for (const [step, run] of Object.entries(steps)) await t.step(step, run);
  },
);

Deno.test({ name: "a Python worker and a TypeScript worker share a queue", ignore }, async () => {
  const { name, peer, broker, results, queue } = await setUp();
  await using _peer = peer;
  // Looks that fall in step with the three seconds of visibility would leave the other worker nothing. So neither waits in
  // moto, which looks once a second.
  await using _python = startWorker(name, queue("shared"), { CELERY_POLLING_INTERVAL: "1.3" });
  // A set, as SQS may give a message twice.
  const ran = new Set<number>();
  const run = (_: TaskContext, index: number) => void ran.add(index);
  const polls = { waitTimeSeconds: 0, pollingInterval: 1.7 };
  await using _worker = serveTasks(broker, { "ts.one": run }, { queues: queue("shared"), ...polls });
  const calls: TaskCall<number>[] = [];
  for (let index = 0; index < 10; index++) {
    calls.push(await sendTask(broker, pyAdd(index, 1), { queue: queue("shared") }));
    await sendTask(broker, "ts.one", { args: [index], queue: queue("shared") });
  }
  // Which worker gets a task is chance, and one that went to the wrong one comes again up to 30 s later.
  const patience = { timeout: 2 * timeout };
  await inTurn(calls, async (call, index) => assert.equal(await results.get(call, patience), index + 1));
  await until(() => ran.size === 10);
});

Deno.test({ name: "after SIGKILL in the middle every task is run again, whoever was killed", ignore }, async () => {
  const { name, peer, broker, queue } = await setUp();
  await using _peer = peer;
  for (const task of ["ts.slow", "py.slow"]) {
    for (let index = 0; index < 5; index++) await sendTask(broker, task, { args: [index], queue: queue("killed") });
    if (task === "ts.slow") await killDeno(queue("killed"));
    else await killPython(broker, name, queue("killed"));
    const again = new Set<number>();
    const run = (_: TaskContext, index: number) => void again.add(index);
    await using _worker = serveTasks(broker, { [task]: run }, { queues: queue("killed"), waitTimeSeconds: 1 });
    await until(() => again.size === 5);
  }
});

async function killDeno(queue: string): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", `${folder}/celery_worker.ts`, endpoint!, queue],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const lines = linesOf(child.stdout);
  await lines.next();
  child.kill("SIGKILL");
  await lines.return(undefined);
  await child.status;
}

async function killPython(broker: Broker, name: string, queue: string): Promise<void> {
  const { queueSize } = await import("@dashi/sqs");
  await using worker = startWorker(name, queue);
  await until(async () => (await queueSize(broker, queue)).inFlight > 0);
  worker.kill("SIGKILL");
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + timeout * 1000;
  while (!await condition()) {
    assert.ok(Date.now() < end, "it takes too long");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
