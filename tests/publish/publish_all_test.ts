import fc from "../support/fast_check.ts";
import assert from "node:assert/strict";
import { json } from "../../lib/codec/json.ts";
import { kombu } from "../../lib/codec/kombu.ts";
import { text } from "../../lib/codec/text.ts";
import { connect } from "../../lib/connect.ts";
import { ConfigError, IntegrityError } from "../../lib/errors.ts";
import type { PublishInput, PublishResult } from "../../lib/publish/options.ts";
import { publish } from "../../lib/publish/publish.ts";
import { publishAll, type PublishAllOptions } from "../../lib/publish/publish_all.ts";
import { publishMany } from "../../lib/publish/publish_many.ts";
import { createQueue } from "../../lib/sqs/create_queue.ts";
import { send } from "../../lib/http/send.ts";
import { type FaultHook, memorySqs } from "../../lib/testing/mod.ts";
import type { ConnectOptions, DashiEvent, Fanout } from "../../lib/types.ts";
import { startServer } from "../support/fauxqs.ts";
import { memoryStore } from "./memory_store.ts";

interface Entry {
  readonly Id: string;
  readonly MessageBody: string;
  readonly MessageGroupId?: string;
  readonly MessageDeduplicationId?: string;
}

function setUp(options: ConnectOptions = {}) {
  const sqs = memorySqs();
  for (const name of ["orders", "audit", "jobs.fifo"]) sqs.createQueue(name);
  const events: DashiEvent[] = [];
  const broker = connect({ ...sqs.connectOptions, codec: text(), onEvent: (event) => events.push(event), ...options });
  /** The bodies of each batch. */
  const batches = () =>
    sqs.requests.list.filter(({ action }) => action === "SendMessageBatch")
      .map(({ input }) => (input as unknown as { Entries: Entry[] }).Entries);
  const many = (messages: Iterable<PublishInput> | AsyncIterable<PublishInput>, options?: PublishAllOptions) =>
    sqs.clock.run(() => publishMany(broker, messages, { queue: "orders", ...options }));
  return {
    sqs,
    broker,
    events,
    batches,
    bodies: () => batches().map((entries) => entries.map((entry) => entry.MessageBody).join(" ")),
    many,
    held: (queue: string) => sqs.messages(queue).map(({ body }) => body),
  };
}

const numbered = (count: number, own: Partial<PublishInput> = {}): PublishInput<string>[] =>
  Array.from({ length: count }, (_, i) => ({ ...own, body: String(i) }));

/** Fails entries by their body, the first so many times. */
function failing(times: Record<string, number>, senderFault = false): FaultHook {
  const left = { ...times };
  const fails = (entry: Readonly<Record<string, unknown>>) =>
    (left[entry.MessageBody as string] ?? 0) > 0 && !!left[entry.MessageBody as string]--;
  return ({ action }) =>
    action === "SendMessageBatch" ? { type: "failed-entries", ids: fails, senderFault } : undefined;
}

Deno.test("a message that makes SQS refuse its whole batch fails alone", async () => {
  const { sqs, many, held, events } = setUp();
  const refusal = (code: string, message: string): FaultHook => ({ action, input }) =>
    action === "SendMessageBatch" && (input.Entries as Entry[]).some(({ MessageBody }) => MessageBody === "3")
      ? { type: "error", code, message }
      : undefined;
  sqs.setFaults(refusal("InvalidParameterValue", "Reason: Message must be shorter than 1024 bytes."));
  const results = await many(numbered(12));
  assert.deepEqual(results.map(({ error }) => !!error), Array.from({ length: 12 }, (_, i) => i === 3));
  assert.match(results[3].error!.message, /'payloads'/);
  assert.equal(held("orders").length, 11);
  assert.equal(events.filter(({ type }) => type === "publish").length, 11, "one a request");
});

Deno.test("a batch that is too long for the server goes in parts, and keeps the order of its groups", async () => {
  const { sqs, many, held } = setUp();
  sqs.setFaults(({ action, input }) =>
    action === "SendMessageBatch" && (input.Entries as Entry[]).length > 1
      ? { type: "error", code: "BatchRequestTooLong" }
      : undefined
  );
  const results = await many(numbered(10, { queue: "jobs.fifo", groupId: "g" }), { batchGroups: true });
  assert.ok(results.every(({ error }) => !error));
  assert.deepEqual(held("jobs.fifo"), numbered(10).map(({ body }) => body));
});

