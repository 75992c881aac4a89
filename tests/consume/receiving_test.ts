import assert from "node:assert/strict";
import {
  type AwsError,
  connect,
  consume,
  deleteQueue,
  type Delivery,
  json,
  kombu,
  publish,
  receive,
  text,
} from "@dashi/sqs";
import { memorySqs } from "@dashi/sqs/testing";
import { DOWN, failing, keysUnless, numberOf, setUp } from "./setup.ts";

Deno.test("consume() asks nothing of SQS before it is iterated", async () => {
  const { sqs, broker, run, fill } = setUp();
  await fill(1);
  await run(async () => {
    const deliveries = consume(broker, "q");
    assert.equal(sqs.requests.count(), 0);
    await deliveries.stop();
    await deliveries.closed;
  });
  assert.equal(sqs.requests.count(), 0);
});

Deno.test("consume() polls for 20 s by default, and for as long as it is told", async () => {
  for (const [waitTimeSeconds, expected] of [[undefined, 20], [0, 0], [7, 7]] as const) {
    const { broker, inputs, of, run } = setUp();
    await run(() => Array.fromAsync(consume(broker, "q", { waitTimeSeconds, untilEmpty: true })));
    assert.equal(inputs("ReceiveMessage")[0].WaitTimeSeconds, expected);
    assert.equal(of("receive")[0].seconds, expected);
  }
});

Deno.test("pollingInterval is added to the wait, after an empty answer only", async () => {
  const { broker, sqs, run, fill, clock } = setUp();
  await fill(30);
  await run(async () => {
    const deliveries = consume(broker, "q", { pollingInterval: 10, maxSeconds: 100 });
    for await (const delivery of deliveries) delivery.ack();
    await deliveries.closed;
  });
  const at = sqs.requests.list.filter(({ action }) => action === "ReceiveMessage")
    .map(({ at }) => (+at - (+clock.now() - 100_000)) / 1000);
  assert.deepEqual(at.filter((second) => second > 0), [30, 60, 90]);
});

Deno.test("an idle queue without a long poll is asked ten times a second at the most", async () => {
  const { broker, sqs, run } = setUp();
  await run(() => Array.fromAsync(consume(broker, "q", { waitTimeSeconds: 0, maxSeconds: 10 })));
  const receives = sqs.requests.count("ReceiveMessage");
  assert.ok(receives > 90 && receives <= 101, `${receives} receives`);
});

Deno.test("a receive asks for no more than ten, the free slots, and the budget allow", async () => {
  for (const [options, expected] of [[{ prefetch: 100 }, 10], [{ prefetch: 3 }, 3], [{ maxMessages: 4 }, 4]] as const) {
    const { broker, inputs, run, fill } = setUp();
    await fill(40);
    await run(async () => {
      const deliveries = consume(broker, "q", options);
      for await (const delivery of deliveries) {
        await delivery.ack();
        break;
      }
      await deliveries.closed;
    });
    assert.equal(inputs("ReceiveMessage")[0].MaxNumberOfMessages, expected);
  }
});

Deno.test("several receives go side by side while full batches come back, one when idle", async () => {
  const { sqs, run, fill, clock } = setUp({
    onRequest: failing("ReceiveMessage", { type: "slow", seconds: 1 }),
  });
  await fill(400);
  let underway = 0;
  let most = 0;
  const idle: number[] = [];
  const slow = connect({
    ...sqs.connectOptions,
    codec: json(),
    http: {
      async fetch(request) {
        if (!request.headers.get("x-amz-target")?.endsWith("ReceiveMessage")) return await sqs.fetch(request);
        most = Math.max(most, ++underway);
        if (!sqs.messages("q").length) idle.push(underway);
        return await sqs.fetch(request).finally(() => underway--);
      },
    },
  });
  await run(async () => {
    const deliveries = consume(slow, "q", { prefetch: 0, maxSeconds: 200 });
    const began = +clock.now();
    let seen = 0;
    let drainedAfter = Infinity;
    for await (const delivery of deliveries) {
      delivery.ack();
      if (++seen === 400) drainedAfter = (+clock.now() - began) / 1000;
    }
    await deliveries.closed;
    assert.ok(drainedAfter < 15, `40 receives of 1 s took ${drainedAfter} s`);
  });
  assert.equal(most, 8);
  assert.equal(idle.at(-1), 1);
});

