import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { bind, connect, declareExchange } from "@dashi/sqs";
import { retry, sendTask, serveTasks } from "@dashi/sqs/celery";
import { wrongClock } from "../support/wrong_clock.ts";
import { add, setUp } from "./support.ts";

const HOUR = 3600;

/** Runs tasks with etas, in seconds from the start, and says when each ran and what the queue saw. */
async function play(
  etas: readonly number[],
  { attributes = {}, queue = "jobs", seconds = Math.max(...etas) + 60, options = {} }: {
    attributes?: Record<string, number | string>;
    queue?: string;
    seconds?: number;
    options?: Parameters<typeof serveTasks>[2];
  } = {},
) {
  const setting = setUp(["dead"]);
  const { sqs, broker, events } = setting;
  sqs.createQueue(queue, attributes);
  const start = +sqs.clock.now();
  const ran: { index: number; at: number; receives: number }[] = [];
  for (const [index, eta] of etas.entries()) {
    await sendTask(broker, add(index, 0), { queue, eta: new Date(start + eta * 1000) });
  }
  await sqs.clock.run(() =>
    serveTasks(broker, {
      "app.add": (task, index: number) => {
        ran.push({ index, at: (+sqs.clock.now() - start) / 1000, receives: task.delivery.receiveCount });
        return 0;
      },
    }, { queues: queue, maxSeconds: seconds, ...options }).closed, { limit: seconds + 100 });
  const told = events.flatMap((event) => event.type === "task" ? [event.state] : [event.type]);
  return { ...setting, ran, told };
}

const dead = (maxReceiveCount: number) => ({
  RedrivePolicy: JSON.stringify({
    deadLetterTargetArn: "arn:aws:sqs:us-east-1:000000000000:dead",
    maxReceiveCount,
  }),
});

Deno.test("a countdown of 5 s and one of 20 hours run on time, never early, and once", async () => {
  const { ran, sqs } = await play([5, 20 * HOUR]);
  assert.deepEqual(ran.map(({ index }) => index), [0, 1]);
  assert.ok(ran[0].at >= 5 && ran[0].at < 6.5, `${ran[0].at}`);
  assert.ok(ran[1].at >= 20 * HOUR && ran[1].at < 20 * HOUR + 2, `${ran[1].at}`);
  // Hidden for 12 hours, then for 8: a receive each.
  assert.deepEqual(ran.map(({ receives }) => receives), [1, 3]);
  assert.equal(sqs.messages("jobs").length, 0);
});

Deno.test("a machine whose clock is wrong neither runs a task early nor drops it as expired", async () => {
  for (const wrong of [10 * HOUR, -10 * HOUR]) {
    const { sqs: { clock, ...sqs }, broker } = setUp(["jobs"]);
    const send = (request: Request) => {
      const stamp = request.headers.get("x-amz-date")!.replace(/(....)(..)(...)(..)(..)/, "$1-$2-$3$4:$5:");
      if (Math.abs(Date.parse(stamp) - +clock.now()) < 300_000) return sqs.fetch(request);
      const date = clock.now().toUTCString();
      return Promise.resolve(Response.json({ __type: "RequestTimeTooSkewed" }, { status: 403, headers: { date } }));
    };
    const other = connect({
      ...sqs.connectOptions,
      clock: wrongClock(clock, () => wrong * 1000),
      http: { fetch: send },
    });
    await sendTask(broker, add(1, 0), { queue: "jobs", eta: new Date(+clock.now() + 2 * HOUR * 1000) });
    await sendTask(broker, add(2, 0), { queue: "jobs", expires: 60 });
    const began = +clock.now();
    const ran: number[][] = [];
    await clock.run(() =>
      serveTasks(other, {
        "app.add"(task, x: number) {
          ran.push([x, Math.floor((+clock.now() - began) / 1000)]);
          if (x === 1 && !task.retries) throw retry({ countdown: 1200 });
        },
      }, { queues: "jobs", maxSeconds: 3 * HOUR }).closed
    );
    assert.deepEqual(ran.map(([x]) => x), [2, 1, 1]);
    assert.ok(ran[0][1] < 5);
    for (const [index, due] of [[1, 2 * HOUR], [2, 2 * HOUR + 1200]]) {
      assert.ok(ran[index][1] >= due && ran[index][1] < due + 5, `${wrong}: ${ran}`);
    }
  }
});

