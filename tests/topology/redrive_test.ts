import assert from "node:assert/strict";
import { cancelMessageMoveTask } from "../../lib/sqs/cancel_message_move_task.ts";
import { listMessageMoveTasks } from "../../lib/sqs/list_message_move_tasks.ts";
import { memorySqs } from "../../lib/testing/mod.ts";
import {
  AwsError,
  ConfigError,
  connect,
  type ConnectOptions,
  declareQueue,
  DoesNotExistQueueError,
  queueSize,
  redrive,
  type RedriveProgress,
  send,
} from "../../mod.ts";

async function setUp(count: number, options: ConnectOptions = {}) {
  const sqs = memorySqs();
  const broker = connect({ ...sqs.connectOptions, ...options });
  await declareQueue(broker, "dead");
  await declareQueue(broker, "orders", { deadLetter: { queue: "dead", maxReceiveCount: 1 } });
  for (let i = 0; i < count; i++) await sqs.sendMessage("dead", String(i));
  return { sqs, broker };
}

Deno.test("redrive() moves messages and tells how far it is", async () => {
  const { sqs, broker } = await setUp(25);
  const told: RedriveProgress[] = [];
  const result = await sqs.clock.run(() =>
    redrive(broker, "dead", { destination: "orders", maxPerSecond: 5, onProgress: (progress) => told.push(progress) })
  );
  assert.deepEqual(result, { moved: 25, total: 25 });
  assert.deepEqual(told.at(-1), result);
  assert.ok(told.length > 3);
  assert.deepEqual(told.map(({ moved }) => moved), told.map(({ moved }) => moved).toSorted((a, b) => a - b));
  assert.equal((await queueSize(broker, "orders")).visible, 25);
});

Deno.test("redrive() tells a second redrive from the first", async () => {
  const { sqs, broker } = await setUp(3);
  const move = () => sqs.clock.run(() => redrive(broker, "dead", { destination: "orders" }));
  assert.equal((await move()).moved, 3);
  await sqs.sendMessage("dead", "one more");
  assert.equal((await move()).moved, 1);
});

Deno.test("redrive() is cancelled by its signal, and what was moved stays moved", async () => {
  const { sqs, broker } = await setUp(100);
  const controller = new AbortController();
  const moving = sqs.clock.run(() =>
    redrive(broker, "dead", {
      destination: "orders",
      maxPerSecond: 10,
      signal: controller.signal,
      onProgress: ({ moved }) => moved >= 20 && controller.abort(new Error("enough")),
    })
  );
  await assert.rejects(moving, /enough/);
  assert.equal(sqs.requests.count("CancelMessageMoveTask"), 1);
  await sqs.clock.advance(60);
  const { visible } = await queueSize(broker, "orders");
  assert.ok(visible >= 20 && visible < 100, `${visible} were moved`);
});

Deno.test("redrive() ends with its signal's reason, whatever it is, also where that fires while it looks", async () => {
  for (const reason of [new Error("enough"), "enough", null]) {
    const { sqs, broker } = await setUp(100);
    const controller = new AbortController();
    let looks = 0;
    sqs.setFaults(({ action }) => {
      if (action === "ListMessageMoveTasks" && ++looks === 3) controller.abort(reason);
      return undefined;
    });
    const options = { destination: "orders", maxPerSecond: 1, signal: controller.signal };
    const ended = sqs.clock.run(() => redrive(broker, "dead", options).catch((error) => error));
    assert.equal(await ended, reason);
    assert.equal(sqs.requests.count("CancelMessageMoveTask"), 1);
  }
});

