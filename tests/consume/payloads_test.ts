import assert from "node:assert/strict";
import {
  connect,
  type ConnectOptions,
  consume,
  type DashiEvent,
  get,
  json,
  kombu,
  type PayloadContext,
  type PayloadStore,
  pipe,
  receive,
  resolvePayloads,
} from "@dashi/sqs";
import { byteGate } from "@dashi/sqs/payloads";
import { DENIED, failing, setUp } from "./setup.ts";

/** A store of payloads in memory. */
function memoryStore(objects: Record<string, string>) {
  const removed: string[] = [];
  const store: PayloadStore = {
    needs: ["ExtendedPayloadSize"],
    threshold: 100,
    always: false,
    isPointer: (body) => body.startsWith("at:"),
    offload: () => Promise.reject(new Error("not here")),
    resolve(body, { lazy }) {
      const key = body.slice(3);
      const text = objects[key];
      const location = { bucket: "b", key };
      const stream = () => new Blob([text]).stream();
      if (key === "missing") return Promise.resolve({ location, stream, missing: true });
      if (text === undefined) return Promise.reject(new Error("there is no such object"));
      return Promise.resolve({ body: lazy ? undefined : text, location, stream });
    },
    cleanUp(locations) {
      removed.push(...locations.map(({ key }) => key));
      return Promise.resolve();
    },
  };
  return { store, removed };
}

/** A queue with a pointer in it, and a broker with the store. */
async function withPointer(body: string, objects: Record<string, string>, options: Parameters<typeof setUp>[0] = {}) {
  const test = setUp(options);
  const { store, removed } = memoryStore(objects);
  const broker = connect({
    ...test.sqs.connectOptions,
    codec: json(),
    payloads: store,
    onEvent: (event) => test.events.push(event),
  });
  await test.sqs.sendMessage("q", body);
  return { ...test, broker, removed };
}

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

Deno.test("a pipeline of one's own removes payloads from the store that it was given, whatever the broker has", async () => {
  const brokers = memoryStore({});
  for (const payloads of [undefined, brokers.store]) {
    const test = setUp({ connect: { payloads } });
    const { store, removed } = memoryStore({ k: "text" });
    await test.sqs.sendMessage("q", "at:k");
    await test.run(async () => {
      const source = receive(test.broker, "q", { maxMessages: 1 });
      for await (const delivery of pipe(source, resolvePayloads(store))) {
        assert.equal(delivery.body, "text");
        await delivery.ack();
      }
      await source.closed;
    });
    assert.deepEqual(removed, ["k"]);
    assert.deepEqual(brokers.removed, []);
  }
});

Deno.test("payloads of two stores whose messages are deleted together are removed each from its own", async () => {
  const test = setUp({ order: "fifo" });
  const [near, far] = [memoryStore({ k: "near" }), memoryStore({ k: "far" })];
  const elsewhere: PayloadStore = {
    ...far.store,
    isPointer: (body) => body.startsWith("far:"),
    resolve: (body, options, context) => far.store.resolve(body.replace("far:", "at:"), options, context),
  };
  for (const body of ["at:k", "far:k"]) await test.sqs.sendMessage("q", body);
  await test.run(async () => {
    const source = receive(test.broker, "q", { untilEmpty: true });
    const acks: Promise<void>[] = [];
    for await (const delivery of pipe(source, resolvePayloads(near.store), resolvePayloads(elsewhere))) {
      acks.push(delivery.ack());
    }
    await Promise.all(acks);
    await source.closed;
  });
  assert.equal(test.sqs.requests.count("DeleteMessageBatch"), 1);
  assert.deepEqual([near.removed, far.removed], [["k"], ["k"]]);
});

Deno.test("a store that fails to remove a payload, however it fails, fails no ack: an event has the error", async () => {
  const why = new Error("no bucket");
  const failures: [() => Promise<void>, Error | string][] = [
    [() => Promise.reject(why), why],
    [() => Promise.reject("no bucket"), "no bucket"],
    [() => {
      throw why;
    }, why],
  ];
  for (const [cleanUp, thrown] of failures) {
    const test = setUp();
    const payloads = { ...memoryStore({ k: "7" }).store, cleanUp };
    const broker = connect({
      ...test.sqs.connectOptions,
      codec: json(),
      payloads,
      onEvent: (e) => test.events.push(e),
    });
    await test.sqs.sendMessage("q", "at:k");
    await test.run(async () => {
      const deliveries = consume(broker, "q", { maxMessages: 1 });
      for await (const delivery of deliveries) await delivery.ack();
      await deliveries.closed;
    });
    assert.deepEqual(test.sqs.messages("q"), []);
    const [{ error }, ...others] = test.of("error");
    assert.deepEqual(others, []);
    assert.ok(error === why || error instanceof Error && error.cause === thrown);
  }
});