Deno.test("an eta that is near is held, and takes neither a receive nor a slot", async () => {
  const { ran, sqs } = await play([950, 951, 952, 960, 0], { options: { concurrency: 1, prefetch: 1 } });
  assert.deepEqual(ran.map(({ index }) => index), [4, 0, 1, 2, 3]);
  for (const { receives } of ran.slice(1)) assert.ok(receives <= 2);
  assert.equal(sqs.messages("jobs").length, 0);
});

Deno.test("where the redrive policy allows one receive, a task is held for up to 12 hours", async () => {
  const { ran, sqs, told } = await play([11 * HOUR], { attributes: { ...dead(1), VisibilityTimeout: 30 } });
  assert.equal(ran.length, 1);
  assert.ok(ran[0].at >= 11 * HOUR && ran[0].at < 11 * HOUR + 1);
  assert.equal(ran[0].receives, 1);
  assert.equal(sqs.messages("dead").length, 0);
  assert.ok(!told.includes("etaUnreachable"));
  assert.ok(sqs.requests.count("ChangeMessageVisibilityBatch") < 10, "one request for the whole wait");
});

Deno.test("a handler that runs on after a long wait keeps its message", async () => {
  const setting = setUp(["dead"]);
  const { sqs, broker } = setting;
  sqs.createQueue("jobs", { ...dead(1), VisibilityTimeout: 30 });
  await sendTask(broker, add(1, 2), { queue: "jobs", eta: new Date(+sqs.clock.now() + 2000_000) });
  let runs = 0;
  await sqs.clock.run(() =>
    serveTasks(broker, {
      "app.add": async () => {
        runs++;
        await sqs.clock.sleep(500);
        return 3;
      },
    }, { queues: "jobs", maxSeconds: 3000, graceSeconds: 600 }).closed
  );
  assert.equal(runs, 1);
  assert.equal(sqs.messages("jobs").length, 0);
  assert.equal(sqs.messages("dead").length, 0);
});

Deno.test("three receives carry a task over 30 hours: hidden twice, held at last", async () => {
  const { ran, sqs } = await play([30 * HOUR], { attributes: dead(3) });
  assert.deepEqual(ran.map(({ receives }) => receives), [3]);
  assert.ok(ran[0].at >= 30 * HOUR && ran[0].at < 30 * HOUR + 2);
  assert.equal(sqs.messages("dead").length, 0);
});

Deno.test("a redrive policy's count of two digits is read as one number", async () => {
  const { ran, told } = await play([100 * HOUR], { attributes: { ...dead(12), MessageRetentionPeriod: 1_209_600 } });
  assert.deepEqual(ran.map(({ receives }) => receives), [10]);
  assert.ok(!told.includes("etaUnreachable"));
});

Deno.test("an eta beyond what receives or retention allow is told, and never run early", async () => {
  const far = await play([30 * HOUR], { attributes: dead(1) });
  assert.deepEqual([far.ran.length, far.told.includes("etaUnreachable")], [0, true]);
  const { type, task, queue, id, eta } = far.events.find((event) => event.type === "etaUnreachable")!;
  assert.deepEqual([type, task, queue, typeof id, eta instanceof Date], [
    "etaUnreachable",
    "app.add",
    "jobs",
    "string",
    true,
  ]);
  assert.equal(far.sqs.messages("dead").length, 1);
  const old = await play([2 * HOUR], { attributes: { MessageRetentionPeriod: HOUR } });
  assert.deepEqual([old.ran.length, old.told.includes("etaUnreachable")], [0, true]);
});