Deno.test("FIFO receives carry a ReceiveRequestAttemptId, and others none", async () => {
  for (const queue of ["q", "q.fifo"]) {
    const { broker, inputs, run, fill } = setUp({ queue });
    await fill(3, queue);
    await run(async () => {
      const deliveries = consume(broker, queue, { untilEmpty: true });
      for await (const delivery of deliveries) await delivery.ack();
      await deliveries.closed;
    });
    const ids = inputs("ReceiveMessage").map(({ ReceiveRequestAttemptId }) => ReceiveRequestAttemptId);
    assert.equal(new Set(ids).size, queue === "q" ? 1 : ids.length);
    assert.equal(ids[0] !== undefined, queue !== "q");
  }
});

Deno.test("a FIFO receive whose answer was lost is asked again with its id, and gets the same messages", async () => {
  const { broker, inputs, run, fill, of } = setUp({
    queue: "q.fifo",
    onRequest: failing("ReceiveMessage", { type: "lost-answer" }, ({ attempt }) => attempt === 1),
  });
  await fill(3, "q.fifo");
  const seen: number[] = [];
  await run(async () => {
    const deliveries = consume(broker, "q.fifo", { maxMessages: 3 });
    for await (const delivery of deliveries) {
      assert.equal(delivery.receiveCount, 1);
      seen.push(numberOf(delivery));
      await delivery.ack();
    }
    await deliveries.closed;
  });
  assert.deepEqual(seen, [0, 1, 2]);
  assert.equal(of("poll-failed").length, 1);
  const [first, second] = inputs("ReceiveMessage");
  assert.equal(first.ReceiveRequestAttemptId, second.ReceiveRequestAttemptId);
});

Deno.test("a receive asked again with its id never brings more than there are slots", async () => {
  const { broker, sqs, run, fill, clock, count } = setUp({
    queue: "a.fifo",
    attributes: { VisibilityTimeout: 600 },
    onRequest: failing(
      "ReceiveMessage",
      { type: "lost-answer" },
      ({ queue, attempt }) => queue === "a.fifo" && attempt < 3,
    ),
  });
  sqs.createQueue("b.fifo", { VisibilityTimeout: 600 });
  await fill(10, "a.fifo");
  for (let n = 0; n < 8; n++) await fill(1, "b.fifo", { groupId: `${n}` });
  await run(async () => {
    const held: Delivery<unknown>[] = [];
    const deliveries = consume(broker, ["a.fifo", "b.fifo"], { prefetch: 10, maxSeconds: 100 });
    for await (const delivery of deliveries) {
      held.push(delivery);
      if (held.length === 10) await clock.sleep(20);
    }
    assert.ok(held.length <= 10, `${held.length} held`);
    for (const delivery of held) delivery.ack();
    await deliveries.closed;
  });
  assert.equal(count("inFlight", "b.fifo"), 0);
});

Deno.test("a receive carries a visibility timeout only where the user set one", async () => {
  const { broker, inputs, run, sqs } = setUp();
  await run(() => Array.fromAsync(consume(broker, "q", { untilEmpty: true })));
  assert.equal(inputs("ReceiveMessage")[0].VisibilityTimeout, undefined);
  assert.deepEqual(inputs("GetQueueAttributes")[0].AttributeNames.includes("VisibilityTimeout"), true);
  for (const visibilityTimeout of [0, 120]) {
    sqs.requests.clear();
    await run(() => Array.fromAsync(consume(broker, "q", { untilEmpty: true, visibilityTimeout })));
    assert.equal(inputs("ReceiveMessage")[0].VisibilityTimeout, visibilityTimeout);
    assert.equal(sqs.requests.count("GetQueueAttributes"), 0);
  }
});

Deno.test("the broker's visibilityTimeout and waitTimeSeconds go with each receive too", async () => {
  const { broker, inputs, run } = setUp({ connect: { visibilityTimeout: 77, waitTimeSeconds: 7 } });
  await run(() => Array.fromAsync(consume(broker, "q", { untilEmpty: true })));
  const [{ VisibilityTimeout, WaitTimeSeconds }] = inputs("ReceiveMessage");
  assert.deepEqual([VisibilityTimeout, WaitTimeSeconds], [77, 7]);
});

