import fc from "../support/fast_check.ts";
import assert from "node:assert/strict";
import { json } from "../../lib/codec/json.ts";
import { text } from "../../lib/codec/text.ts";
import { connect } from "../../lib/connect.ts";
import { type AwsError, ConfigError, IntegrityError } from "../../lib/errors.ts";
import type { PublishInput, PublishResult } from "../../lib/publish/options.ts";
import { publishAll, type PublishAllOptions } from "../../lib/publish/publish_all.ts";
import { publishMany } from "../../lib/publish/publish_many.ts";
import { createQueue } from "../../lib/sqs/create_queue.ts";
import { send } from "../../lib/http/send.ts";
import type { FaultHook } from "../../lib/testing/mod.ts";
import { startServer } from "../support/fauxqs.ts";
import { type Entry, failing, numbered, setUpAll } from "./setup.ts";

Deno.test("a message that makes SQS refuse its whole batch fails alone", async () => {
  const { sqs, many, held, events } = setUpAll();
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
  const { sqs, many, held } = setUpAll();
  sqs.setFaults(({ action, input }) =>
    action === "SendMessageBatch" && (input.Entries as Entry[]).length > 1
      ? { type: "error", code: "BatchRequestTooLong" }
      : undefined
  );
  const results = await many(numbered(10, { queue: "jobs.fifo", groupId: "g" }), { batchGroups: true });
  assert.ok(results.every(({ error }) => !error));
  assert.deepEqual(held("jobs.fifo"), numbered(10).map(({ body }) => body));
});

Deno.test("publishAll() sends a message again that went alone and failed, as SQS refused its batch as a whole", async () => {
  const { sqs, many, held } = setUpAll();
  const alone = failing({ "1": 1 });
  sqs.setFaults((call) =>
    call.action === "SendMessageBatch" && (call.input.Entries as Entry[]).length > 1
      ? { type: "error", code: "BatchRequestTooLong" }
      : alone(call)
  );
  const results = await many(numbered(3));
  assert.deepEqual(results.map(({ error }) => error), [undefined, undefined, undefined]);
  assert.deepEqual(held("orders").sort(), ["0", "1", "2"]);
});

Deno.test("publishAll() gives up what waits for its next try as the signal fires", async () => {
  const { broker, sqs, events, held } = setUpAll();
  sqs.setFaults(failing({ "1": 1 }));
  const controller = new AbortController();
  const results: PublishResult[] = [];
  await sqs.clock.run(async () => {
    const read = async () => {
      const options = { queue: "orders", signal: controller.signal };
      for await (const result of publishAll(broker, numbered(2), options)) results.push(result);
    };
    const ended = read();
    while (!events.some(({ type }) => type === "retry")) await sqs.clock.sleep(0);
    controller.abort(new Error("enough"));
    await assert.rejects(ended, /enough/);
  });
  assert.deepEqual(results.map(({ error }) => error?.message), [undefined, "enough"]);
  assert.equal(sqs.requests.count("SendMessageBatch"), 1);
  assert.deepEqual(held("orders"), ["0"]);
});

Deno.test("publishAll() sends nothing again after break", async () => {
  const { broker, sqs, events, held } = setUpAll();
  sqs.setFaults(failing({ "1": 1 }));
  await sqs.clock.run(async () => {
    for await (const _ of publishAll(broker, numbered(2), { queue: "orders" })) {
      assert.ok(events.some(({ type }) => type === "retry"));
      break;
    }
  });
  assert.equal(sqs.requests.count("SendMessageBatch"), 1);
  assert.deepEqual(held("orders"), ["0"]);
});

Deno.test("publishAll() fills batches of ten, from arrays and from async sources", async () => {
  async function* source() {
    yield* numbered(95);
  }
  for (const messages of [numbered(95), source()]) {
    const { many, batches, events } = setUpAll();
    const results = await many(messages);
    assert.equal(results.length, 95);
    assert.deepEqual(batches().map((entries) => entries.length), [10, 10, 10, 10, 10, 10, 10, 10, 10, 5]);
    const sums = events.map((event) => event.type === "publish" ? event.count : 0);
    assert.equal(sums.reduce((sum, count) => sum + count), 95);
  }
});

