/** How publishAll() reads its source, how far ahead, and how it ends. */
import assert from "node:assert/strict";
import { kombu } from "../../lib/codec/kombu.ts";
import { text } from "../../lib/codec/text.ts";
import { connect } from "../../lib/connect.ts";
import { ConfigError } from "../../lib/errors.ts";
import type { PublishInput, PublishResult } from "../../lib/publish/options.ts";
import { publishAll } from "../../lib/publish/publish_all.ts";
import { publishMany } from "../../lib/publish/publish_many.ts";
import { numbered, setUpAll } from "./setup.ts";

Deno.test("publishAll() does nothing before the first next()", async () => {
  const { broker, sqs } = setUpAll();
  let read = 0;
  const source = {
    [Symbol.iterator]() {
      read++;
      return numbered(1)[Symbol.iterator]();
    },
  };
  const results = publishAll(broker, source, { queue: "orders" });
  await Promise.resolve();
  assert.deepEqual([read, sqs.requests.count()], [0, 0]);
  assert.equal((await results.next()).value!.sent[0].queue, "orders");
  assert.deepEqual([read, sqs.requests.count("SendMessageBatch")], [1, 1]);
  assert.equal((await results.next()).done, true);
});

Deno.test("publishAll() asks its source for one input at a time", async () => {
  const { many, sqs } = setUpAll();
  let left = 5;
  let asked = 0;
  const source: AsyncIterable<PublishInput> = {
    [Symbol.asyncIterator]: () => ({
      async next() {
        assert.equal(asked++, 0);
        await sqs.clock.sleep(1);
        asked--;
        return left-- ? { done: false, value: { body: "a" } } : { done: true, value: undefined };
      },
    }),
  };
  assert.deepEqual((await many(source)).map(({ error }) => error), new Array(5).fill(undefined));
});

Deno.test("publishAll() reads a source that gives any thenable", async () => {
  const { many, held } = setUpAll();
  const bodies = ["a", "b"];
  const source = {
    [Symbol.asyncIterator]: () => ({
      next() {
        const body = bodies.shift();
        const result = { done: body === undefined, value: { body } };
        return { then: (done: (value: unknown) => void) => done(result) };
      },
    }),
  };
  const results = await many(source as unknown as AsyncIterable<PublishInput>);
  assert.deepEqual(results.map(({ error }) => error), [undefined, undefined]);
  assert.deepEqual(held("orders").toSorted(), ["a", "b"]);
});

Deno.test("publishAll() refuses at once what it can't iterate, and a concurrency out of range", () => {
  const { broker } = setUpAll();
  assert.throws(() => publishAll(broker, 5 as never), ConfigError);
  assert.throws(() => publishAll(broker, [], { concurrency: 0 }), /'concurrency'/);
  assert.throws(() => publishAll(broker, [], { batchGroups: 1 } as never), /'batchGroups'/);
  assert.throws(() => publishAll(broker, [], { concurency: 1 } as never), /known are .*concurrency/);
});

Deno.test("publishAll() has at most so many requests in flight, and that many", async () => {
  const { sqs, broker } = setUpAll({ http: undefined });
  let active = 0;
  let most = 0;
  const fetch = async (input: Request, init?: RequestInit) => {
    most = Math.max(most, ++active);
    try {
      await Promise.resolve();
      return await sqs.fetch(input, init);
    } finally {
      active--;
    }
  };
  assert.ok(broker);
  sqs.setFaults(() => ({ type: "slow", seconds: 1 }));
  const counted = connect({ ...sqs.connectOptions, http: { fetch }, codec: text() });
  await sqs.clock.run(() => publishMany(counted, numbered(100), { queue: "orders", concurrency: 3 }));
  assert.equal(most, 3);
});

Deno.test("publishAll() reads at most ten times the concurrency ahead", async () => {
  const { broker } = setUpAll();
  let read = 0;
  function* source() {
    for (;;) yield { body: String(read++) };
  }
  let taken = 0;
  for await (const { error } of publishAll(broker, source(), { queue: "orders", concurrency: 2 })) {
    assert.ok(!error && read - taken <= 20, `${read} read, ${taken} taken`);
    if (++taken === 100) break;
  }
});

Deno.test("publishAll() closes its source on break, waits for what is in flight and reads no more", async () => {
  const { sqs, broker, held } = setUpAll();
  sqs.setFaults(({ action, attempt }) =>
    action === "SendMessageBatch" && attempt === 2 ? { type: "slow", seconds: 5 } : undefined
  );
  const began = +sqs.clock.now();
  let read = 0;
  let closed = false;
  function* source() {
    try {
      for (;;) yield { body: String(read++) };
    } finally {
      closed = true;
    }
  }
  await sqs.clock.run(async () => {
    for await (const _ of publishAll(broker, source(), { queue: "orders", concurrency: 2 })) break;
    assert.equal(+sqs.clock.now() - began, 5000);
  });
  assert.ok(closed);
  assert.equal(read, 20);
  assert.equal(held("orders").length, 20);
});