Deno.test("the queue's own visibility timeout is read once for all consumers of five minutes", async () => {
  const { broker, sqs, run, clock } = setUp();
  await run(async () => {
    for (let n = 0; n < 3; n++) await Array.fromAsync(consume(broker, "q", { untilEmpty: true }));
    assert.equal(sqs.requests.count("GetQueueAttributes"), 1);
    await clock.sleep(300);
    await Array.fromAsync(consume(broker, "q", { untilEmpty: true }));
    assert.equal(sqs.requests.count("GetQueueAttributes"), 2);
  });
});

Deno.test("a queue that was deleted and made anew is known by what it has now", async () => {
  const { broker, sqs, run, clock, count } = setUp({ attributes: { VisibilityTimeout: 600 } });
  await run(async () => {
    const first = consume(broker, "q");
    const ended = assert.rejects(first[Symbol.asyncIterator]().next(), { name: "DoesNotExistQueueError" });
    await clock.sleep(5);
    await deleteQueue(connect(sqs.connectOptions), "q");
    await ended;
    await first.closed;
    await clock.sleep(60);
    const deadLetterTargetArn = "arn:aws:sqs:us-east-1:000000000000:dead";
    sqs.createQueue("dead");
    sqs.createQueue("q", {
      VisibilityTimeout: 30,
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 5 }),
    });
    await sqs.sendMessage("q", "1");
    const second = consume(broker, "q", { maxMessages: 1 });
    for await (const delivery of second) {
      await clock.sleep(100);
      assert.equal(count("inFlight"), 1, "a heartbeat keeps it, in time for the timeout of now");
      await delivery.reject();
    }
    await second.closed;
  });
  assert.equal(sqs.messages("q").length, 1, "on its way to the dead-letter queue that it has now");
});

Deno.test("the attributes that features need are always asked for, and more as the user says", async () => {
  const base = ["ApproximateReceiveCount", "SentTimestamp", "MessageGroupId"];
  const cases = [
    [undefined, base, undefined],
    [["SenderId"], [...base, "SenderId"], undefined],
    [{ system: ["AWSTraceHeader"], message: ["trace"] }, [...base, "AWSTraceHeader"], ["trace"]],
    [{ system: ["All"], message: ["All"] }, ["All"], ["All"]],
    [{ system: "All" }, ["All"], undefined],
    [{ message: "All" }, base, ["All"]],
  ] as const;
  for (const [fetchAttributes, system, message] of cases) {
    const { broker, inputs, run } = setUp({ connect: { fetchAttributes, codec: kombu() } });
    await run(() => Array.fromAsync(consume(broker, "q", { untilEmpty: true })));
    const [input] = inputs("ReceiveMessage");
    assert.deepEqual(input.MessageSystemAttributeNames ?? input.AttributeNames, system);
    assert.deepEqual(input.MessageAttributeNames, message);
  }
});

for (const [name, codec] of Object.entries({ json: json(), text: text() })) {
  Deno.test(`${name}() gives headers, properties and expiration back, with nothing asked of the broker for it`, async () => {
    const test = setUp({ connect: { codec } });
    await test.run(async () => {
      const headers = { tenant: "a" };
      await publish(test.broker, "one", { queue: "q", headers, properties: { correlation_id: "c" }, expiration: 60 });
      const [delivery] = await Array.fromAsync(consume(test.broker, "q", { maxMessages: 1 }));
      assert.deepEqual(delivery.headers, headers);
      assert.deepEqual(delivery.properties, { correlation_id: "c", expiration: "60000" });
      await delivery.ack();
      await publish(test.broker, "late", { queue: "q", expiration: 5 });
      await test.clock.sleep(10);
      assert.deepEqual(await Array.fromAsync(consume(test.broker, "q", { untilEmpty: true })), []);
    });
    assert.deepEqual(test.of("drop").map(({ reason }) => reason), ["expired"]);
  });
}

