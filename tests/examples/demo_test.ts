import assert from "node:assert/strict";
import { connect, declareQueue, publish, queueSize } from "@dashi/sqs";
import { startServer } from "../support/fauxqs.ts";
import { runExample } from "./run_example.ts";

async function demo(
  args: readonly string[],
  env: Record<string, string> = {},
  meanwhile?: (child: Deno.ChildProcess) => Promise<void>,
) {
  const { code, out, err } = await runExample("demo", args, env, meanwhile);
  const row = (name: string) => Number(new RegExp(`^ +${name} +([\\d,.]+)`, "m").exec(out)?.[1].replace(",", ""));
  return { code, out, err, row };
}

const KEYS = { AWS_ACCESS_KEY_ID: "AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY: "secret", AWS_REGION: "us-east-1" };

Deno.test("the demo accounts for each order and each request", async () => {
  const { code, out, err, row } = await demo(["--messages", "400"]);
  assert.equal(code, 0, err);
  assert.deepEqual(["Published", "Consumed", "acked", "rejected"].map(row), [400, 400, 380, 20]);
  assert.match(out, /of them in the dead-letter queue: 20$/m);
  // Three requests for ten messages. On a slow machine a receive or a batch of acks may leave half full.
  const [sends, receives, deletes] = [40, 40, 38];
  assert.ok(row("Requests") >= sends + receives + deletes, out);
  assert.ok(row("Requests") <= sends + 2 * (receives + deletes), out);
  assert.equal(row("Requests a message"), Number((row("Requests") / 400).toFixed(3)));
});

Deno.test("the demo on another SQS deletes what it made, and only that", async () => {
  await using server = await startServer();
  const broker = connect(server.options);
  const args = ["--endpoint", server.endpoint, "--messages", "40"];
  // None of the first five orders is rejected: nothing waits for its visibility timeout.
  const fresh = await demo([...args, "--messages", "5", "--queue", "mine"], KEYS);
  assert.equal(fresh.code, 0, fresh.err);
  await assert.rejects(queueSize(broker, "mine"), { name: "DoesNotExistQueueError" });
  await assert.rejects(queueSize(broker, "mine-dead"), { name: "DoesNotExistQueueError" });

  await declareQueue(broker, "buried");
  await declareQueue(broker, "used", {
    attributes: { VisibilityTimeout: 5 },
    deadLetter: { queue: "buried", maxReceiveCount: 1 },
  });
  const used = await demo([...args, "--queue", "used"], { ...KEYS, AWS_ENDPOINT_URL: "http://127.0.0.1:1" });
  assert.equal(used.code, 0, used.err);
  assert.equal((await queueSize(broker, "buried")).visible, 2);

  await publish(broker, "keep me", { queue: "used" });
  const full = await demo([...args, "--queue", "used"], KEYS);
  assert.equal(full.code, 2);
  assert.match(full.err, /'used' holds messages \(1\) that the demo would eat/);
  assert.equal((await queueSize(broker, "used")).visible, 1);
});

Deno.test("the demo that is interrupted in the middle deletes what it made", async () => {
  await using server = await startServer();
  const broker = connect(server.options);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    const args = ["--endpoint", server.endpoint, "--messages", "9999999", "--queue", signal];
    const { code, err } = await demo(args, KEYS, async (child) => {
      let over = false;
      child.status.then(() => over = true);
      const sent = async () => (await queueSize(broker, signal).catch(() => undefined))?.visible;
      while (!over && !await sent()) await new Promise((resolve) => setTimeout(resolve, 20));
      if (!over) child.kill(signal);
    });
    assert.equal(code, 1, err);
    assert.match(err, /^interrupted: the queues of the demo are deleted$/m);
    await assert.rejects(queueSize(broker, signal), { name: "DoesNotExistQueueError" });
    await assert.rejects(queueSize(broker, `${signal}-dead`), { name: "DoesNotExistQueueError" });
  }
});

Deno.test("the demo says in one sentence what is wrong with its input", async () => {
  const wrong: [string[], RegExp][] = [
    [["--messages", "0.5"], /--messages must be a whole number from 1 to 9999999: it is '0\.5'/],
    [["--queue", "a b"], /--queue must be the name of a standard queue/],
    [["--endpoint", "nowhere"], /Cannot use 'endpoint'/],
    [["--color"], /Unknown option '--color'/],
  ];
  for (const [args, sentence] of wrong) {
    const { code, out, err } = await demo(args, KEYS);
    assert.equal(code, 2, err);
    assert.match(err, sentence);
    assert.equal(err.trim().split("\n").length, 1, err);
    assert.equal(out, "");
  }
});