Deno.test("redrive() cancels the task that begins while its signal fires, also where that answer is lost", async () => {
  for (
    const faults of [[{ type: "slow", seconds: 5 }], [{ type: "lost-answer" }, { type: "slow", seconds: 5 }]] as const
  ) {
    for (const reason of [new Error("enough"), null]) {
      const { sqs, broker } = await setUp(100);
      const controller = new AbortController();
      sqs.setFaults(({ action, attempt }) => {
        if (action !== "StartMessageMoveTask") return undefined;
        if (attempt === faults.length) void sqs.clock.sleep(1).then(() => controller.abort(reason));
        return faults[attempt - 1];
      });
      const options = { destination: "orders", maxPerSecond: 1, signal: controller.signal };
      const ended = await sqs.clock.run(() => redrive(broker, "dead", options).catch((error) => error));
      assert.equal(ended, reason);
      assert.equal(sqs.requests.count("CancelMessageMoveTask"), 1);
      await sqs.clock.advance(200);
      assert.ok((await queueSize(broker, "orders")).visible < 100);
    }
  }
});

Deno.test("redrive() ends with its signal's reason where SQS refuses to begin meanwhile", async () => {
  const { sqs, broker } = await setUp(1);
  const controller = new AbortController();
  sqs.setFaults(({ action }) => {
    if (action !== "StartMessageMoveTask") return undefined;
    controller.abort(null);
    return { type: "error", code: "AccessDenied" };
  });
  const options = { destination: "orders", signal: controller.signal };
  assert.equal(await sqs.clock.run(() => redrive(broker, "dead", options).catch((error) => error)), null);
  assert.equal(sqs.requests.count("CancelMessageMoveTask"), 0);
});

Deno.test("redrive() is cancelled by a throw of onProgress, or by what it rejects with", async () => {
  const fails = () => {
    throw new Error("no terminal");
  };
  for (const onProgress of [fails, () => Promise.resolve().then(fails)]) {
    const { sqs, broker } = await setUp(100);
    await assert.rejects(
      sqs.clock.run(() => redrive(broker, "dead", { destination: "orders", maxPerSecond: 1, onProgress })),
      /no terminal/,
    );
    assert.equal(sqs.requests.count("CancelMessageMoveTask"), 1);
  }
});

Deno.test("redrive() fails where it may look no longer, and cancels nothing: SQS goes on", async () => {
  const { sqs, broker } = await setUp(10);
  sqs.setFaults(({ action, attempt }) =>
    action === "ListMessageMoveTasks" && attempt > 1 ? { type: "error", code: "AccessDenied" } : undefined
  );
  await assert.rejects(sqs.clock.run(() => redrive(broker, "dead", { destination: "orders" })), {
    name: "AccessDeniedQueueError",
  });
  assert.equal(sqs.requests.count("CancelMessageMoveTask"), 0);
});

Deno.test("redrive() ends with its signal's reason where it can't be cancelled, and tells that", async () => {
  const errors: unknown[] = [];
  const { sqs, broker } = await setUp(10, {
    onEvent: (event) => event.type === "error" && errors.push((event.error as AwsError).action),
  });
  const controller = new AbortController();
  sqs.setFaults(({ action }) =>
    action === "CancelMessageMoveTask" ? { type: "error", code: "AccessDenied" } : undefined
  );
  const began = +sqs.clock.now();
  await sqs.clock.run(async () => {
    const moving = redrive(broker, "dead", { destination: "orders", maxPerSecond: 1, signal: controller.signal });
    sqs.clock.sleep(2.5).then(() => controller.abort(new Error("enough")));
    await assert.rejects(moving, /^Error: enough$/);
    assert.equal(+sqs.clock.now() - began, 2500, "it does not wait for its next look");
  });
  assert.deepEqual(errors, ["CancelMessageMoveTask"]);
});

