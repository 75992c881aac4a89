import assert from "node:assert/strict";
import { connect, consume, publish, publishAll } from "@dashi/sqs";
import { sendTask, serveTasks } from "@dashi/sqs/celery";
import { memorySqs } from "@dashi/sqs/testing";
import { onAbort } from "../lib/on_abort.ts";

/** More than the ten that Node 20 and the first of Node 22 take before they warn of a leak. */
const MANY = 14;
const many = Array.from({ length: MANY }, (_, index) => index);

/** The most listeners that any signal has at a time. */
async function mostListeners(work: () => Promise<unknown>): Promise<number> {
  const { addEventListener, removeEventListener } = AbortSignal.prototype;
  const listeners = new WeakMap<object, Set<unknown>>();
  let most = 0;
  const ofSignal = (signal: object) => {
    const found = listeners.get(signal) ?? new Set();
    listeners.set(signal, found);
    return found;
  };
  AbortSignal.prototype.addEventListener = function (this: AbortSignal, ...args: unknown[]) {
    most = Math.max(most, ofSignal(this).add(args[1]).size);
    return Reflect.apply(addEventListener, this, args);
  };
  AbortSignal.prototype.removeEventListener = function (this: AbortSignal, ...args: unknown[]) {
    ofSignal(this).delete(args[1]);
    return Reflect.apply(removeEventListener, this, args);
  };
  try {
    await work();
  } finally {
    Object.assign(AbortSignal.prototype, { addEventListener, removeEventListener });
  }
  return most;
}

function setUp() {
  const sqs = memorySqs();
  for (const index of many) sqs.createQueue(`q${index}`);
  return { sqs, broker: connect(sqs.connectOptions) };
}

Deno.test("a signal that many calls share has few listeners, whatever they wait for", async () => {
  const { broker } = setUp();
  const { signal } = new AbortController();
  const most = await mostListeners(async () => {
    await Promise.all(many.map((body) => publish(broker, body, { queue: "q0", signal })));
    await Promise.all(many.map((body) => publish(broker, body, { queue: "q0", signal })));
    await Promise.all(many.map((body) => Array.fromAsync(publishAll(broker, [{ body }], { queue: "q0", signal }))));
    await Promise.all(many.map(async (index) => {
      const deliveries = consume(broker, `q${index}`, { signal, untilEmpty: true, waitTimeSeconds: 0 });
      for await (const delivery of deliveries) await delivery.ack();
      await deliveries.closed;
    }));
  });
  assert.ok(most <= 3, `${most} listeners`);
});

Deno.test("a consumer of many queues, and a worker whose tasks wait, have few listeners on signals of their own", async () => {
  const { broker, sqs } = setUp();
  const work = async () => {
    const deliveries = consume(broker, many.map((index) => `q${index}`), { maxSeconds: 1, pollingInterval: 1 });
    assert.deepEqual(await Array.fromAsync(deliveries), []);
    const eta = new Date(+sqs.clock.now() + 5000);
    for (const arg of many) await sendTask(broker, "app.add", { args: [arg], queue: "q0", eta });
    const tasks = { "app.add": () => sqs.clock.sleep(1) };
    await using worker = serveTasks(broker, tasks, {
      queues: ["q0"],
      concurrency: 1,
      prefetch: MANY,
      untilEmpty: true,
    });
    await worker.closed;
  };
  const most = await mostListeners(() => sqs.clock.run(work));
  assert.ok(most <= 3, `${most} listeners`);
});

Deno.test("onAbort() calls all in their order, but for one that another calls off", () => {
  const controller = new AbortController();
  const heard: string[] = [];
  onAbort(controller.signal, () => {
    heard.push("first");
    callOff();
  });
  const callOff = onAbort(controller.signal, () => heard.push("second"));
  onAbort(controller.signal, () => heard.push("third"));
  controller.abort();
  onAbort(controller.signal, () => heard.push("late"));
  assert.deepEqual(heard, ["first", "third", "late"]);
});