Deno.test("publishAll() fills batches by the request's bytes, attributes counted", async () => {
  const { many, batches } = setUpAll();
  const half = "x".repeat(524_288 - 8);
  await many([{ body: half, messageAttributes: { a: "b" } }, { body: half, messageAttributes: { a: "b" } }, {
    body: "y",
  }]);
  assert.deepEqual(batches().map((entries) => entries.length), [2, 1]);
  const { many: again, batches: more } = setUpAll();
  await again([{ body: half, messageAttributes: { a: "b".repeat(2) } }, { body: half, messageAttributes: { a: "b" } }]);
  assert.deepEqual(more().map((entries) => entries.length), [1, 1]);
});

Deno.test("publishAll() batches each queue by itself and yields in input order", async () => {
  const { many, bodies } = setUpAll();
  const messages = numbered(20).map((message, i) => ({ ...message, queue: i % 2 ? "audit" : "orders" }));
  const results = await many(messages, { queue: "never" });
  assert.deepEqual(results.map(({ sent }) => sent[0].queue), messages.map(({ queue }) => queue));
  assert.deepEqual(bodies(), ["0 2 4 6 8 10 12 14 16 18", "1 3 5 7 9 11 13 15 17 19"]);
});

Deno.test("publishAll() takes bodies of several types from one source", async () => {
  const { broker, held } = setUpAll({ codec: json() });
  function* several() {
    yield { body: { id: 1 } };
    yield { body: "two" };
  }
  const results = await Array.fromAsync(publishAll(broker, several(), { queue: "orders" }));
  assert.ok(results.every(({ error }) => !error));
  assert.deepEqual(held("orders").sort(), ['"two"', '{"id":1}']);
});

Deno.test("publishAll() sends just the failed entries again", async () => {
  const { many, sqs, bodies, events, held } = setUpAll({ random: () => 0.5 });
  sqs.setFaults(failing({ 3: 1, 5: 2 }));
  const results = await many(numbered(10));
  assert.ok(results.every(({ error }) => !error));
  assert.deepEqual(bodies(), ["0 1 2 3 4 5 6 7 8 9", "3 5", "5"]);
  assert.deepEqual(held("orders").sort(), numbered(10).map(({ body }) => body));
  const delays = events.flatMap((event) => event.type === "retry" ? event.delay : []);
  const [first, second, third] = sqs.requests.list.slice(-3).map(({ at }) => +at);
  assert.deepEqual([second - first, third - second], delays.map((seconds) => seconds * 1000));
  assert.ok(delays[0] > 0 && delays[1] > delays[0], `${delays}`);
});