Deno.test("publishAll() waits on break until its source has closed, and throws what that throws", async () => {
  for (const fails of [false, true]) {
    const { sqs, broker } = setUpAll();
    let closed = false;
    const close = async () => {
      await sqs.clock.sleep(5);
      closed = true;
      if (fails) throw new Error("no end");
    };
    const source = async function* () {
      try {
        for (;;) yield { body: "x" };
      } finally {
        await close();
      }
    };
    await sqs.clock.run(async () => {
      const read = async () => {
        for await (const _ of publishAll(broker, source(), { queue: "orders", concurrency: 1 })) break;
      };
      if (fails) await assert.rejects(read(), /no end/);
      else await read();
      assert.ok(closed);
    });
  }
});

Deno.test("publishAll() waits on break for a look-up that is under way", async () => {
  const { sqs, broker } = setUpAll();
  const began = +sqs.clock.now();
  let answered = false;
  sqs.setFaults(({ queue }) => queue === "audit" ? { type: "slow", seconds: 5 } : undefined);
  await sqs.clock.run(async () => {
    for await (const _ of publishAll(broker, [{ body: "a", queue: "orders" }, { body: "b", queue: "audit" }])) break;
    answered = +sqs.clock.now() >= began + 5000;
  });
  assert.ok(answered, "it went on after the end");
});

Deno.test("publishAll() ends on return() while its source is silent", async () => {
  const { sqs, broker, held } = setUpAll();
  const silent = Promise.withResolvers<void>();
  async function* source() {
    try {
      yield { body: "one" };
      await silent.promise;
      yield { body: "two" };
    } finally {
      await Promise.reject(new Error("nobody hears this")); // and it is no unhandled rejection
    }
  }
  const results = publishAll(broker, source(), { queue: "orders" });
  assert.equal((await results.next()).value!.error, undefined);
  const next = results.next();
  await results.return();
  assert.equal((await next).done, true);
  silent.resolve();
  await sqs.clock.run(() => sqs.clock.sleep(60));
  assert.deepEqual(held("orders"), ["one"]);
});

Deno.test("publishAll() does not wait for ten from a slow source", async () => {
  const { broker, batches } = setUpAll();
  const given: ReturnType<typeof Promise.withResolvers<PublishInput>>[] = [];
  const source = (async function* () {
    for (;;) {
      const next = Promise.withResolvers<PublishInput>();
      given.push(next);
      yield await next.promise;
    }
  })();
  const results = publishAll(broker, source, { queue: "orders" });
  for (let i = 0; i < 3; i++) {
    const next = results.next();
    while (given.length <= i) await Promise.resolve();
    given[i].resolve({ body: String(i) });
    assert.equal((await next).value!.error, undefined);
  }
  assert.deepEqual(batches().map((entries) => entries.length), [1, 1, 1]);
  await results.return();
});

Deno.test("publishAll() yields what was read before it throws what the source threw", async () => {
  async function* failing() {
    yield* numbered(15);
    throw new Error("no more");
  }
  function* failingSync() {
    yield* numbered(15);
    throw new Error("no more");
  }
  for (const source of [failing(), failingSync()]) {
    const { broker, held } = setUpAll();
    const results: PublishResult[] = [];
    await assert.rejects(async () => {
      for await (const result of publishAll(broker, source, { queue: "orders" })) results.push(result);
    }, /no more/);
    assert.equal(results.filter(({ error }) => !error).length, 15);
    assert.equal(held("orders").length, 15);
  }
});

Deno.test("publishAll() keeps the order of messages whose codec takes its time", async () => {
  const waits = [3, 1, 0, 2];
  const codec = {
    ...text(),
    encode({ body }: { body: unknown }) {
      const wait = waits[Number(body) % waits.length];
      const encoded = { body: String(body) };
      return wait
        ? Array.from({ length: wait }).reduce<Promise<typeof encoded>>(
          (p) => p.then((x) => x),
          Promise.resolve(encoded),
        )
        : encoded;
    },
  };
  const { many, held, bodies } = setUpAll({ codec });
  await many(numbered(25), { queue: "jobs.fifo", batchGroups: true });
  assert.deepEqual(held("jobs.fifo"), numbered(25).map(({ body }) => body));
  assert.equal(bodies().length, 3);
  const gzip = setUpAll({ codec: kombu() });
  const results = await gzip.many(numbered(25).map((message) => ({ ...message, contentEncoding: "gzip" })));
  assert.ok(results.every(({ error }) => !error));
});
