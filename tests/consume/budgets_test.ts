import assert from "node:assert/strict";
import { connect, consume, type ConsumeOptions, forEach, type PayloadContext, type PayloadStore } from "@dashi/sqs";
import type { Fault, FaultCall } from "@dashi/sqs/testing";
import { wrongClock } from "../support/wrong_clock.ts";
import { failing, setUp } from "./setup.ts";

Deno.test("maxMessages hands out so many, and takes no more", async () => {
  for (const maxMessages of [1, 10, 37]) {
    const test = setUp();
    await test.fill(100);
    await test.run(async () => {
      const deliveries = consume(test.broker, "q", { maxMessages, prefetch: 20 });
      let seen = 0;
      for await (const delivery of deliveries) {
        seen++;
        await delivery.ack();
      }
      assert.equal(seen, maxMessages);
      await deliveries.closed;
    });
    assert.equal(test.sqs.messages("q").length, 100 - maxMessages);
    assert.ok(test.sqs.messages("q").every(({ receiveCount }) => receiveCount === 0), "none was taken in vain");
  }
});

Deno.test("maxMessages does not count what is dropped", async () => {
  const test = setUp();
  for (let n = 0; n < 5; n++) await test.sqs.sendMessage("q", "{");
  await test.fill(3);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxMessages: 3 });
    const list = await Array.fromAsync(deliveries);
    assert.equal(list.length, 3);
    for (const delivery of list) delivery.ack();
    await deliveries.closed;
  });
});

Deno.test("maxSeconds ends in time, polls included", async () => {
  const test = setUp();
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxSeconds: 50 });
    assert.deepEqual(await Array.fromAsync(deliveries), []);
    await deliveries.closed;
  });
  assert.equal(test.seconds(), 50);
  assert.deepEqual(test.inputs("ReceiveMessage").map(({ WaitTimeSeconds }) => WaitTimeSeconds), [20, 20, 10]);
});

Deno.test("maxSeconds that were over while the machine slept end it with the next receive", async () => {
  const test = setUp();
  const { clock } = test;
  let slept = 0;
  const broker = connect({
    ...test.sqs.connectOptions,
    clock: wrongClock(clock, () => slept),
  });
  await test.run(async () => {
    const deliveries = consume(broker, "q", { maxSeconds: 3000 });
    clock.sleep(50).then(() => slept = 3_600_000); // timers stand still meanwhile
    for await (const _ of deliveries);
    await deliveries.closed;
  });
  assert.ok(test.seconds() <= 60, `${test.seconds()} s`);
});

Deno.test("maxSeconds also ends a loop that is busy when it asks for the next", async () => {
  const test = setUp();
  await test.fill(10);
  let seen = 0;
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxSeconds: 5 });
    for await (const delivery of deliveries) {
      seen++;
      await test.clock.sleep(2);
      await delivery.ack();
    }
    await deliveries.closed;
  });
  assert.equal(seen, 3);
  assert.equal(test.count("visible"), 7);
});

for (const maxRequests of [1, 2, 3, 4, 5, 10, 50]) {
  Deno.test(`maxRequests: ${maxRequests} keeps within, the last acks counted`, async () => {
    for (const settle of ["each", "batched", "none", "slow"]) {
      const test = setUp({ attributes: { VisibilityTimeout: 20 } });
      await test.fill(100);
      let seen = 0;
      await test.run(async () => {
        const deliveries = consume(test.broker, "q", { maxRequests, prefetch: 10 });
        for await (const delivery of deliveries) {
          seen++;
          if (settle === "each") await delivery.ack();
          if (settle === "batched") delivery.ack();
          if (settle === "slow") {
            await test.clock.sleep(18);
            if (!delivery.signal.aborted) await delivery.ack();
          }
        }
        await deliveries.closed;
        assert.equal(deliveries.requests, test.sqs.requests.count());
      });
      assert.ok(test.sqs.requests.count() <= maxRequests, `${settle}: ${test.sqs.requests.count()} requests`);
      if (maxRequests >= 4) assert.ok(seen >= 1, `${settle}: nothing was handed out`);
    }
  });
}

Deno.test("maxRequests counts the requests of the look-up, and their retries", async () => {
  const test = setUp({ onRequest: failing("GetQueueUrl", { type: "network" }, ({ attempt }) => attempt < 3) });
  await test.fill(20);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxRequests: 8 });
    const list = await Array.fromAsync(deliveries);
    assert.equal(list.length, 3); // 3 + 1 to look it up, 1 to receive, 3 to ack
    await Promise.all(list.map((delivery) => delivery.ack()));
    await deliveries.closed;
  });
  assert.ok(test.sqs.requests.count() <= 8);
});

/** A store of payloads that says when it asks for one, or removes some. */
function countedStore(): { store: PayloadStore; requests(): number } {
  let requests = 0;
  const ask = async ({ onAttempt }: PayloadContext) => {
    for (let turn = 0; turn < 20; turn++) await null; // as to sign takes its time
    requests++;
    onAttempt?.();
  };
  const store: PayloadStore = {
    threshold: 1e6,
    always: false,
    isPointer: () => true,
    offload: () => Promise.reject(new Error("not here")),
    async resolve(body, _, context) {
      await ask(context);
      return { body, location: { bucket: "b", key: body }, stream: () => new Blob([body]).stream() };
    },
    cleanUp: (_, context) => ask(context),
  };
  return { store, requests: () => requests };
}

