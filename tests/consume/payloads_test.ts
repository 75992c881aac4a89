import assert from "node:assert/strict";
import { connect, type ConnectOptions, consume, get, json, type PayloadStore } from "@dashi/sqs";
import { memoryStore, withPointer } from "./payload_store.ts";
import { setUp } from "./setup.ts";

Deno.test("a pointer is swapped for its payload, which is removed after the ack", async () => {
  const test = await withPointer("at:k", { k: '{"n":7}' });
  await test.run(async () => {
    const codec = { ...json(), needs: undefined }; // what is asked for then, the store needs
    const deliveries = consume(test.broker, "q", { maxMessages: 1, codec });
    for await (const delivery of deliveries) {
      assert.deepEqual(delivery.body, { n: 7 });
      assert.deepEqual(test.removed, []);
      await delivery.ack();
    }
    await deliveries.closed;
  });
  assert.deepEqual(test.removed, ["k"]);
  assert.deepEqual(test.inputs("ReceiveMessage")[0].MessageAttributeNames, ["ExtendedPayloadSize"]);
});

Deno.test("a pointer that SNS put into an envelope is resolved with the envelope's attributes", async () => {
  const { store, removed } = memoryStore({ k: '{"n":7}' });
  const seen: unknown[] = [];
  const payloads: PayloadStore = {
    ...store,
    resolve(body, about, context) {
      seen.push(body, about.messageAttributes);
      return store.resolve(body, about, context);
    },
  };
  const test = setUp({ connect: { payloads } });
  const envelope = {
    Type: "Notification",
    MessageId: "1",
    TopicArn: "arn:aws:sns:eu-west-1:000000000000:news",
    Message: "at:k",
    MessageAttributes: { ExtendedPayloadSize: { Type: "Number", Value: "7" }, S3Key: { Type: "String", Value: "k" } },
  };
  await test.sqs.sendMessage("q", JSON.stringify(envelope));
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1 });
    for await (const delivery of deliveries) {
      assert.deepEqual(delivery.body, { n: 7 });
      assert.deepEqual(delivery.messageAttributes, { ExtendedPayloadSize: 7, S3Key: "k" });
      await delivery.ack();
    }
    await deliveries.closed;
  });
  assert.deepEqual(seen, ["at:k", { ExtendedPayloadSize: 7, S3Key: "k" }]);
  assert.deepEqual(removed, ["k"]);
});

Deno.test("get() leaves nothing running where payloads are read ahead", async () => {
  const test = await withPointer("at:k", { k: "1" });
  const delivery = await test.run(() => get(test.broker, "q"));
  assert.equal(delivery?.body, 1);
});

Deno.test("a pointer that does not fit its checksum is not followed", async () => {
  const test = await withPointer("at:genuine", {});
  const { store } = memoryStore({ "forged!": "1" });
  const http: ConnectOptions["http"] = {
    async fetch(request) {
      const response = await test.sqs.fetch(request);
      return new Response((await response.text()).replace("genuine", "forged!"), response);
    },
  };
  const broker = connect({ ...test.sqs.connectOptions, codec: json(), payloads: store, http });
  await test.run(async () => {
    const [delivery] = await Array.fromAsync(consume(broker, "q", { maxMessages: 1, onUndecodable: "deliver" }));
    assert.deepEqual([delivery.error?.name, delivery.body], ["IntegrityError", "at:forged!"]);
    await delivery.release();
  });
});

Deno.test("payloads: lazy leaves the body undefined, and stream() reads it", async () => {
  const test = await withPointer("at:k", { k: "a long text" });
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1, payloads: "lazy" });
    for await (const delivery of deliveries) {
      assert.equal(delivery.body, undefined);
      assert.equal(await new Response(delivery.stream()).text(), "a long text");
      await delivery.ack();
    }
    await deliveries.closed;
  });
});