Deno.test("a FIFO queue takes no delay, and the eta holds all the same", async () => {
  const { ran } = await play([30, 0], { queue: "jobs.fifo" });
  assert.deepEqual(ran.map(({ index }) => index), [0, 1]);
  assert.ok(ran[0].at >= 30);
});

Deno.test("a FIFO queue is told by its URL: under any predefined name it takes no delay, and a task retries there", async () => {
  const { sqs } = setUp(["jobs.fifo", "plain"]);
  const url = (name: string) => sqs.createQueue(name);
  const broker = connect({
    ...sqs.connectOptions,
    predefinedQueues: { jobs: { url: url("jobs.fifo") }, "odd.fifo": { url: url("plain") } },
  });
  await declareExchange(broker, "work", { type: "direct" });
  await bind(broker, "jobs", { exchange: "work", routingKey: "k" });
  const began = +sqs.clock.now();
  const ran: number[] = [];
  await sqs.clock.run(async () => {
    await sendTask(broker, "app.later", { queue: "jobs", countdown: 30 });
    await sendTask(broker, "app.later", { exchange: "work", routingKey: "k", countdown: 60, groupId: "other" });
    await sendTask(broker, "app.later", { queue: "odd.fifo", countdown: 30 });
    const worker = serveTasks(broker, {
      "app.later": ({ retries }) => {
        ran.push(Math.floor((+sqs.clock.now() - began) / 1000));
        if (!retries) throw retry({ countdown: 100 });
      },
    }, { queues: "jobs" });
    await sqs.clock.sleep(200);
    await worker.stop();
  });
  assert.deepEqual(ran, [30, 60, 130, 160]);
  assert.equal(+sqs.messages("plain")[0].visibleAt - began, 30_000, "a queue that is not FIFO does take a delay");
});

Deno.test("a task that is not known here is hidden until its eta, which costs its queue one receive", async () => {
  const { sqs, broker } = setUp();
  await sendTask(broker, "other.task", { eta: new Date(+sqs.clock.now() + 10 * HOUR * 1000) });
  await sqs.clock.run(() => serveTasks(broker, { "app.add": () => 1 }, { maxSeconds: 9 * HOUR }).closed);
  const [{ receiveCount, visibleAt }] = sqs.messages("celery");
  assert.equal(receiveCount, 1);
  assert.ok(Math.abs(+visibleAt - Date.UTC(2030, 0, 1, 10)) <= 2000);
});

Deno.test("what can't be read of the queue is no limit", async () => {
  const { sqs, broker } = setUp();
  await sendTask(broker, add(1, 2), { eta: new Date(+sqs.clock.now() + 5000_000) });
  let read = 0;
  sqs.setFaults(({ action, input }) =>
    action === "GetQueueAttributes" && JSON.stringify(input).includes("Retention") && ++read
      ? { type: "error", code: "AccessDenied" }
      : undefined
  );
  let at = 0;
  await sqs.clock.run(() =>
    serveTasks(broker, { "app.add": () => void (at = +sqs.clock.now()) }, { maxSeconds: 6000 }).closed
  );
  assert.ok(read);
  assert.ok(at >= Date.UTC(2030, 0, 1) + 5000_000);
});

