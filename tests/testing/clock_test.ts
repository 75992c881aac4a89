import assert from "node:assert/strict";
import { connect, consume, forEach, publish } from "@dashi/sqs";
import { memorySqs } from "../../lib/testing/mod.ts";
import { rawSqs } from "./raw_sqs.ts";

Deno.test("advance() has everything happen in its order, with its consequences between", async () => {
  const { clock } = memorySqs();
  const start = +clock.now();
  const seen: string[] = [];
  const note = (what: string) => seen.push(`${what}@${(+clock.now() - start) / 1000}`);
  clock.sleep(2).then(() => note("b"));
  const a = clock.sleep(1).then(async () => {
    note("a");
    await clock.sleep(0.5);
    note("after a");
    await crypto.subtle.digest("SHA-256", new Uint8Array(1));
  });
  await clock.advance(5);
  assert.deepEqual(seen, ["a@1", "after a@1.5", "b@2"]);
  assert.equal(+clock.now() - start, 5000);
  await a;
});

Deno.test("sleep() ends with its signal and leaves nothing behind", async () => {
  const { clock } = memorySqs();
  const controller = new AbortController();
  const sleep = clock.sleep(10, controller.signal);
  assert.deepEqual(clock.waits.map(({ label }) => label), ["a sleep of 10 s"]);
  controller.abort(new Error("enough"));
  await assert.rejects(sleep, /enough/);
  await assert.rejects(clock.sleep(1, AbortSignal.abort(new Error("at once"))), /at once/);
  assert.deepEqual(clock.waits, []);
});

Deno.test("run() lets time pass only when all work waits for it", async () => {
  const { clock } = memorySqs();
  const start = +clock.now();
  const value = await clock.run(async () => {
    await Promise.all([clock.sleep(3600), clock.sleep(7200)]);
    return "done";
  });
  assert.equal(value, "done");
  assert.equal(+clock.now() - start, 7_200_000);
  await assert.rejects(clock.run(() => Promise.reject(new Error("no"))), /^Error: no$/);
});

Deno.test("run() names what waits when the work takes too long", async () => {
  const sqs = memorySqs();
  const { call } = rawSqs(sqs.fetch);
  const QueueUrl = sqs.createQueue("jobs");
  const forever = async () => {
    for (;;) await call("ReceiveMessage", { QueueUrl, WaitTimeSeconds: 20 });
  };
  await assert.rejects(sqs.clock.run(forever, { limit: 100 }), /more than 100 s .* a long poll of 'jobs', due in 20 s/);
});

Deno.test("run() waits in virtual time for no signature", async () => {
  const sqs = memorySqs();
  const { clock, connectOptions: { credentials, http } } = sqs;
  const QueueUrl = sqs.createQueue("jobs");
  const before = +clock.now();
  await clock.run(async () => {
    const timeout = new AbortController();
    const guard = clock.sleep(10, timeout.signal).then(() => assert.fail("time went on"), () => {});
    await credentials();
    for (let i = 0; i < 50; i++) await crypto.subtle.digest("SHA-256", new Uint8Array(10));
    await rawSqs(http.fetch).call("SendMessage", { QueueUrl, MessageBody: "a" });
    timeout.abort();
    await guard;
  });
  assert.equal(+clock.now(), before);
});

Deno.test("run() goes on where a test runner's fake timers stand still", async () => {
  const names = ["setTimeout", "clearTimeout", "setImmediate", "queueMicrotask"] as const;
  const globals = globalThis as unknown as Record<string, unknown>;
  const real = names.map((name) => globals[name]);
  const realNow = performance.now;
  for (const name of names) globals[name] = () => {};
  performance.now = () => 0;
  try {
    const sqs = memorySqs();
    sqs.createQueue("orders");
    const broker = connect(sqs.connectOptions);
    await publish(broker, { id: 1 }, { queue: "orders", delaySeconds: 5 });
    const counts = await sqs.clock.run(() => forEach(consume(broker, "orders", { maxMessages: 1 }), () => {}));
    assert.equal(counts.acked, 1);
  } finally {
    names.forEach((name, index) => globals[name] = real[index]);
    performance.now = realNow;
  }
});