for (const maxRequests of [2, 4, 6, 7, 10, 20, 50]) {
  Deno.test(`maxRequests: ${maxRequests} keeps within, payloads and their removal counted`, async () => {
    const ways: ConsumeOptions[] = [{}, { ack: "auto" }, { ack: "none" }, { prefetch: 40 }];
    for (const options of ways) {
      const { store, requests } = countedStore();
      const test = setUp({ connect: { payloads: store } });
      await test.fill(100);
      let seen = 0;
      await test.run(async () => {
        const deliveries = consume(test.broker, "q", { maxRequests, untilEmpty: true, ...options });
        for await (const delivery of deliveries) {
          seen++;
          if (!options.ack) delivery.ack();
        }
        await deliveries.closed;
        assert.equal(deliveries.requests, test.sqs.requests.count() + requests());
      });
      assert.ok(test.sqs.requests.count() + requests() <= maxRequests);
      if (maxRequests >= 6) assert.ok(seen >= 1, "nothing was handed out");
    }
  });
}

Deno.test("maxRequests ends no iteration whose messages are still on their way to the loop", async () => {
  const { store, requests } = countedStore();
  const test = setUp({ connect: { payloads: store } });
  await test.fill(100);
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxRequests: 50, prefetch: 40 });
    const { acked } = await forEach(deliveries, () => {});
    // 15 are all that could be taken if each took as many requests as it may: their acks leave in batches.
    assert.ok(acked > 20, `${acked} acked`);
    await deliveries.closed;
  });
  assert.ok(test.sqs.requests.count() + requests() <= 50);
});

for (const maxRequests of [4, 5, 7, 10, 20]) {
  Deno.test(`maxRequests: ${maxRequests} keeps within where messages lapse in slow hands, which ack them all the same`, async () => {
    for (const payloads of [false, true]) {
      const { store, requests } = countedStore();
      const test = setUp({ attributes: { VisibilityTimeout: 2 }, connect: { payloads: payloads ? store : undefined } });
      await test.fill(100);
      await test.run(async () => {
        const deliveries = consume(test.broker, "q", { maxRequests, prefetch: 30, maxSeconds: 100, graceSeconds: 10 });
        await forEach(deliveries, () => test.clock.sleep(5));
        await deliveries.closed;
      });
      const count = test.sqs.requests.count() + requests();
      assert.ok(count <= maxRequests, `${count} requests`);
    }
  });
}

Deno.test("maxRequests is made use of: what was kept for a removal, or for what lapsed in no hands, comes back", async () => {
  for (const payloads of [true, false]) {
    const { store, requests } = countedStore();
    const test = setUp({ attributes: { VisibilityTimeout: 2 }, connect: { payloads: payloads ? store : undefined } });
    await test.fill(100);
    await test.run(async () => {
      const deliveries = consume(test.broker, "q", { maxRequests: 50, heartbeat: payloads });
      for await (const delivery of deliveries) {
        await delivery.ack();
        if (!payloads) await test.clock.sleep(3); // nine lapse in the buffer
      }
      await deliveries.closed;
    });
    const count = test.sqs.requests.count() + requests();
    assert.ok(count >= 47 && count <= 50, `${count} requests`);
  }
});

for (const maxRequests of [1, 2, 5, 9, 12, 20, 30]) {
  Deno.test(`maxRequests: ${maxRequests} keeps within while five queues are looked up`, async () => {
    const test = setUp();
    const names = ["q", "a", "b", "c", "d"];
    for (const name of names) {
      if (name !== "q") test.sqs.createQueue(name);
      await test.fill(20, name);
    }
    let seen = 0;
    await test.run(async () => {
      const deliveries = consume(test.broker, names, { maxRequests, prefetch: 30 });
      for await (const delivery of deliveries) {
        seen++;
        await delivery.ack();
      }
      await deliveries.closed;
    });
    assert.ok(test.sqs.requests.count() <= maxRequests, `${test.sqs.requests.count()} requests`);
    if (maxRequests >= 12) assert.ok(seen >= 1, "nothing was handed out");
  });
}

Deno.test("maxRequests counts what a provider of keys asks, and so do both counts of requests", async () => {
  const test = setUp();
  await test.fill(20);
  let requests = 0;
  const { http } = test.sqs.connectOptions;
  const broker = connect({
    ...test.sqs.connectOptions,
    credentials: async ({ fetch }) => {
      await fetch(new Request("http://keys.test/"));
      return { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "a-secret" };
    },
    http: {
      fetch: (request) => {
        requests++;
        return request.url === "http://keys.test/" ? Promise.resolve(new Response()) : http!.fetch!(request);
      },
    },
  });
  await test.run(async () => {
    const deliveries = consume(broker, "q", { maxRequests: 20 });
    await forEach(deliveries, () => {});
    await deliveries.closed;
    assert.equal(deliveries.requests, requests);
  });
  assert.equal(broker.requests, requests);
  assert.ok(requests <= 20, `${requests} requests`);
});