Deno.test("redrive() hears its signal while SQS does not say how far it is", async () => {
  const { sqs, broker } = await setUp(10);
  const controller = new AbortController();
  sqs.setFaults(({ action, attempt }) => {
    if (action !== "ListMessageMoveTasks" || attempt !== 2) return undefined;
    void sqs.clock.sleep(1).then(() => controller.abort(new Error("enough")));
    return { type: "slow", seconds: Infinity };
  });
  const options = { destination: "orders", maxPerSecond: 1, signal: controller.signal };
  const began = +sqs.clock.now();
  await sqs.clock.run(async () => {
    await assert.rejects(redrive(broker, "dead", options), /^Error: enough$/);
    assert.equal(+sqs.clock.now() - began, 1000);
  });
  assert.equal(sqs.requests.count("CancelMessageMoveTask"), 1);
});

Deno.test("redrive() is cancelled by what onProgress asks AWS for itself and does not get", async () => {
  const { sqs, broker } = await setUp(100);
  const onProgress = async () => void await queueSize(broker, "missing");
  await assert.rejects(
    sqs.clock.run(() => redrive(broker, "dead", { destination: "orders", maxPerSecond: 1, onProgress })),
    DoesNotExistQueueError,
  );
  assert.equal(sqs.requests.count("CancelMessageMoveTask"), 1);
});

Deno.test("redrive() goes on over an outage", async () => {
  const { sqs, broker } = await setUp(10);
  sqs.setFaults(({ action, attempt }) =>
    action === "ListMessageMoveTasks" && attempt > 1 && attempt < 9
      ? { type: "error", code: "InternalError", status: 500 }
      : undefined
  );
  const { moved } = await sqs.clock.run(() => redrive(broker, "dead", { destination: "orders" }));
  assert.equal(moved, 10);
  assert.equal(sqs.requests.count("CancelMessageMoveTask"), 0);
});

Deno.test("redrive() takes the task for its own that it began with a request whose answer was lost", async () => {
  for (const cancelled of [false, true]) {
    const { sqs, broker } = await setUp(10);
    let lost = 0;
    sqs.setFaults(({ action }) => action === "StartMessageMoveTask" && !lost++ ? { type: "lost-answer" } : undefined);
    const stop = new AbortController();
    const onProgress = () => cancelled && stop.abort();
    const redriven = sqs.clock.run(() =>
      redrive(broker, "dead", { destination: "orders", maxPerSecond: 1, onProgress, signal: stop.signal })
    );
    if (cancelled) await assert.rejects(redriven, { name: "AbortError" });
    else assert.equal((await redriven).moved, 10);
    assert.equal(sqs.requests.count("CancelMessageMoveTask"), Number(cancelled));
  }
});

Deno.test("redrive() does not take another program's task for its own", async () => {
  const { sqs, broker } = await setUp(50);
  const stop = new AbortController();
  await sqs.clock.run(async () => {
    const other = redrive(connect(sqs.connectOptions), "dead", {
      destination: "orders",
      maxPerSecond: 1,
      signal: stop.signal,
    });
    await sqs.clock.sleep(5);
    sqs.setFaults(({ action, attempt }) =>
      action === "StartMessageMoveTask" && attempt === 2 ? { type: "network" } : undefined
    );
    await assert.rejects(redrive(broker, "dead", { destination: "orders" }), /already a task running/);
    stop.abort();
    await assert.rejects(other, { name: "AbortError" });
  });
  assert.equal(sqs.requests.count("CancelMessageMoveTask"), 1);
});

Deno.test("redrive() does not take another program's task for its own that began while a credential provider asked for keys", async () => {
  const { sqs } = await setUp(50);
  const stop = new AbortController();
  const options = { destination: "orders", maxPerSecond: 1 };
  let before = true;
  let other: Promise<unknown> | undefined;
  const keys = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "a-secret" };
  const broker = connect({
    ...sqs.connectOptions,
    // It asks a service of its own for keys, once ours has looked which task there is.
    credentials: async ({ fetch }) => {
      if (before && sqs.requests.count("ListMessageMoveTasks")) {
        before = false;
        await fetch(new Request("http://127.0.0.1/keys"));
        other = redrive(connect(sqs.connectOptions), "dead", { ...options, signal: stop.signal });
        other.catch(() => {});
        await sqs.clock.sleep(5);
      }
      return keys;
    },
  });
  await sqs.clock.run(async () => {
    await assert.rejects(redrive(broker, "dead", options), /already a task running/);
    stop.abort();
    await assert.rejects(other!, { name: "AbortError" });
  });
  assert.equal(sqs.requests.count("CancelMessageMoveTask"), 1);
});

