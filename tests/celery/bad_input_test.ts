import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { ConfigError, CredentialsError } from "@dashi/sqs";
import { sendTask, serveTasks } from "@dashi/sqs/celery";
import { s3Results } from "@dashi/sqs/payloads";
import { add, memoryResults, sendRaw, setUp } from "./support.ts";

const embed = { callbacks: null, errbacks: null, chain: null, chord: null };
const headers = { task: "app.add", id: "bad" };
const utf8 = { body_encoding: "utf-8" };
const link = (options: object, more: object = {}) => ({
  task: "a",
  args: [],
  kwargs: {},
  options,
  subtask_type: null,
  ...more,
});

/** Messages that can't be run, and what is told of each. */
const BAD: Record<string, [message: Record<string, unknown>, told: RegExp]> = {
  "no task's name": [{ headers: { id: "bad" }, body: "[[], {}, {}]" }, /it names no task/],
  "nothing of a task's": [{ body: "[[], {}, {}]" }, /it names no task/],
  "no id": [{ headers: { task: "app.add" }, body: "[[], {}, {}]" }, /has no id/],
  "no triple": [{ headers, body: "[[1, 2], {}]" }, /is not \[args, kwargs, embed\]/],
  "a text for a body": [{ headers, body: '"text"' }, /is not \[args, kwargs, embed\]/],
  "a content type that nobody knows": [
    { headers, body: "[[1], {}, {}]", "content-type": "application/x-own" },
    /its body of type application\/x-own is not \[args/,
  ],
  "args that are no list": [{ headers, body: '["12", {}, {}]' }, /its args are no list/],
  "kwargs that are no mapping": [{ headers, body: "[[1], [], {}]" }, /its kwargs are no mapping/],
  "an embed that is no mapping": [{ headers, body: "[[1], {}, []]" }, /its embed is no mapping/],
  "an eta that is none": [{ headers: { ...headers, eta: "soon" }, body: "[[1], {}, {}]" }, /'eta' as it must be/],
  "an expires that is none": [
    { headers: { ...headers, expires: {} }, body: "[[1], {}, {}]" },
    /'expires' as it must be/,
  ],
  "retries below zero": [{ headers: { ...headers, retries: -1 }, body: "[[1], {}, {}]" }, /retries are no count/],
  "pickle": [
    { headers, body: "gASVBQAAAAAAAABdlC4=", "content-type": "application/x-python-serialize" },
    /pickle can run code/,
  ],
  "a content type that is not known": [
    { headers, body: "x", "content-type": "application/x-yaml" },
    /is not known here/,
  ],
  "a content type that has no serializer": [
    { headers, body: "x", "content-type": "application/x-own" },
    /is not \[args, kwargs, embed\]/,
  ],
  "JSON that is none": [{ headers, body: "[[1, 2" }, /Cannot read/],
};

for (const [name, [message, expected]] of Object.entries(BAD)) {
  Deno.test(`a message with ${name} is told and kept, and the next one is served`, async () => {
    const { sqs, broker, events } = setUp();
    const properties = message["content-type"]?.toString().includes("pickle") ? {} : utf8;
    await sendRaw(sqs, "celery", { properties, ...message });
    await sendTask(broker, add(1, 2));
    let runs = 0;
    const worker = () => serveTasks(broker, { "app.add": () => ++runs }, { maxSeconds: 20 }).closed;
    await sqs.clock.run(worker);
    assert.equal(runs, 1);
    assert.equal(sqs.messages("celery").length, 1);
    const told = events.flatMap((event) =>
      (event.type === "task" && event.state === "invalid") || (event.type === "drop" && event.reason === "undecodable")
        ? [String(event.error)]
        : []
    );
    assert.equal(told.length, 1);
    assert.match(told[0], expected);
  });
}

Deno.test("onInvalid reject deletes what can't be run, as Celery does, unless there is a redrive policy", async () => {
  const { sqs, broker } = setUp();
  await sendRaw(sqs, "celery", { headers, body: "[1]", properties: utf8 });
  const worker = () => serveTasks(broker, { "app.add": () => 1 }, { onInvalid: "reject", maxSeconds: 20 }).closed;
  await sqs.clock.run(worker);
  assert.equal(sqs.messages("celery").length, 0);
});

Deno.test("a queue that a message names is only ever a name: a URL is not followed, nor the task run", async () => {
  for (
    const callbacks of [
      [link({ queue: "https://evil.example/1/q" })],
      [link({ exchange: "", routing_key: "http://evil.example/1/q" })],
      [link({}, { subtask_type: "group", kwargs: { tasks: [link({ queue: "https://evil.example/1/q" })] } })],
      [link({ link: [link({ queue: "a/b" })] })],
    ]
  ) {
    const { sqs, broker, events } = setUp();
    const body = JSON.stringify([[1, 2], {}, { ...embed, callbacks }]);
    await sendRaw(sqs, "celery", { headers, body, properties: { ...utf8, reply_to: "https://evil.example/1/q" } });
    await sqs.clock.run(() => serveTasks(broker, { "app.add": () => assert.fail() }, { maxSeconds: 5 }).closed);
    const told = events.find((event) => event.type === "task") as any;
    assert.match(told.error.message, /a queue that is not a plain name/);
    assert.ok(!events.some((event) => event.type === "request" && event.queueUrl?.includes("evil")));
  }
});

Deno.test("a queue's URL under __proto__ is not followed either, in runtimes that have it", async () => {
  // As in Node, Bun and Workers; Deno has none.
  Object.defineProperty(Object.prototype, "__proto__", {
    configurable: true,
    get() {
      return Object.getPrototypeOf(this);
    },
    set(value) {
      if (typeof value === "object") Object.setPrototypeOf(this, value);
    },
  });
  try {
    const { sqs, broker } = setUp(["celery", "evil"]);
    const url = "https://sqs.us-east-1.amazonaws.com/000000000000/evil";
    for (const subtask_type of ["group", "chain"]) {
      const call = link({ proto: { queue: url } }, { subtask_type, kwargs: { tasks: [link({}), link({})] } });
      const body = JSON.stringify([[1, 2], {}, { ...embed, callbacks: [call] }]).replace("proto", "__proto__");
      await sendRaw(sqs, "celery", { headers, body, properties: utf8 });
    }
    const worker = () => serveTasks(broker, { "app.add": () => 3 }, { maxMessages: 2 }).closed;
    await sqs.clock.run(worker);
    assert.deepEqual([sqs.messages("evil").length, sqs.messages("celery").length], [0, 3]);
  } finally {
    delete (Object.prototype as { __proto__?: unknown }).__proto__;
  }
});

Deno.test("a task whose callbacks are no signatures is not run, and says why", async () => {
  // Each task would get each errback: a message of 30 KB would become some of 16 MB.
  const many = (task: string) => Array.from({ length: 400 }, (_, at) => ({ task: task + at }));
  const multiplied = (type: string) =>
    link({ link_error: many("e") }, { subtask_type: type, kwargs: { tasks: many("t") } });
  const nested = link({ link_error: many("e") }, {
    subtask_type: "group",
    kwargs: { tasks: [link({}, { subtask_type: "chain", kwargs: { tasks: many("t") } })] },
  });
  const wrong: [object, RegExp][] = [
    [multiplied("group"), /too much/],
    [multiplied("chain"), /too much/],
    [nested, /too much/],
    [{}, /hold no signature/],
    [link({}, { subtask_type: "xmap" }), /or an unknown kind/],
    [link({}, { args: 1 }), /hold arguments that are no list/],
  ];
  for (const [callback, expected] of wrong) {
    const { sqs, broker, events } = setUp();
    const body = JSON.stringify([[1, 2], {}, { ...embed, callbacks: [link({}), callback] }]);
    await sendRaw(sqs, "celery", { headers, body, properties: utf8 });
    await sqs.clock.run(() => serveTasks(broker, { "app.add": () => assert.fail() }, { maxSeconds: 5 }).closed);
    assert.match(String((events.find((event) => event.type === "task") as any).error), expected);
    assert.equal(sqs.messages("celery").length, 1);
  }
});

/** Calls that nobody can write, alone and in a group, whose other task could be sent each time. */
const UNWRITABLE: Record<string, object> = {
  "an instant that no calendar has": { expires: 1e300 },
  "a countdown that is no number": { countdown: { toString: 1 } },
  "a stamp's name that is no text": { stamped_headers: [{ toString: 1 }] },
  "a compression that is not known here": { compression: "bzip2" },
  "a group id that SQS refuses": { MessageGroupId: "a b" },
};

for (const [name, options] of Object.entries(UNWRITABLE)) {
  Deno.test(`a callback with ${name} makes the task fail once, and is not a reason to run it again`, async () => {
    const good = link({ queue: "other" });
    const bad = link(options);
    const group = link({}, { subtask_type: "group", kwargs: { tasks: [good, bad] } });
    for (const callbacks of [[bad], [group]]) {
      const { sqs, broker, states } = setUp(["celery", "other"]);
      const body = JSON.stringify([[1, 2], {}, { ...embed, callbacks }]);
      await sendRaw(sqs, "celery", { headers, body, properties: utf8 });
      let runs = 0;
      const worker = () => serveTasks(broker, { "app.add": () => ++runs }, { maxSeconds: 300 }).closed;
      await sqs.clock.run(worker);
      assert.equal(runs, 1);
      assert.ok(states().includes("failed app.add"));
      assert.equal(sqs.messages("celery").length, 0);
      assert.ok(sqs.messages("other").length <= 1);
    }
  });
}

Deno.test("a task whose id no store can keep is run once, and its store's error is told", async () => {
  for (const id of ["../../other", "x".repeat(2000), "\ud800"]) {
    for (const task of ["app.good", "app.bad"]) {
      const { sqs, broker, events } = setUp();
      await sendRaw(sqs, "celery", { headers: { task, id }, body: "[[], {}, {}]", properties: utf8 });
      let runs = 0;
      const handlers = {
        "app.good": () => ++runs,
        "app.bad": () => {
          runs++;
          throw new Error("bad");
        },
      };
      const results = s3Results({ bucket: "results" });
      await sqs.clock.run(() => serveTasks(broker, handlers, { results, maxSeconds: 300 }).closed);
      assert.equal(runs, 1);
      assert.ok(events.some((event) => event.type === "error" && event.error instanceof ConfigError));
      assert.equal(sqs.messages("celery").length, 0);
    }
  }
});

Deno.test("a store without keys for a while makes no task fail: it is run again", async () => {
  const { sqs, broker } = setUp();
  await sendTask(broker, add(1, 2), { id: "a" });
  const kept = memoryResults();
  let tries = 0;
  const results = {
    ...kept,
    store: async (...given: Parameters<typeof kept.store>) => {
      if (++tries === 1) throw new CredentialsError("Cannot get keys from instance metadata");
      await kept.store(...given);
    },
  };
  await sqs.clock.run(() => serveTasks(broker, { "app.add": (_, x, y) => x + y }, { results, maxSeconds: 60 }).closed);
  assert.equal(kept.kept.get("a")?.status, "SUCCESS");
  assert.equal(sqs.messages("celery").length, 0);
});

Deno.test("whatever a message holds, the worker serves the next one", async () => {
  const value = fc.jsonValue({ maxDepth: 3 });
  const field = fc.constantFrom("task", "id", "eta", "expires", "retries", "timelimit", "stamps", "root_id", "group");
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ body: value, headers: fc.dictionary(field, value), named: fc.boolean() }), { maxLength: 8 }),
      async (messages) => {
        const { sqs, broker } = setUp();
        for (const { body, headers: given, named } of messages) {
          const all = named ? { ...given, ...headers } : given;
          await sendRaw(sqs, "celery", { headers: all, body: JSON.stringify(body), properties: utf8 });
        }
        await sendTask(broker, add(40, 2));
        let sum = 0;
        await sqs.clock.run(() =>
          serveTasks(broker, {
            "app.add": (_, x, y) => {
              if (x === 40) sum = x + y;
              return 0;
            },
          }, { maxSeconds: 5 }).closed
        );
        assert.equal(sum, 42);
      },
    ),
    { numRuns: 100 },
  );
});