Deno.test("stream() gives what SNS put into an envelope, a pointer or not", async () => {
  const envelope = (Message: string) =>
    JSON.stringify({ Type: "Notification", MessageId: "1", TopicArn: "arn:aws:sns:eu-west-1:0:news", Message });
  const test = await withPointer(envelope("at:k"), { k: "large: żółć" });
  await test.sqs.sendMessage("q", envelope('"small: żółć"'));
  const texts: string[] = [];
  await test.run(async () => {
    for await (const delivery of consume(test.broker, "q", { maxMessages: 2, payloads: "lazy" })) {
      texts.push(await new Response(delivery.stream()).text());
      await delivery.ack();
    }
  });
  assert.deepEqual(texts.sort(), ['"small: żółć"', "large: żółć"]);
});

for (const budget of [{ maxMessages: 2 }, { untilEmpty: true }]) {
  const [name] = Object.keys(budget);
  Deno.test(`after ${name} the body of a loop takes the time it takes, though payloads are read ahead of it`, async () => {
    const test = await withPointer("at:k", { k: "a long text" });
    await test.sqs.sendMessage("q", "at:k");
    await test.run(async () => {
      const deliveries = consume(test.broker, "q", {
        ...budget,
        payloads: "lazy",
        graceSeconds: 5,
        waitTimeSeconds: 1,
      });
      for await (const delivery of deliveries) {
        await test.clock.sleep(100);
        assert.ok(!delivery.signal.aborted, "it is not taken back from the loop");
        assert.equal(await new Response(delivery.stream()).text(), "a long text");
        await delivery.ack();
      }
      await deliveries.closed;
    });
    assert.equal(test.sqs.messages("q").length, 0);
    assert.equal(test.of("handover").length, 2);
  });
}

Deno.test("the grace begins when the loop is over, where payloads were read ahead of it", async () => {
  const test = await withPointer("at:k", { k: "1" });
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1, graceSeconds: 5 });
    for await (const delivery of deliveries) {
      assert.equal(delivery.body, 1);
      await test.clock.sleep(10);
    }
    await deliveries.closed;
  });
  assert.equal(test.seconds(), 15);
  assert.equal(test.count("visible"), 1);
});

Deno.test("untilEmpty on FIFO waits for the group that its loop keeps, though payloads are read ahead of it", async () => {
  const test = setUp({ queue: "q.fifo" });
  const { store } = memoryStore({});
  const broker = connect({ ...test.sqs.connectOptions, codec: json(), payloads: store });
  await test.fill(1, "q.fifo");
  const seen: unknown[] = [];
  await test.run(async () => {
    const deliveries = consume(broker, "q.fifo", { untilEmpty: true, waitTimeSeconds: 1 });
    for await (const delivery of deliveries) {
      if (!seen.length) await test.fill(2, "q.fifo"); // nobody is given these while the group is locked
      await test.clock.sleep(10);
      seen.push(delivery.body);
      await delivery.ack();
    }
    await deliveries.closed;
  });
  assert.deepEqual(seen, [{ n: 0 }, { n: 0 }, { n: 1 }]);
});

Deno.test("a payload that is not there makes its message undecodable", async () => {
  const test = await withPointer("at:gone", {});
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1, onUndecodable: "deliver" });
    for await (const delivery of deliveries) {
      assert.match(delivery.error!.message, /no such object/);
      assert.equal(delivery.body, "at:gone");
      await delivery.ack();
    }
    await deliveries.closed;
  });
  assert.deepEqual(test.removed, []);
});

Deno.test("a missing payload that the store ignores is acked unseen, with an event", async () => {
  const test = await withPointer("at:missing", {});
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxSeconds: 1 });
    assert.deepEqual(await Array.fromAsync(deliveries), []);
    await deliveries.closed;
  });
  assert.equal(test.of("drop")[0].reason, "payload-missing");
  assert.equal(test.sqs.messages("q").length, 0);
});
