/**
 * Celery's configuration at work: a broker made of it, and what SQS sees.
 *
 * @module
 */
import assert from "node:assert/strict";
import { connect, consume, declareQueue, publish, queueUrl, send } from "@dashi/sqs";
import { fromCelery } from "@dashi/sqs/config";
import { getQueueAttributes, listQueueTags } from "@dashi/sqs/sqs";
import { memorySqs } from "@dashi/sqs/testing";

Deno.test("a queue that kombu would create has its attributes and tags, and FIFO queues theirs", async () => {
  const options = fromCelery("sqs://", {
    queue_name_prefix: "prod.",
    "sqs-creation-attributes": { KmsMasterKeyId: "alias/aws/sqs" },
    queue_tags: { Team: "backend" },
  });
  const broker = connect({ ...options, ...memorySqs().connectOptions });
  for (const [name, suffix] of [["shop.orders", "shop-orders"], ["shop.orders.fifo", "shop-orders.fifo"]]) {
    await publish(broker, 1, { queue: name });
    const url = await queueUrl(broker, name);
    assert.ok(url.endsWith(`/prod-${suffix}`), url);
    const { attributes } = await send(broker, getQueueAttributes({ queueUrl: url, attributeNames: ["All"] }));
    assert.equal(attributes.VisibilityTimeout, "1800");
    assert.equal(attributes.KmsMasterKeyId, "alias/aws/sqs");
    assert.equal(attributes.FifoQueue, name.endsWith(".fifo") ? "true" : undefined);
    assert.deepEqual({ ...(await send(broker, listQueueTags({ queueUrl: url }))).tags }, { Team: "backend" });
  }
});

Deno.test("an empty queue is asked every wait_time_seconds + polling_interval, 11 s by default", async () => {
  const sqs = memorySqs();
  const broker = connect({ ...fromCelery("sqs://"), ...sqs.connectOptions });
  await sqs.clock.run(async () => {
    await declareQueue(broker, "celery");
    for await (const _ of consume(broker, "celery", { maxSeconds: 110 })) assert.fail("there is nothing");
  });
  const receives = sqs.requests.list.filter(({ action }) => action === "ReceiveMessage");
  assert.deepEqual(receives.map(({ at }) => (+at - +receives[0].at) / 1000), [0, 11, 22, 33, 44, 55, 66, 77, 88, 99]);
  assert.ok(receives.every(({ input }) => (input as { WaitTimeSeconds: number }).WaitTimeSeconds === 10));
});

Deno.test("the policy of kombu's documents: the delay after receive n is that of n, the first one's too", async () => {
  const sqs = memorySqs();
  const url = sqs.createQueue("my-q", { VisibilityTimeout: 1800 });
  const options = fromCelery("sqs://", {
    wait_time_seconds: 20,
    polling_interval: 0,
    predefined_queues: {
      "my-q": {
        url,
        backoff_policy: { 1: 10, 2: 20, 3: 40, 4: 80, 5: 320, 6: 640 },
        backoff_tasks: ["svc.tasks.tasks.task1"],
      },
    },
  });
  const broker = connect({ ...options, ...sqs.connectOptions });
  const tries: number[] = [];
  await sqs.clock.run(async () => {
    await publish(broker, [[], {}, {}], { queue: "my-q", headers: { task: "svc.tasks.tasks.task1" } });
    const began = +sqs.clock.now();
    for await (const delivery of consume(broker, "my-q", { maxMessages: 8 })) {
      tries.push((+sqs.clock.now() - began) / 1000);
      if (tries.length < 8) await delivery.reject();
      else await delivery.ack();
    }
  });
  const gaps = tries.slice(1).map((at, index) => at - tries[index]);
  // The seventh has no entry: it stays for what is left of the queue's timeout.
  assert.deepEqual(gaps, [10, 20, 40, 80, 320, 640, 1800]);
});

Deno.test("in a queue with a backoff a requeue is a requeue, and a message without a task is deleted on reject", async () => {
  const sqs = memorySqs();
  const url = sqs.createQueue("my-q", { VisibilityTimeout: 1800 });
  const entry = { url, backoff_policy: { 1: 100, 2: 100 }, backoff_tasks: ["app.add"] };
  const options = fromCelery("sqs://", { wait_time_seconds: 7, predefined_queues: { "my-q": entry } });
  const broker = connect({ ...options, ...sqs.connectOptions });
  const hiddenFor = () => sqs.messages("my-q").map(({ visibleAt }) => (+visibleAt - +sqs.clock.now()) / 1000);
  await sqs.clock.run(async () => {
    await publish(broker, 1, { queue: "my-q", headers: { task: "app.add" } });
    for await (const delivery of consume(broker, "my-q", { maxMessages: 2 })) {
      await delivery.reject({ requeue: delivery.receiveCount === 1 });
      assert.deepEqual(hiddenFor(), [delivery.receiveCount === 1 ? 7 : 100]);
    }
    await sqs.clock.sleep(100);
    for await (const delivery of consume(broker, "my-q", { maxMessages: 1 })) await delivery.ack();
    await publish(broker, "no task", { queue: "my-q" });
    for await (const delivery of consume(broker, "my-q", { maxMessages: 1 })) await delivery.reject();
    assert.deepEqual(hiddenFor(), []);
  });
});