Deno.test("a failure to read the queue's limits is the matter of one task: the next asks anew", async () => {
  const { sqs, broker } = setUp(["dead"]);
  sqs.createQueue("jobs", dead(1));
  let failures = 0;
  sqs.setFaults(({ action, input }) =>
    action === "GetQueueAttributes" && JSON.stringify(input).includes("Retention") && ++failures <= 3
      ? { type: "error", code: "InternalError", status: 500 }
      : undefined
  );
  const ran: number[] = [];
  await sqs.clock.run(async () => {
    const worker = serveTasks(broker, { "app.add": (_, index: number) => void ran.push(index) }, { queues: "jobs" });
    for (const index of [1, 2]) {
      await sendTask(broker, add(index, 0), { queue: "jobs", eta: new Date(+sqs.clock.now() + 2 * HOUR * 1000) });
      await sqs.clock.sleep(60);
    }
    await sqs.clock.sleep(3 * HOUR);
    await worker.stop();
  });
  assert.ok(failures > 3);
  // The first was hidden, which was its last receive; the second is held.
  assert.deepEqual([ran, sqs.messages("dead").length], [[2], 1]);
});

Deno.test("any etas: each task runs once, not before its time, and soon after", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(fc.integer({ min: -100, max: 100 }), fc.integer({ min: 0, max: 20 * HOUR })), {
        minLength: 1,
        maxLength: 12,
      }),
      fc.constantFrom(5, 30, 600),
      fc.integer({ min: 1, max: 4 }),
      async (etas, VisibilityTimeout, concurrency) => {
        const { ran, sqs } = await play(etas, {
          attributes: { VisibilityTimeout },
          options: { concurrency },
          seconds: Math.max(60, ...etas) + 120,
        });
        assert.deepEqual(ran.map(({ index }) => index).sort((a, b) => a - b), etas.map((_, index) => index));
        for (const { index, at } of ran) {
          assert.ok(at >= etas[index], `${at} is before ${etas[index]}`);
          assert.ok(at <= Math.max(0, etas[index]) + 25, `${at} is long after ${etas[index]}`);
        }
        assert.equal(sqs.messages("jobs").length, 0);
      },
    ),
    { numRuns: 5 },
  );
});

Deno.test("a thousand tasks are held until their time, and make room for others when they have run", async () => {
  const { sqs, broker, events } = setUp(["jobs.fifo"]); // where SQS delays none
  let sent = 0;
  let ran = 0;
  const send = async (count: number) => {
    for (const last = sent + count; sent < last; sent++) {
      const eta = new Date(+sqs.clock.now() + 10_000);
      await sendTask(broker, add(sent, 0), { queue: "jobs.fifo", groupId: `${sent}`, eta });
    }
  };
  const deferred = () => events.filter((event) => event.type === "task" && event.state === "deferred").length;
  await send(1001);
  await sqs.clock.run(async () => {
    const worker = serveTasks(broker, { "app.add": () => ++ran }, { queues: "jobs.fifo", maxSeconds: 60 });
    await sqs.clock.sleep(30);
    assert.deepEqual([ran, deferred()], [1001, 1]);
    await send(3);
    await worker.closed;
  });
  assert.deepEqual([ran, deferred()], [1004, 1]);
});

Deno.test("a task that was held takes its slot again when it is due: no more is received than there are slots", async () => {
  const { sqs, broker } = setUp(["jobs.fifo"]); // where SQS delays none
  const inFlight = () => sqs.messages("jobs.fifo").filter(({ state }) => state === "inFlight").length;
  const send = (x: number, countdown?: number) =>
    sendTask(broker, add(x, 0), { queue: "jobs.fifo", groupId: `${x}`, ...(countdown && { countdown }) });
  const held: number[] = [];
  await sqs.clock.run(async () => {
    for (let x = 0; x < 20; x++) await send(x, 10);
    const worker = serveTasks(broker, {
      "app.add": async (_, x: number) => {
        if (x >= 20) held.push(inFlight());
        await sqs.clock.sleep(1);
        return x;
      },
    }, { queues: "jobs.fifo", concurrency: 2, maxSeconds: 90 });
    await sqs.clock.sleep(40);
    for (let x = 20; x < 60; x++) await send(x);
    await worker.closed;
  });
  assert.equal(held.length, 40);
  assert.ok(Math.max(...held) <= 2, `${Math.max(...held)} were held`);
});