Deno.test("publishAll() gives up after the broker's attempts, and at once on the sender's fault", async () => {
  const { many, sqs, bodies } = setUpAll();
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
  const { many, sqs, batches, held } = setUpAll();
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

Deno.test("publishAll() sends a failed entry again with its own deduplication id", async () => {
  const { many, sqs, batches, bodies } = setUpAll();
  sqs.setFaults(failing({ 1: 2 }));
  const messages = numbered(3).map((message, i) => ({ ...message, groupId: `g${i}` }));
  const results = await many(messages, { queue: "jobs.fifo" });
  assert.ok(results.every(({ error }) => !error));
  assert.deepEqual(bodies(), ["0 1 2", "1", "1"]);
  const [first, second, third] = batches();
  assert.deepEqual([second, third].map(([entry]) => entry.MessageDeduplicationId), [
    first[1].MessageDeduplicationId,
    first[1].MessageDeduplicationId,
  ]);
});

Deno.test("publishAll() gives a whole request's failure to each of its messages", async () => {
  const { many, sqs } = setUpAll();
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
  const { many, held } = setUpAll();
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
  const { broker, many, held } = setUpAll();
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
  const { many, held, sqs } = setUpAll();
  const own = { queue: undefined, groupId: undefined, delaySeconds: undefined };
  const [{ error }] = await many([{ body: "a", ...own }], { delaySeconds: 5, groupId: "g" });
  assert.deepEqual([error, held("orders")], [undefined, ["a"]]);
  const [{ state, groupId }] = sqs.messages("orders");
  assert.deepEqual([state, groupId], ["delayed", "g"]);
});

Deno.test("publishAll() looks a missing queue up once", async () => {
  const { many, sqs } = setUpAll();
  await many(numbered(20), { queue: "missing" });
  assert.equal(sqs.requests.count("GetQueueUrl"), 1);
});

Deno.test("publishAll() fails no later message for keys that were not there when it first looked the queue up", async () => {
  let throws = 1;
  const { broker, held, sqs } = setUpAll({
    credentials: () => {
      if (throws-- > 0) throw new Error("no keys for now");
      return Promise.resolve({ accessKeyId: "AKIDEXAMPLE", secretAccessKey: "a-secret" });
    },
  });
  let next = () => {};
  async function* oneByOne() {
    for (const message of numbered(3)) {
      yield message;
      await new Promise<void>((resolve) => next = resolve);
    }
  }
  const errors: unknown[] = [];
  await sqs.clock.run(async () => {
    for await (const { error } of publishAll(broker, oneByOne(), { queue: "orders" })) {
      errors.push(error?.message);
      next();
    }
  });
  assert.deepEqual(errors, ["no keys for now", undefined, undefined]);
  assert.deepEqual(held("orders"), ["1", "2"]);
});

Deno.test("publishAll() keeps the order of each FIFO group over failed entries", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 4 }),
      fc.nat(),
      async (groups, concurrency, seed) => {
        const { many, sqs, held } = setUpAll();
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

Deno.test("publishAll() tells of the try before the last one, and goes on where a listener freezes what it hears", async () => {
  for (const freezes of [false, true]) {
    const { many, sqs } = setUpAll({
      onEvent: (event) => void (freezes && "error" in event && Object.freeze(event.error)),
    });
    sqs.setFaults(({ action, attempt }) => {
      if (action !== "SendMessageBatch") return;
      return attempt === 1 ? { type: "failed-entries", ids: () => true } : { type: "error", code: "AccessDenied" };
    });
    const [{ error }] = await many(numbered(1));
    assert.equal((error as AwsError).awsCode, "AccessDenied");
    if (!freezes) assert.equal((error!.cause as AwsError).awsCode, "InternalError");
  }
});

Deno.test("publishAll() lets a group share a request where batchGroups says so", async () => {
  const { many, bodies, held } = setUpAll();
  await many(numbered(12), { queue: "jobs.fifo", batchGroups: true });
  assert.deepEqual(bodies(), ["0 1 2 3 4 5 6 7 8 9", "10 11"]);
  assert.deepEqual(held("jobs.fifo"), numbered(12).map(({ body }) => body));
});

Deno.test("publishAll() keeps nothing of a queue for which nothing waits: there may be one for each message", async () => {
  const count = 600;
  const { sqs, broker } = setUpAll();
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

Deno.test("publishAll() ends with the signal's reason, whatever it is, after the results of what was read", async () => {
  for (const reason of [new Error("enough"), "enough", null]) {
    const { broker, sqs } = setUpAll();
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

Deno.test("publishAll() sends a message to every queue of its exchange, and says which failed", async () => {
  const topology = {
    exchanges: { news: { type: "topic" } },
    bindings: ["orders", "audit", "missing"].map((queue) => ({ exchange: "news", queue, routingKey: `${queue}.#` }))
      .concat(["orders", "audit"].map((queue) => ({ exchange: "news", queue, routingKey: "both" })))
      .concat(["missing", "orders"].map((queue) => ({ exchange: "news", queue, routingKey: "half" }))),
  } as const;
  const { many, held } = setUpAll({ topology });
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
  const { sqs } = setUpAll();
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

Deno.test("publishAll() gives one result an input, in order, and each message is there as often as it says", async () => {
  // The long form has 100,000.
  const count = Number(Deno.env.get("PUBLISH_MESSAGES") ?? 10_000);
  const { sqs, broker } = setUpAll({ codec: json() });
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