Deno.test("ack: none leaves a payload where it is that only stream() reads", async () => {
  for (const payloads of ["lazy", "eager"] as const) {
    const test = await withPointer("at:k", { k: '{"n":7}' });
    await test.run(async () => {
      const deliveries = consume(test.broker, "q", { maxMessages: 1, ack: "none", payloads });
      for await (const delivery of deliveries) {
        assert.deepEqual(delivery.body, payloads === "lazy" ? undefined : { n: 7 });
        assert.deepEqual(test.sqs.messages("q"), []);
        assert.equal(await new Response(delivery.stream()).text(), '{"n":7}');
      }
      await deliveries.closed;
    });
    assert.deepEqual(test.removed, payloads === "lazy" ? [] : ["k"]);
  }
});

Deno.test("a payload stays where its message was not deleted", async () => {
  const test = await withPointer("at:k", { k: "1" }, { onRequest: failing("DeleteMessageBatch", DENIED) });
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 1 });
    for await (const delivery of deliveries) await assert.rejects(delivery.ack());
    await deliveries.closed;
  });
  assert.deepEqual(test.removed, []);
});

Deno.test("a payload stays where its message is another's by the time of the ack", async () => {
  const test = await withPointer("at:k", { k: "1" }, { attributes: { VisibilityTimeout: 30 } });
  await test.run(async () => {
    const late = await get(test.broker, "q");
    await test.clock.sleep(31);
    const other = await get(test.broker, "q");
    await late!.ack(); // SQS takes the old handle, and deletes nothing
    assert.deepEqual(test.removed, []);
    assert.equal(test.count("inFlight"), 1);
    await other!.ack();
    assert.deepEqual(test.removed, ["k"]);
  });
});

Deno.test("what SQS said is not ours any more is left alone before its time is over, and so is its payload", async () => {
  const test = await withPointer("at:k", { k: "1" }, {
    attributes: { VisibilityTimeout: 30 },
    onRequest: failing("ChangeMessageVisibilityBatch", {
      type: "failed-entries",
      ids: () => true,
      code: "MessageNotInflight",
      senderFault: true,
    }),
  });
  await test.fill(1);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 2, graceSeconds: 100 });
    const held = await Array.fromAsync(deliveries);
    await test.clock.sleep(16); // a heartbeat at 15
    await assert.rejects(held[1].release(), { name: "ReceiptExpiredError" });
    await held[0].ack();
    await deliveries.closed;
  });
  assert.equal(test.sqs.requests.count("ChangeMessageVisibilityBatch"), 1);
  assert.deepEqual(test.removed, []);
});

Deno.test("get() waits until what it drops is removed, payload and all", async () => {
  const test = setUp();
  const late = { body: "1", headers: {}, "content-type": "text/plain", properties: { expiration: "1" } };
  const { store } = memoryStore({ k: JSON.stringify(late) });
  const payloads = { ...store, cleanUp: () => test.clock.sleep(3) };
  const broker = connect({ ...test.sqs.connectOptions, codec: kombu(), payloads });
  await test.sqs.sendMessage("q", "at:k");
  await test.run(async () => {
    await test.clock.sleep(1);
    assert.equal(await get(broker, "q"), undefined);
    assert.ok(test.seconds() >= 4, `after ${test.seconds()} s`);
  });
});

Deno.test("get() leaves nothing running where payloads are read ahead", async () => {
  const test = await withPointer("at:k", { k: "1" });
  const delivery = await test.run(() => get(test.broker, "q"));
  assert.equal(delivery?.body, 1);
});

Deno.test("what get() gave with a payload stays, and its ack waits until the payload is removed", async () => {
  const test = setUp();
  const { store, removed } = memoryStore({ k: "7" });
  const payloads: PayloadStore = {
    ...store,
    cleanUp: async (locations, context) => {
      await test.clock.sleep(1);
      await store.cleanUp(locations, context);
    },
  };
  const broker = connect({ ...test.sqs.connectOptions, codec: json(), payloads });
  await test.sqs.sendMessage("q", "at:k");
  await test.run(async () => {
    const delivery = await get(broker, "q");
    assert.equal(delivery?.body, 7);
    await test.clock.sleep(10); // no grace takes it back
    assert.equal(test.count("inFlight"), 1);
    await delivery.ack();
    assert.deepEqual(removed, ["k"]);
  });
});