Deno.test("redrive() goes on, and cancels nothing, where a credential provider throws meanwhile", async () => {
  let throws = 0;
  const { sqs, broker } = await setUp(10, {
    credentials: () => {
      if (throws-- > 0) throw new Error("no keys for now");
      return Promise.resolve({ accessKeyId: "AKIDEXAMPLE", secretAccessKey: "a-secret" });
    },
    onEvent: (event) => {
      if (event.type === "request" && event.action === "StartMessageMoveTask") throws = 3;
    },
  });
  const { moved } = await sqs.clock.run(() => redrive(broker, "dead", { destination: "orders" }));
  assert.equal(moved, 10);
  assert.ok(throws < 0);
  assert.equal(sqs.requests.count("CancelMessageMoveTask"), 0);
});

Deno.test("redrive() refuses a queue that is no dead-letter queue", async () => {
  const { sqs, broker } = await setUp(0);
  await assert.rejects(
    sqs.clock.run(() => redrive(broker, "orders")),
    (error) =>
      error instanceof ConfigError && /'orders' as no queue has it as its dead-letter queue/.test(error.message),
  );
});

Deno.test("redrive() refuses wrong options and queues that are missing, and creates none", async () => {
  const { sqs, broker } = await setUp(1, { createMissing: true });
  await assert.rejects(redrive(broker, "dead", { maxPerSecond: 501 }), ConfigError);
  await assert.rejects(redrive(broker, "nowhere"), DoesNotExistQueueError);
  await assert.rejects(redrive(broker, "dead", { destination: "nowhere" }), DoesNotExistQueueError);
  assert.equal(sqs.requests.count("StartMessageMoveTask"), 0);
  assert.deepEqual(sqs.queueNames.toSorted(), ["dead", "orders"]);
});

Deno.test("redrive() fails where another program cancels it", async () => {
  const { sqs, broker } = await setUp(100);
  const { arn } = await declareQueue(broker, "dead", { passive: true });
  let cancelled = false;
  const onProgress = () => {
    if (cancelled) return;
    cancelled = true;
    send(broker, listMessageMoveTasks({ sourceArn: arn }))
      .then(({ tasks }) => send(broker, cancelMessageMoveTask({ taskHandle: tasks[0].taskHandle! })));
  };
  await assert.rejects(
    sqs.clock.run(() => redrive(broker, "dead", { destination: "orders", maxPerSecond: 1, onProgress })),
    (error) =>
      error instanceof AwsError && /CANCELL/.test(error.awsCode) && /'dead'/.test(error.message) && !error.retryable,
  );
});

Deno.test("redrive() does not take an older task for its own where SQS lists late", async () => {
  const { sqs, broker } = await setUp(3);
  await sqs.clock.run(() => redrive(broker, "dead", { destination: "orders" }));
  await sqs.sendMessage("dead", "one more");
  let stale: string | undefined;
  const late = connect({
    ...sqs.connectOptions,
    http: {
      async fetch(request) {
        const action = request.headers.get("x-amz-target");
        const response = await sqs.fetch(request);
        if (action !== "AmazonSQS.ListMessageMoveTasks") return response;
        if (sqs.requests.count("ListMessageMoveTasks") > 5) return response;
        stale ??= await response.text();
        return new Response(stale, { headers: { "content-type": "application/x-amz-json-1.0" } });
      },
    },
  });
  const { moved } = await sqs.clock.run(() => redrive(late, "dead", { destination: "orders" }));
  assert.equal(moved, 1);
});