Deno.test("publishAll() does nothing before the first next()", async () => {
  const { broker, sqs } = setUp();
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

Deno.test("publishAll() fills batches of ten, from arrays and from async sources", async () => {
  async function* source() {
    yield* numbered(95);
  }
  for (const messages of [numbered(95), source()]) {
    const { many, batches, events } = setUp();
    const results = await many(messages);
    assert.equal(results.length, 95);
    assert.deepEqual(batches().map((entries) => entries.length), [10, 10, 10, 10, 10, 10, 10, 10, 10, 5]);
    const sums = events.map((event) => event.type === "publish" ? event.count : 0);
    assert.equal(sums.reduce((sum, count) => sum + count), 95);
  }
});

Deno.test("publishAll() fills batches by the request's bytes, attributes counted", async () => {
  const { many, batches } = setUp();
  const half = "x".repeat(524_288 - 8);
  await many([{ body: half, messageAttributes: { a: "b" } }, { body: half, messageAttributes: { a: "b" } }, {
    body: "y",
  }]);
  assert.deepEqual(batches().map((entries) => entries.length), [2, 1]);
  const { many: again, batches: more } = setUp();
  await again([{ body: half, messageAttributes: { a: "b".repeat(2) } }, { body: half, messageAttributes: { a: "b" } }]);
  assert.deepEqual(more().map((entries) => entries.length), [1, 1]);
});

Deno.test("publishAll() batches each queue by itself and yields in input order", async () => {
  const { many, bodies } = setUp();
  const messages = numbered(20).map((message, i) => ({ ...message, queue: i % 2 ? "audit" : "orders" }));
  const results = await many(messages, { queue: "never" });
  assert.deepEqual(results.map(({ sent }) => sent[0].queue), messages.map(({ queue }) => queue));
  assert.deepEqual(bodies(), ["0 2 4 6 8 10 12 14 16 18", "1 3 5 7 9 11 13 15 17 19"]);
});

Deno.test("publishAll() takes bodies of several types from one source", async () => {
  const { broker, held } = setUp({ codec: json() });
  function* several() {
    yield { body: { id: 1 } };
    yield { body: "two" };
  }
  const results = await Array.fromAsync(publishAll(broker, several(), { queue: "orders" }));
  assert.ok(results.every(({ error }) => !error));
  assert.deepEqual(held("orders").sort(), ['"two"', '{"id":1}']);
});

Deno.test("publishAll() sends just the failed entries again", async () => {
  const { many, sqs, bodies, events, held } = setUp();
  sqs.setFaults(failing({ 3: 1, 5: 2 }));
  const results = await many(numbered(10));
  assert.ok(results.every(({ error }) => !error));
  assert.deepEqual(bodies(), ["0 1 2 3 4 5 6 7 8 9", "3 5", "5"]);
  assert.deepEqual(held("orders").sort(), numbered(10).map(({ body }) => body));
  assert.equal(events.filter(({ type }) => type === "retry").length, 2);
});

Deno.test("publishAll() gives up after the broker's attempts, and at once on the sender's fault", async () => {
  const { many, sqs, bodies } = setUp();
  sqs.setFaults(failing({ 1: 9 }));
  const [, lost] = await many(numbered(3));
  assert.match(lost.error!.message, /InternalError/);
  assert.deepEqual(lost.sent, []);
  assert.deepEqual(bodies(), ["0 1 2", "1", "1"]);
  sqs.setFaults(failing({ 1: 9 }, true));
  const results = await many(numbered(3));
  assert.deepEqual(results.map(({ error }) => !!error), [false, true, false]);
  assert.equal(bodies().length, 4);
});

Deno.test("publishAll() sends a whole request again with the same deduplication ids", async () => {
  const { many, sqs, batches, held } = setUp();
  sqs.setFaults(({ action, attempt }) =>
    action === "SendMessageBatch" && attempt < 3 ? { type: "lost-answer" } : undefined
  );
  const results = await many(numbered(3).map((message, i) => ({ ...message, groupId: `g${i}` })), {
    queue: "jobs.fifo",
  });
  assert.ok(results.every(({ error }) => !error));
  assert.equal(batches().length, 3);
  assert.deepEqual(batches()[2], batches()[0]);
  assert.equal(held("jobs.fifo").length, 3);
});

Deno.test("publishAll() gives a whole request's failure to each of its messages", async () => {
  const { many, sqs } = setUp();
  sqs.setFaults(({ action, attempt }) =>
    action === "SendMessageBatch" && attempt === 1 ? { type: "error", code: "AccessDenied" } : undefined
  );
  const results = await many(numbered(12), { concurrency: 1 });
  assert.deepEqual(results.map(({ error }) => error?.name), [
    ...Array(10).fill("AccessDeniedQueueError"),
    undefined,
    undefined,
  ]);
});

Deno.test("publishAll() gives a bad message its own error and sends the others", async () => {
  const { many, held } = setUp();
  const wrong = { ...numbered(1)[0], queue: "orders" };
  const results = await many([
    { body: "ok" },
    { body: 5 },
    { body: "" },
    { body: "\0" },
    { ...wrong, delaySeconds: 901 },
    { ...wrong, groupId: "a b" },
    { ...wrong, queue: "missing" },
    { body: "x".repeat(1_048_577) },
    { ...wrong, messageAttributes: Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`a${i}`, i])) },
    { body: "none", exchange: "never", routingKey: "k" },
    null as unknown as PublishInput,
    { body: "ok" },
  ]);
  assert.deepEqual(results.map(({ error }) => error?.name ?? ""), [
    "",
    ...Array(5).fill("ConfigError"),
    "DoesNotExistQueueError",
    "ConfigError",
    "ConfigError",
    "UndefinedExchangeError",
    "ConfigError",
    "",
  ]);
  assert.deepEqual(held("orders"), ["ok", "ok"]);
});

