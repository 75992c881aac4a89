import assert from "node:assert/strict";
import { inspect } from "node:util";
import { connect, consume, type Delivery } from "@dashi/sqs";
import { numberOf, setUp } from "./setup.ts";

Deno.test("every receive, hand-over, ack, release, extend and reject is told, with queue, counts and durations", async () => {
  const test = setUp();
  await test.fill(4);
  await test.run(async () => {
    await test.clock.sleep(7);
    const deliveries = consume(test.broker, "q", { maxMessages: 4 });
    for await (const delivery of deliveries) {
      await test.clock.sleep(2);
      const n = numberOf(delivery);
      if (n === 0) await delivery.ack();
      if (n === 1) await delivery.release({ visibleAfter: 5 });
      if (n === 2) await delivery.reject();
      if (n === 3) await delivery.extend(50).then(() => delivery.ack());
    }
    await deliveries.closed;
  });
  const [receive] = test.of("receive");
  assert.deepEqual(receive, { type: "receive", queue: "q", asked: 4, count: 4, seconds: 0 });
  const [handover] = test.of("handover");
  assert.deepEqual({ ...handover, messageId: "" }, {
    type: "handover",
    queue: "q",
    messageId: "",
    receiveCount: 1,
    age: 7,
    traceparent: undefined,
  });
  assert.equal(test.of("handover").length, 4);
  assert.deepEqual(test.of("ack").map(({ seconds }) => seconds), [2, 2]);
  assert.deepEqual(test.of("release").map(({ seconds, visibleAfter }) => [seconds, visibleAfter]), [[2, 5]]);
  assert.deepEqual(test.of("reject").map(({ seconds }) => seconds), [2]);
  assert.deepEqual(test.of("extend").map(({ visibleAfter }) => visibleAfter), [50]);
  const requests = test.of("request");
  assert.ok(requests.every(({ requestId, status }) => requestId && status === 200));
  assert.equal(requests.length, test.sqs.requests.count());
});

Deno.test("traceparent goes from the headers into the event, if it is text", async () => {
  const given = ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", 7];
  const headers = given.map((traceparent) => ({ traceparent }));
  const codec = {
    encode: () => ({ body: "" }),
    decode: ({ body }: { body: string }) => ({ body, headers: headers.shift() }),
  };
  const test = setUp({ connect: { codec } });
  await test.fill(2);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 2 });
    for await (const delivery of deliveries) await delivery.ack();
    await deliveries.closed;
  });
  assert.deepEqual(test.of("handover").map(({ traceparent }) => traceparent), [given[0], undefined]);
});

Deno.test("stalled: the loop waits on a full prefetch for more than 30 s", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 600 } });
  await test.fill(5);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { prefetch: 3, maxSeconds: 95 });
    const held: Delivery<unknown>[] = [];
    for await (const delivery of deliveries) held.push(delivery);
    assert.equal(held.length, 3);
    const stalled = test.of("stalled");
    assert.deepEqual(stalled.map(({ seconds }) => seconds), [30, 30, 30]);
    assert.deepEqual(stalled[0].queues, ["q"]);
    assert.deepEqual([...stalled[0].messageIds].sort(), held.map(({ messageId }) => messageId).sort());
    await Promise.all(held.map((delivery) => delivery.ack()));
    await deliveries.closed;
  });
});

Deno.test("stalled is not told of a loop that is busy, nor of an idle queue behind a full prefetch", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 600 } });
  await test.fill(2);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { prefetch: 1, maxSeconds: 300 });
    for await (const delivery of deliveries) {
      await test.clock.sleep(60);
      test.clock.sleep(1).then(() => delivery.ack());
    }
    await deliveries.closed;
  });
  assert.equal(test.of("stalled").length, 0);
});

Deno.test("lastPollAt says when a receive was last answered, also by nothing", async () => {
  let down = false;
  const test = setUp({
    onRequest: ({ action }) => down && action === "ReceiveMessage" ? { type: "network" } : undefined,
  });
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxSeconds: 200 });
    assert.equal(deliveries.lastPollAt, undefined);
    const over = Array.fromAsync(deliveries);
    await test.clock.sleep(65);
    assert.equal(+deliveries.lastPollAt!, +test.clock.now() - 5000);
    down = true;
    await test.clock.sleep(100);
    assert.equal(+deliveries.lastPollAt!, +test.clock.now() - 85_000, "an outage shows");
    await over;
    await deliveries.closed;
  });
});

Deno.test("requests counts what was sent, tries included", async () => {
  let count = 0;
  const test = setUp({ onRequest: () => ++count % 3 === 0 ? { type: "network" } : undefined });
  await test.fill(40);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 40, prefetch: 20 });
    for await (const delivery of deliveries) delivery.ack();
    await deliveries.closed;
    assert.equal(deliveries.requests, test.sqs.requests.count());
  });
});

Deno.test("what onEvent throws is ignored", async () => {
  const test = setUp();
  await test.fill(2);
  const broker = connect({
    ...test.sqs.connectOptions,
    onEvent() {
      throw new Error("a bug of the user's");
    },
  });
  await test.run(async () => {
    const deliveries = consume(broker, "q", { maxMessages: 2 });
    for await (const delivery of deliveries) await delivery.ack();
    await deliveries.closed;
  });
  assert.equal(test.sqs.messages("q").length, 0);
});

Deno.test("no inspector shows a secret", async () => {
  const secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
  const token = "FwoGZXIvYXdzEXAMPLETOKEN";
  const test = setUp();
  await test.fill(1);
  const broker = connect({
    ...test.sqs.connectOptions,
    credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: secret, sessionToken: token },
    onEvent: (event) => test.events.push(event),
  });
  await test.run(async () => {
    const deliveries = consume(broker, "q", { maxMessages: 1 });
    for await (const delivery of deliveries) {
      const shown = [deliveries, delivery, broker].flatMap((value) => [
        Deno.inspect(value, { depth: 20, showHidden: true }),
        inspect(value, { depth: 20, showHidden: true }),
        JSON.stringify(value),
      ]).join();
      assert.ok(!shown.includes(secret) && !shown.includes(token));
      await delivery.ack();
    }
    await deliveries.closed;
  });
  assert.ok(!JSON.stringify(test.events).includes(token));
});
