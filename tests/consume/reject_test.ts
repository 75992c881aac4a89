/** What reject() makes of a message, by kombu's rule. */
import assert from "node:assert/strict";
import { consume } from "@dashi/sqs";
import { DENIED, DOWN, failing, setUp, taking } from "./setup.ts";

Deno.test("reject({ requeue: true }) releases, after the broker's requeueDelay", async () => {
  for (const requeueDelay of [undefined, 15]) {
    const test = setUp({ connect: { requeueDelay } });
    await test.run(() =>
      taking(test, 1, async ([delivery]) => {
        await delivery.reject({ requeue: true });
        assert.equal(test.count("visible"), requeueDelay ? 0 : 1);
      }, { maxMessages: 1 })
    );
    assert.equal(test.inputs("ChangeMessageVisibilityBatch")[0].Entries[0].VisibilityTimeout, requeueDelay ?? 0);
    assert.equal(test.of("reject").length, 1);
  }
});

Deno.test("reject() deletes where there is no redrive policy", async () => {
  const test = setUp();
  await test.run(() => taking(test, 2, (held) => Promise.all(held.map((delivery) => delivery.reject()))));
  assert.equal(test.sqs.messages("q").length, 0);
  assert.equal(test.sqs.requests.count("GetQueueAttributes"), 1);
});

Deno.test("reject() keeps a message of a queue with a redrive policy, on its way to the dead-letter queue", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 30 } });
  test.sqs.createQueue("dead");
  const deadLetterTargetArn = "arn:aws:sqs:us-east-1:000000000000:dead";
  test.sqs.createQueue("r", {
    VisibilityTimeout: 30,
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 2 }),
  });
  await test.fill(1, "r");
  await test.run(async () => {
    const deliveries = consume(test.broker, "r", { maxSeconds: 200 });
    for await (const delivery of deliveries) await delivery.reject();
    await deliveries.closed;
  });
  assert.deepEqual([test.sqs.messages("r").length, test.sqs.messages("dead").length], [0, 1]);
  assert.equal(test.sqs.requests.count("ChangeMessageVisibilityBatch"), 0);
  assert.equal(test.sqs.requests.count("DeleteMessageBatch"), 0);
});

Deno.test("reject() asks for the redrive policy once in 300 s; who may not read it keeps the message", async () => {
  const test = setUp({ onRequest: failing("GetQueueAttributes", DENIED) });
  await test.run(() =>
    taking(test, 20, async (held) => {
      await Promise.all(held.slice(0, 10).map((delivery) => delivery.reject()));
      await test.clock.sleep(299);
      await held[10].reject();
      assert.equal(test.sqs.requests.count("GetQueueAttributes"), 1);
      await test.clock.sleep(1);
      await Promise.all(held.slice(11).map((delivery) => delivery.reject()));
      assert.equal(test.sqs.requests.count("GetQueueAttributes"), 2);
    }, { visibilityTimeout: 3600 })
  );
  assert.equal(test.sqs.messages("q").length, 20);
  assert.deepEqual(test.of("error"), []);
});

Deno.test("reject() keeps the message where reading the policy failed, and asks again for the next", async () => {
  let down = true;
  const test = setUp({ onRequest: (call) => down ? failing("GetQueueAttributes", DOWN)(call) : undefined });
  await test.run(() =>
    taking(test, 2, async ([first, second]) => {
      await first.reject();
      assert.equal(test.of("error").length, 1);
      down = false;
      await second.reject();
    }, { visibilityTimeout: 3600 })
  );
  assert.equal(test.sqs.messages("q").length, 1);
});

Deno.test("reject() after the end of what lapsed leaves the message, and its event says that the consumer has ended", async () => {
  const test = setUp();
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { visibilityTimeout: 3, heartbeat: false });
    for await (const delivery of deliveries) {
      await test.clock.sleep(4);
      await deliveries.stop();
      await delivery.reject();
      break;
    }
  });
  assert.deepEqual(test.of("error").map(({ error }) => error.message), ["The consumer has ended"]);
  assert.equal(test.count("visible"), 1);
});

Deno.test("a failing delete in reject() is an event", async () => {
  const test = setUp({ onRequest: failing("DeleteMessageBatch", DENIED) });
  await test.fill(2);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 2 });
    for await (const delivery of deliveries) await delivery.reject();
    await deliveries.closed;
  });
  assert.equal(test.of("error")[0].error.name, "AccessDeniedQueueError");
  assert.equal(test.sqs.messages("q").length, 2);
});