Deno.test("payloads that can't be read or are not there keep no place from those behind them", async () => {
  const test = await withPointer("at:k", { k: "1", l: "2" });
  for (let n = 0; n < 20; n++) await test.sqs.sendMessage("q", n % 2 ? "at:missing" : "at:nothing");
  await test.sqs.sendMessage("q", "at:l");
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { prefetch: 50, maxMessages: 2, maxSeconds: 60 });
    const held = await Array.fromAsync(deliveries);
    assert.deepEqual(held.map(({ body }) => body), [1, 2]);
    await Promise.all(held.map((delivery) => delivery.ack()));
    await deliveries.closed;
  });
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

Deno.test("an ack waits for no payload that is being removed, nor fails where its store throws at once", async () => {
  for (const fails of [false, true]) {
    const test = setUp();
    const { store } = memoryStore({ k: "7" });
    const cleanUp = () => {
      if (fails) throw new Error("no");
      return test.clock.sleep(3);
    };
    const onEvent = (event: DashiEvent) => test.events.push(event);
    const broker = connect({ ...test.sqs.connectOptions, codec: json(), payloads: { ...store, cleanUp }, onEvent });
    await test.sqs.sendMessage("q", "at:k");
    await test.run(async () => {
      const deliveries = consume(broker, "q", { maxMessages: 1 });
      for await (const delivery of deliveries) await delivery.ack();
      assert.equal(test.seconds(), 0);
      await deliveries.closed;
      assert.equal(test.seconds(), fails ? 0 : 3);
    });
    assert.equal(test.of("error").length, fails ? 1 : 0);
  }
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

/** A consumer of so many pointers and a small message after them; `read` is what a download does. */
async function withDownloads(
  pointers: number,
  read: (context: PayloadContext) => Promise<void>,
  { gate, ...options }: Parameters<typeof setUp>[0] & { gate?: PayloadStore["gate"] } = {},
) {
  const test = setUp(options);
  const { store } = memoryStore({ k: '"large"' });
  const payloads: PayloadStore = {
    ...store,
    gate,
    async resolve(body, about, context) {
      await read(context);
      return await store.resolve(body, about, context);
    },
  };
  const broker = connect({ ...test.sqs.connectOptions, codec: json(), payloads });
  const { queue = "q" } = options;
  const fifo = (groupId: string) => queue.endsWith(".fifo") ? { groupId, deduplicationId: groupId } : {};
  for (let n = 0; n < pointers; n++) await test.sqs.sendMessage(queue, "at:k", fifo(`${n}`));
  await test.sqs.sendMessage(queue, '"small"', fifo("small"));
  return { ...test, deliveries: () => consume(broker, queue, { prefetch: 50, maxMessages: pointers + 1 }) };
}

Deno.test("resolvePayloads() never reads more payloads side by side than concurrency says", async () => {
  const test = setUp();
  const { store } = memoryStore({ k: "1" });
  let reading = 0;
  let most = 0;
  const slow: PayloadStore = {
    ...store,
    async resolve(body, about, context) {
      most = Math.max(most, ++reading);
      await test.clock.sleep(1);
      reading--;
      return await store.resolve(body, about, context);
    },
  };
  for (let n = 0; n < 12; n++) await test.sqs.sendMessage("q", "at:k");
  await test.run(async () => {
    const source = receive(test.broker, "q", { prefetch: 50, maxMessages: 12 });
    for await (const delivery of pipe(source, resolvePayloads(slow, { concurrency: 2 }))) await delivery.ack();
    await source.closed;
  });
  assert.equal(most, 2);
});

Deno.test("a store that never answers does not keep the loop waiting when all else is over", async () => {
  const test = setUp({ attributes: { VisibilityTimeout: 30 } });
  const store: PayloadStore = { ...memoryStore({}).store, resolve: () => new Promise(() => {}) };
  await test.sqs.sendMessage("q", "at:k");
  await test.run(async () => {
    const broker = connect({ ...test.sqs.connectOptions, payloads: store });
    const deliveries = consume(broker, "q", { untilEmpty: true, heartbeat: false });
    assert.deepEqual(await Array.fromAsync(deliveries), []);
    await deliveries.closed;
  });
  assert.equal(test.count("visible"), 1);
});

Deno.test("sixteen payloads are downloaded at once, four in a FIFO queue, and a small message passes them", async () => {
  for (const [queue, most] of [["q", 16], ["q.fifo", 4]] as const) {
    const waiting: (() => void)[] = [];
    let open = false;
    const test = await withDownloads(
      20,
      () => new Promise((resolve) => open ? resolve() : waiting.push(resolve)),
      { queue },
    );
    const seen: unknown[] = [];
    await test.run(async () => {
      const deliveries = test.deliveries();
      for await (const delivery of deliveries) {
        seen.push(delivery.body);
        if (seen.length === 1) {
          await test.clock.sleep(1);
          assert.equal(waiting.length, most);
          open = true;
          for (const resolve of waiting) resolve();
        }
        await delivery.ack();
      }
      await deliveries.closed;
    });
    assert.deepEqual(seen, ["small", ...Array(20).fill("large")]);
  }
});

Deno.test("a payload keeps its bytes until the loop takes it, and may ask for more of them", async () => {
  let inside = 0;
  const test = await withDownloads(4, async ({ gate }) => {
    const leave = await gate!.enter(4);
    leave();
    await gate!.enter(9).then((leave) => leave());
    inside++;
  }, { gate: () => byteGate(10) });
  await test.run(async () => {
    const deliveries = test.deliveries();
    let large = 0;
    for await (const delivery of deliveries) {
      if (delivery.body === "large") large++;
      await test.clock.sleep(1);
      assert.equal(inside, Math.min(4, large + 1), "one is with the loop, one waits for it");
      await delivery.ack();
    }
    assert.equal(large, 4);
    await deliveries.closed;
  });
});

Deno.test("one resolvePayloads() serves several loops, also after one that was left early", async () => {
  const { store } = memoryStore({ k: "1" });
  const transform = resolvePayloads(store, { concurrency: 1 });
  for (let loop = 0; loop < 3; loop++) {
    const test = setUp();
    for (let n = 0; n < 3; n++) await test.sqs.sendMessage("q", "at:k");
    await test.run(async () => {
      const source = receive(test.broker, "q");
      let seen = 0;
      for await (const delivery of pipe(source, transform)) {
        assert.equal(delivery.body, "1");
        await delivery.ack();
        if (++seen === 2) break;
      }
      await source.closed;
      assert.equal(seen, 2);
    });
  }
});

Deno.test("maxBytes bounds what a body is decompressed to, that of a payload and that of a small message", async () => {
  const long = "x".repeat(100_000);
  const parts = { headers: {}, properties: {}, exchange: "", routingKey: "q", messageId: "1" };
  const { body } = await kombu().encode({ body: long, contentEncoding: "gzip", ...parts });
  const { store } = memoryStore({ k: body });
  for (const [maxBytes, fits] of [[100_000, true], [99_999, false]] as const) {
    const test = setUp();
    const broker = connect({ ...test.sqs.connectOptions, codec: kombu(), payloads: { ...store, maxBytes } });
    for (const sent of [body, "at:k"]) await test.sqs.sendMessage("q", sent);
    await test.run(async () => {
      const deliveries = consume(broker, "q", { maxMessages: 2, onUndecodable: "deliver" });
      for await (const delivery of deliveries) {
        if (fits) assert.equal(delivery.body, long);
        else assert.match(delivery.error!.message, /more than 99999 bytes/);
        await delivery.ack();
      }
      await deliveries.closed;
    });
  }
});

Deno.test("ack: none does not hand over what goes back with its group on its way", async () => {
  for (const ack of ["none", "manual"] as const) {
    const test = setUp({ queue: "q.fifo", attributes: { VisibilityTimeout: 30 } });
    const { store } = memoryStore({ b: '{"n":1}' });
    const payloads: PayloadStore = {
      ...store,
      async resolve(...asked) {
        if (asked[0] === "at:a") await test.clock.sleep(1); // and then there is no such object
        return await store.resolve(...asked);
      },
    };
    const broker = connect({ ...test.sqs.connectOptions, codec: json(), payloads });
    for (const key of ["a", "b"]) {
      await test.sqs.sendMessage("q.fifo", `at:${key}`, { groupId: "g", deduplicationId: key });
    }
    await test.run(async () => {
      const deliveries = consume(broker, "q.fifo", { ack, maxSeconds: 10 });
      for await (const { body } of deliveries) {
        assert.fail(`${JSON.stringify(body)} came before the first of its group`);
      }
      await deliveries.closed;
    });
    assert.equal(test.sqs.messages("q.fifo").length, 2);
  }
});