Deno.test("a codec gets the message attributes that it needs", async () => {
  const codec = {
    ...json(),
    needs: ["kind"],
    decode: ({ messageAttributes }: { messageAttributes: Readonly<Record<string, unknown>> }) => ({
      body: messageAttributes.kind,
    }),
  };
  const { broker, sqs, run } = setUp();
  await sqs.sendMessage("q", "{}", { messageAttributes: { kind: { DataType: "String", StringValue: "order" } } });
  await run(async () => {
    const [delivery] = await Array.fromAsync(consume(broker, "q", { maxMessages: 1, codec }));
    assert.equal(delivery.body, "order");
    await delivery.ack();
  });
});

Deno.test("message attributes arrive typed", async () => {
  const { broker, sqs, run } = setUp({ connect: { fetchAttributes: { message: ["All"] } } });
  await sqs.sendMessage("q", "{}", {
    messageAttributes: {
      text: { DataType: "String", StringValue: "a" },
      count: { DataType: "Number", StringValue: "1.5" },
      bytes: { DataType: "Binary", BinaryValue: "AQI=" },
    },
  });
  await run(async () => {
    const [delivery] = await Array.fromAsync(consume(broker, "q", { maxMessages: 1 }));
    assert.deepEqual({ ...delivery.messageAttributes }, { text: "a", count: 1.5, bytes: new Uint8Array([1, 2]) });
    assert.ok(Object.isFrozen(delivery.messageAttributes));
    await delivery.ack();
  });
});

Deno.test("a delivery has all that SQS said of its message", async () => {
  const { broker, run, fill, clock, sqs } = setUp({ queue: "q.fifo" });
  await fill(1, "q.fifo", { groupId: "blue" });
  await run(async () => {
    const sent = +clock.now();
    await clock.sleep(5);
    const [delivery] = await Array.fromAsync(consume(broker, "q.fifo", { maxMessages: 1 }));
    const { raw } = delivery;
    assert.equal(delivery.queue, "q.fifo");
    assert.match(delivery.queueUrl, /\/q\.fifo$/);
    assert.equal(delivery.messageId, sqs.messages("q.fifo")[0].messageId);
    assert.equal(delivery.receiptHandle, raw.ReceiptHandle);
    assert.deepEqual([delivery.receiveCount, delivery.redelivered], [1, false]);
    assert.equal(delivery.groupId, "blue");
    assert.equal(+delivery.sentAt, sent);
    assert.equal(delivery.attributes.ApproximateReceiveCount, "1");
    assert.equal(raw.Body, '{"n":0}');
    assert.deepEqual({ ...delivery.headers }, {});
    assert.equal(await new Response(delivery.stream()).text(), raw.Body);
    await delivery.release();
    const [again] = await Array.fromAsync(consume(broker, "q.fifo", { maxMessages: 1 }));
    assert.deepEqual([again.receiveCount, again.redelivered], [2, true]);
    await again.ack();
  });
});

Deno.test("consume() goes on for ever over outages, with a backoff of at most 30 s", async () => {
  const { broker, run, of, fill } = setUp({
    onRequest: failing("ReceiveMessage", DOWN, ({ attempt }) => attempt <= 300),
  });
  await fill(1);
  await run(async () => {
    const deliveries = consume(broker, "q", { maxMessages: 1 });
    for await (const delivery of deliveries) await delivery.ack();
    await deliveries.closed;
  });
  const delays = of("poll-failed").map(({ delay }) => delay);
  assert.equal(delays.length, 300);
  assert.ok(delays.every((delay) => delay >= 0 && delay <= 30));
  assert.ok(Math.max(...delays) > 25 && new Set(delays).size > 250, "they grow and are spread");
});

Deno.test("what is told to wait is broken answers, throttling, resets and proxies alike", async () => {
  const faults = [
    { type: "html" },
    { type: "truncated" },
    { type: "network" },
    { type: "error", code: "RequestThrottled" },
    { type: "error", code: "OverLimit" },
    { type: "empty" },
    { type: "slow", seconds: 300 },
  ] as const;
  for (const fault of faults) {
    const { broker, run, of, fill } = setUp({
      attributes: { VisibilityTimeout: 5 },
      onRequest: failing("ReceiveMessage", fault, ({ attempt }) => attempt <= 2),
    });
    await fill(1);
    await run(async () => {
      const deliveries = consume(broker, "q", { maxMessages: 1 });
      for await (const delivery of deliveries) await delivery.ack();
      await deliveries.closed;
    });
    assert.equal(of("poll-failed").length, 2, fault.type);
  }
});