Deno.test("publishAll() refuses a wrong option for all at once, and of one message with its result", async () => {
  const { broker, many, held } = setUp();
  const wrong = [{ delay: 5 }, { delaySeconds: 901 }, { concurency: 2 }, { batchGroups: 1 }, { headers: 5 }];
  for (const options of wrong) {
    const [name] = Object.keys(options);
    assert.throws(() => publishAll(broker, [], options as PublishAllOptions), {
      name: "ConfigError",
      message: new RegExp(`'${name}'`),
    });
  }
  assert.throws(() => publishAll(broker, "abc" as unknown as PublishInput[]), ConfigError);
  const results = await many([{ body: "a", delay: 5 } as PublishInput, { body: "b", groupID: "g" } as PublishInput]);
  assert.deepEqual(results.map(({ error }) => error?.message.slice(0, 20)), [
    "Cannot use 'delay' a",
    "Cannot use 'groupID'",
  ]);
  assert.deepEqual(held("orders"), []);
});

Deno.test("publishAll() takes what all have in common where a message's own option is undefined", async () => {
  const { many, held, sqs } = setUp();
  const own = { queue: undefined, groupId: undefined, delaySeconds: undefined };
  const [{ error }] = await many([{ body: "a", ...own }], { delaySeconds: 5, groupId: "g" });
  assert.deepEqual([error, held("orders")], [undefined, ["a"]]);
  const [{ state, groupId }] = sqs.messages("orders");
  assert.deepEqual([state, groupId], ["delayed", "g"]);
});