Deno.test("maxRequests on an idle queue ends after so many waits", async () => {
  const test = setUp();
  await test.run(async () => {
    const deliveries = consume(test.broker, "q", { maxRequests: 10 });
    await Array.fromAsync(deliveries);
    await deliveries.closed;
  });
  assert.ok(test.sqs.requests.count() >= 8 && test.sqs.requests.count() <= 10, `${test.sqs.requests.count()}`);
});

Deno.test("untilEmpty ends after an empty receive of every queue", async () => {
  const test = setUp();
  test.sqs.createQueue("b");
  await test.fill(25);
  await test.fill(12, "b");
  await test.run(async () => {
    const deliveries = consume(test.broker, ["q", "b"], { untilEmpty: true, waitTimeSeconds: 2 });
    const result = await forEach(deliveries, () => {});
    assert.equal(result.acked, 37);
    await deliveries.closed;
  });
});

Deno.test("untilEmpty on an empty queue asks once", async () => {
  const test = setUp();
  await test.run(() => Array.fromAsync(consume(test.broker, "q", { untilEmpty: true })));
  assert.equal(test.sqs.requests.count("ReceiveMessage"), 1);
});

for (const ack of ["manual", "auto", "none", "forEach"] as const) {
  Deno.test(`untilEmpty on FIFO is not misled by an answer that is late, nor by one beside others (${ack})`, async () => {
    for (const waitTimeSeconds of [0, 1, 2]) {
      for (const prefetch of [0, 3, 30]) {
        const onRequest = ({ sequence }: FaultCall): Fault => ({ type: "slow", seconds: (sequence * 7919 % 13) / 4 });
        const test = setUp({ queue: "q.fifo", onRequest });
        await test.fill(45, "q.fifo");
        await test.run(async () => {
          const mode = ack === "forEach" ? "manual" : ack;
          const options = { untilEmpty: true, waitTimeSeconds, prefetch, ack: mode } as const;
          const deliveries = consume(test.broker, "q.fifo", options);
          if (ack === "forEach") await forEach(deliveries, () => test.clock.sleep(0.7));
          else for await (const delivery of deliveries) if (ack === "manual") await delivery.ack();
          await deliveries.closed;
        });
        assert.equal(test.sqs.messages("q.fifo").length, 0, `wait ${waitTimeSeconds}, prefetch ${prefetch}`);
      }
    }
  });
}

Deno.test("untilEmpty on FIFO does not take a group that waits for us for an empty queue", async () => {
  const test = setUp({ queue: "q.fifo" });
  for (let n = 0; n < 35; n++) await test.fill(1, "q.fifo", { groupId: "one" });
  await test.run(async () => {
    const deliveries = consume(test.broker, "q.fifo", { untilEmpty: true, waitTimeSeconds: 1, prefetch: 15 });
    const { acked } = await forEach(deliveries, () => test.clock.sleep(5));
    assert.equal(acked, 35);
    await deliveries.closed;
  });
});

Deno.test("untilEmpty on FIFO ends though the loop keeps what it was given", async () => {
  const test = setUp({ queue: "q.fifo" });
  for (const groupId of ["a", "b"]) await test.fill(2, "q.fifo", { groupId });
  await test.run(async () => {
    const deliveries = consume(test.broker, "q.fifo", { untilEmpty: true, waitTimeSeconds: 1, maxSeconds: 60 });
    const kept = await Array.fromAsync(deliveries);
    assert.ok(deliveries.requests < 10, `${deliveries.requests} requests`);
    await Promise.all(kept.map((delivery) => delivery.ack()));
    await deliveries.closed;
  });
});

for (const [how, waits] of [["ack: auto", [0]], ["acks that nobody awaits", [0]], ["forEach", [0, 1]]] as const) {
  for (const waitTimeSeconds of waits) {
    Deno.test(`untilEmpty on FIFO is not misled by a receive that raced an ack: ${how}, a wait of ${waitTimeSeconds} s`, async () => {
      for (let seed = 1; seed <= 5; seed++) {
        const onRequest = ({ sequence }: { sequence: number }) =>
          ({ type: "slow", seconds: ((sequence * seed * 7919) % 13) / 50 }) as const;
        const test = setUp({ queue: "q.fifo", seed, onRequest });
        for (let n = 0; n < 45; n++) await test.fill(1, "q.fifo", { groupId: `${n % 2}` });
        let seen = 0;
        const work = () => {
          seen++;
          return test.clock.sleep(0.3);
        };
        await test.run(async () => {
          const ack = how === "ack: auto" ? "auto" : "manual";
          const deliveries = consume(test.broker, "q.fifo", { untilEmpty: true, waitTimeSeconds, ack, prefetch: 5 });
          if (how === "forEach") await forEach(deliveries, work);
          else {
            for await (const delivery of deliveries) {
              await work();
              if (ack === "manual") delivery.ack();
            }
          }
          await deliveries.closed;
        });
        assert.equal(seen, 45, `seed ${seed}`);
      }
    });
  }
}