Deno.test("a credential provider that throws is asked again where it had keys before, else it ends the iteration", async () => {
  // The look-up of the queue, that of its attributes, the first receive; a receive of an idle queue.
  for (const at of [1, 2, 3, 4]) {
    let asked = 0;
    const test = setUp({ connect: { credentials: keysUnless(() => ++asked === at) } });
    await test.run(async () => {
      const deliveries = consume(test.broker, "q", { maxSeconds: 60 });
      const read = Array.fromAsync(deliveries);
      if (at < 4) await assert.rejects(read, { message: "the secret store is out of reach" });
      else await read;
      await deliveries.closed;
      assert.equal(deliveries.requests, test.sqs.requests.count(), "only what was sent is counted");
    });
    assert.deepEqual([test.of("error").length, test.of("poll-failed").length], at < 4 ? [1, 0] : [0, 1]);
  }
});

Deno.test("a queue whose name is not free yet is made as soon as it is", async () => {
  const { broker, run, of, sqs } = setUp({ connect: { createMissing: true } });
  await run(async () => {
    await deleteQueue(broker, "q");
    const deliveries = consume(broker, "q", { maxSeconds: 120 });
    await Array.fromAsync(deliveries);
    await deliveries.closed;
  });
  assert.ok(of("poll-failed").some(({ error }) => (error as AwsError).awsCode === "QueueDeletedRecently"));
  assert.ok(of("receive").length > 0);
  assert.deepEqual(sqs.queueNames, ["q"]);
});

Deno.test("a queue that can't be looked up for a while is looked up again", async () => {
  for (const action of ["GetQueueUrl", "GetQueueAttributes"]) {
    const { broker, run, of, fill } = setUp({ onRequest: failing(action, DOWN, ({ attempt }) => attempt <= 20) });
    await fill(1);
    await run(async () => {
      const deliveries = consume(broker, "q", { maxMessages: 1 });
      for await (const delivery of deliveries) await delivery.ack();
      await deliveries.closed;
    });
    assert.ok(of("poll-failed").length >= 6, action);
  }
});

Deno.test("receive() yields bodies as they came", async () => {
  const { broker, run, fill } = setUp();
  await fill(1);
  await run(async () => {
    const source = receive(broker, "q", { maxMessages: 1 });
    for await (const delivery of source) {
      assert.equal(delivery.body, '{"n":0}');
      await delivery.ack();
    }
    await source.closed;
  });
});

Deno.test("a wrong option is a ConfigError at once, with its name", () => {
  const broker = connect(memorySqs().connectOptions);
  const wrong: [string, unknown][] = [
    ["prefetch", -1],
    ["prefetch", 1.5],
    ["polls", 0],
    ["waitTimeSeconds", 21],
    ["ack", "later"],
    ["ackLinger", "0.2"],
    ["ackLinger", -1],
    ["strategy", "random"],
    ["onUndecodable", "delete"],
    ["payloads", "slow"],
    ["maxMessages", 0],
    ["maxSeconds", -1],
    ["maxRequests", 0],
    ["graceSeconds", NaN],
    ["visibilityTimeout", 43201],
    ["backoff", 5],
    ["backoff.2", { 2: -1 }],
    ["backoff.first", { first: 10 }],
    ["backoff.0", { 0: 10 }],
    ["backoff.1.5", { 1.5: 10 }],
    ["backoff", [10, 20]],
    ["schema", {}],
    ["prefetsch", 1],
    ["signal", new AbortController()],
  ];
  for (const [path, value] of wrong) {
    const options = { [path.split(".")[0]]: value };
    assert.throws(() => consume(broker, "q", options), (error: Error) => {
      assert.equal(error.name, "ConfigError");
      assert.ok(error.message.includes(`'${path}'`), error.message);
      return true;
    });
  }
  for (
    const queues of [[], "", [""], [{ queue: "q", weight: 0 }], [{ queue: "q", weight: Infinity }], [{
      queue: "q",
      priority: "high",
    }], [{
      queue: "q",
      prio: 1,
    }], undefined]
  ) {
    assert.throws(() => consume(broker, queues as string), { name: "ConfigError" });
  }
});