Deno.test("publishAll() reads a source that gives any thenable", async () => {
  const { many, held } = setUp();
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

Deno.test("publishAll() looks a missing queue up once", async () => {
  const { many, sqs } = setUp();
  await many(numbered(20), { queue: "missing" });
  assert.equal(sqs.requests.count("GetQueueUrl"), 1);
});

Deno.test("publishAll() refuses at once what it can't iterate, and a concurrency out of range", () => {
  const { broker } = setUp();
  assert.throws(() => publishAll(broker, 5 as never), ConfigError);
  assert.throws(() => publishAll(broker, [], { concurrency: 0 }), /'concurrency'/);
  assert.throws(() => publishAll(broker, [], { batchGroups: 1 } as never), /'batchGroups'/);
  assert.throws(() => publishAll(broker, [], { concurency: 1 } as never), /known are .*concurrency/);
});

Deno.test("publishAll() keeps the order of each FIFO group over failed entries", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 4 }),
      fc.nat(),
      async (groups, concurrency, seed) => {
        const { many, sqs, held } = setUp();
        let state = seed % 2147483646 + 1;
        const random = () => (state = state * 16807 % 2147483647) / 2147483647;
        sqs.setFaults(() => ({ type: "failed-entries", ids: () => random() < 0.3 }));
        const messages = groups.map((group, i) => ({ body: `${group} ${i}`, groupId: `g${group}` }));
        const results = await many(messages, { queue: "jobs.fifo", concurrency });
        const good = messages.filter((_, i) => !results[i].error).map(({ body }) => body);
        assert.deepEqual(held("jobs.fifo").toSorted(), good.toSorted());
        for (const group of new Set(groups)) {
          const inGroup = (body: string) => body.startsWith(`${group} `);
          assert.deepEqual(held("jobs.fifo").filter(inGroup), good.filter(inGroup));
        }
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("publishAll() lets a group share a request where batchGroups says so", async () => {
  const { many, bodies, held } = setUp();
  await many(numbered(12), { queue: "jobs.fifo", batchGroups: true });
  assert.deepEqual(bodies(), ["0 1 2 3 4 5 6 7 8 9", "10 11"]);
  assert.deepEqual(held("jobs.fifo"), numbered(12).map(({ body }) => body));
});

Deno.test("publishAll() has at most so many requests in flight, and that many", async () => {
  const { sqs, broker } = setUp({ http: undefined });
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

Deno.test("publishAll() keeps nothing of a queue for which nothing waits: there may be one for each message", async () => {
  const count = 600;
  const { sqs, broker } = setUp();
  const urls = Array.from({ length: count }, (_, n) => sqs.createQueue(`answers-${n}`));
  const { values } = Map.prototype;
  let looks = 0;
  Map.prototype.values = function () {
    looks += this.size;
    return values.call(this);
  };
  try {
    await sqs.clock.run(() => publishMany(broker, urls.map((queue) => ({ body: "yes", queue }))));
  } finally {
    Map.prototype.values = values;
  }
  assert.equal(sqs.requests.count("SendMessageBatch"), count);
  assert.ok(looks < 100 * count, `${looks} looks`);
});

Deno.test("publishAll() reads at most ten times the concurrency ahead", async () => {
  const { broker } = setUp();
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
  const { broker, held } = setUp();
  let read = 0;
  let closed = false;
  function* source() {
    try {
      for (;;) yield { body: String(read++) };
    } finally {
      closed = true;
    }
  }
  for await (const _ of publishAll(broker, source(), { queue: "orders", concurrency: 2 })) break;
  assert.ok(closed);
  assert.equal(read, 20);
  assert.equal(held("orders").length, 20);
});

Deno.test("publishAll() waits on break for a look-up that is under way", async () => {
  const { sqs, broker } = setUp();
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
  const { broker, held } = setUp();
  const silent = Promise.withResolvers<void>();
  async function* source() {
    yield { body: "one" };
    await silent.promise;
    yield { body: "two" };
  }
  const results = publishAll(broker, source(), { queue: "orders" });
  assert.equal((await results.next()).value!.error, undefined);
  const next = results.next();
  await results.return();
  assert.equal((await next).done, true);
  silent.resolve();
  assert.deepEqual(held("orders"), ["one"]);
});

Deno.test("publishAll() does not wait for ten from a slow source", async () => {
  const { broker, batches } = setUp();
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
    const { broker, held } = setUp();
    const results: PublishResult[] = [];
    await assert.rejects(async () => {
      for await (const result of publishAll(broker, source, { queue: "orders" })) results.push(result);
    }, /no more/);
    assert.equal(results.filter(({ error }) => !error).length, 15);
    assert.equal(held("orders").length, 15);
  }
});

Deno.test("publishAll() ends with the signal's reason, whatever it is, after the results of what was read", async () => {
  for (const reason of [new Error("enough"), "enough", null]) {
    const { broker, sqs } = setUp();
    const controller = new AbortController();
    sqs.setFaults(({ action, attempt }) => {
      if (action !== "SendMessageBatch" || attempt < 2) return undefined;
      controller.abort(reason);
      return { type: "slow", seconds: Infinity };
    });
    const results: PublishResult[] = [];
    const options = { queue: "orders", concurrency: 1, signal: controller.signal };
    const read = async () => {
      for await (const result of publishAll(broker, numbered(100), options)) results.push(result);
    };
    assert.equal(await read().then(() => "ended", (error) => error), reason);
    assert.deepEqual(results.map(({ error }) => error?.message), [
      ...Array(10).fill(undefined),
      ...Array(10).fill(reason ? "enough" : "null"),
    ]);
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
  const { many, held, bodies } = setUp({ codec });
  await many(numbered(25), { queue: "jobs.fifo", batchGroups: true });
  assert.deepEqual(held("jobs.fifo"), numbered(25).map(({ body }) => body));
  assert.equal(bodies().length, 3);
  const gzip = setUp({ codec: kombu() });
  const results = await gzip.many(numbered(25).map((message) => ({ ...message, contentEncoding: "gzip" })));
  assert.ok(results.every(({ error }) => !error));
});

Deno.test("publishAll() sends a message to every queue of its exchange, and says which failed", async () => {
  const topology = {
    exchanges: { news: { type: "topic" } },
    bindings: ["orders", "audit", "missing"].map((queue) => ({ exchange: "news", queue, routingKey: `${queue}.#` }))
      .concat(["orders", "audit"].map((queue) => ({ exchange: "news", queue, routingKey: "both" })))
      .concat(["missing", "orders"].map((queue) => ({ exchange: "news", queue, routingKey: "half" }))),
  } as const;
  const { many, held } = setUp({ topology });
  const results = await many([{ body: "1", routingKey: "both" }, { body: "2", routingKey: "half" }, {
    body: "3",
    routingKey: "no",
  }], {
    queue: undefined,
    exchange: "news",
  });
  assert.deepEqual(results.map(({ sent, error }) => [sent.map((part) => part.queue), error?.name]), [
    [["orders", "audit"], undefined],
    [["orders"], "PublishError"],
    [[], "UnroutableError"],
  ]);
  assert.deepEqual(held("orders"), ["1", "2"]);
});

Deno.test("publishAll() compares checksums of each entry", async () => {
  const { sqs } = setUp();
  const broker = connect({
    ...sqs.connectOptions,
    codec: text(),
    http: {
      async fetch(request, init) {
        const response = await sqs.fetch(request, init);
        const body = await response.text();
        return new Response(
          body.replace(/("MD5OfMessageBody":")[^"]+/, "$1d41d8cd98f00b204e9800998ecf8427e"),
          response,
        );
      },
    },
  });
  const results = await publishMany(broker, numbered(3), { queue: "orders" });
  assert.deepEqual(results.map(({ error }) => error instanceof IntegrityError), [true, false, false]);
  assert.equal(sqs.messages("orders").length, 3);
});

Deno.test("publishAll() stores large bodies, and the largest of a batch that is too large in sum", async () => {
  const { store, objects } = memoryStore({ threshold: 500_000 });
  const { many, batches } = setUp({ payloads: store });
  const sizes = [100_000, 400_000, 200_000, 450_000, 300_000, 600_000];
  const results = await many(sizes.map((size) => ({ body: "x".repeat(size) })));
  assert.deepEqual([...objects.values()].map(({ body }) => body.length).sort(), [450_000, 600_000]);
  assert.equal(batches().length, 1);
  assert.deepEqual(results.map(({ payload }) => !!payload), [false, false, false, true, false, true]);
});

Deno.test("publishAll() deletes what it stored for a message that failed for good, and keeps it over retries", async () => {
  const { store, objects } = memoryStore({ threshold: 0, fails: (body) => body === "2" });
  const { many, sqs, held } = setUp({ payloads: store });
  sqs.setFaults(failing({ "pointer k0": 1, "pointer k1": 9 }));
  const results = await many(numbered(3));
  assert.deepEqual(results.map(({ error }) => !!error), [false, true, true]);
  assert.match(results[2].error!.message, /no room/);
  assert.deepEqual([...objects.keys()], ["k0"]);
  assert.deepEqual(held("orders"), ["pointer k0"]);
});

Deno.test("publish() and publishAll() keep what they stored for a message under way as the signal fires, whatever its reason", async () => {
  for (const reason of [undefined, new Error("enough"), "enough", null]) {
    for (const batched of [false, true]) {
      const { store, objects } = memoryStore({ always: true });
      const { sqs, broker, held } = setUp({ payloads: store });
      sqs.setFaults(({ action }) => action.startsWith("SendMessage") ? { type: "slow", seconds: 5 } : undefined);
      const controller = new AbortController();
      const options = { queue: "orders", signal: controller.signal };
      await sqs.clock.run(async () => {
        const work = batched ? publishMany(broker, numbered(1), options) : publish(broker, "0", options);
        const ended = assert.rejects(work.catch((error) => {
          const { reason } = controller.signal;
          assert.ok(error === reason || error.cause === reason);
          throw new Error("as it should be");
        }));
        await sqs.clock.sleep(1);
        controller.abort(reason);
        await ended;
      });
      assert.deepEqual(held("orders"), ["pointer k0"]);
      assert.deepEqual([...objects.keys()], ["k0"]);
    }
  }
});

Deno.test("publishAll() hands a topic its messages in batches", async () => {
  const batches: number[] = [];
  const fanout: Partial<Fanout> = {
    declare: (_broker, exchange) => Promise.resolve(`arn:aws:sns:us-east-1:1:${exchange}`),
    publish(_broker, exchange, messages) {
      batches.push(messages.length);
      return Promise.resolve(
        messages.map(({ body }, i) => body === "3" ? new Error("bad") : { topic: exchange, messageId: `m${i}` }),
      );
    },
  };
  const topology = { exchanges: { loud: { type: "fanout" } }, bindings: [] } as const;
  const { many } = setUp({ topology, fanout: fanout as Fanout });
  const results = await many(numbered(12), { queue: undefined, exchange: "loud" });
  assert.deepEqual(batches, [10, 2]);
  assert.deepEqual(results.filter(({ error }) => error).map(({ error }) => error!.message), ["bad"]);
  assert.deepEqual(results[0].sent, [{ topic: "loud", messageId: "m0" }]);
});

Deno.test("publishAll() keeps the order of groups in a topic whose ARN alone tells that it is FIFO", async () => {
  let busy = 0;
  const sent: string[] = [];
  const fanout: Partial<Fanout> = {
    declare: () => Promise.resolve("arn:aws:sns:us-east-1:1:theirs.fifo"),
    async publish(_broker, topic, messages) {
      assert.equal(++busy, 1, "one request at a time for one group");
      assert.equal(messages.length, 1);
      assert.deepEqual(messages.map(({ groupId }) => groupId), ["default"]);
      await Promise.resolve();
      busy--;
      sent.push(...messages.map(({ body }) => body));
      return messages.map((_, i) => ({ topic, messageId: `m${i}` }));
    },
  };
  const topology = { exchanges: { loud: { type: "fanout" } }, bindings: [] } as const;
  const { many } = setUp({ topology, fanout: fanout as Fanout });
  const results = await many(numbered(30), { queue: undefined, exchange: "loud" });
  assert.deepEqual(results.map(({ error }) => error), Array(30).fill(undefined));
  assert.deepEqual(sent, numbered(30).map(({ body }) => body));
});

Deno.test("publishAll() gives one result an input, in order, and each message is there as often as it says", async () => {
  // The long form has 100,000.
  const count = Number(Deno.env.get("PUBLISH_MESSAGES") ?? 10_000);
  const { sqs, broker } = setUp({ codec: json() });
  let state = 20_301;
  const random = () => (state = state * 16807 % 2147483647) / 2147483647;
  sqs.setFaults(({ action }) =>
    action === "SendMessageBatch"
      ? { type: "failed-entries", ids: () => random() < 0.15, senderFault: random() < 0.05 }
      : undefined
  );
  function* source() {
    for (let i = 0; i < count; i++) yield { body: i };
  }
  const ids = new Map<string, number>();
  let failed = 0;
  let index = 0;
  await sqs.clock.run(async () => {
    for await (const { sent, error } of publishAll(broker, source(), { queue: "orders", concurrency: 8 })) {
      assert.equal(sent.length, error ? 0 : 1);
      if (error) failed++;
      else ids.set(sent[0].messageId, index);
      index++;
    }
  });
  assert.equal(index, count);
  assert.ok(failed > count / 1000 && failed < count / 20, `${failed} failed`);
  const held = sqs.messages("orders");
  assert.equal(held.length, count - failed);
  for (const { messageId, body } of held) assert.equal(ids.get(messageId), Number(body));
});

Deno.test("publishAll() and a real server agree", async () => {
  await using server = await startServer();
  const broker = connect(server.options);
  await send(broker, createQueue({ queueName: "orders" }));
  await send(broker, createQueue({ queueName: "jobs.fifo", attributes: { FifoQueue: true } }));
  const standard = await publishMany(broker, numbered(33), {
    queue: "orders",
    messageAttributes: { a: 1, b: new Uint8Array([7]) },
  });
  const fifo = await publishMany(broker, numbered(12), { queue: "jobs.fifo", groupId: "g" });
  assert.deepEqual([...standard, ...fifo].filter(({ error }) => error), []);
  const numbers = fifo.map(({ sent }) => sent[0].sequenceNumber!);
  assert.deepEqual(numbers, numbers.toSorted());
});
