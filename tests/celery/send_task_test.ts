import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import * as v from "valibot";
import { bind, ConfigError, declareExchange, PublishError, UndefinedExchangeError } from "@dashi/sqs";
import { chain, group, type GroupCall, sendTask, type Signature, signature, task } from "@dashi/sqs/celery";
import { readIsoDate, writeIsoDate } from "../../lib/celery/iso_date.ts";
import { pythonRepr } from "../../lib/celery/python_repr.ts";
import captured from "../vectors/celery_messages.json" with { type: "json" };
import values from "../vectors/celery_values.json" with { type: "json" };
import { add, anonymous, notify, readMessage, setUp } from "./support.ts";

const ID = "11111111-1111-4111-8111-111111111111";
const ID2 = "22222222-2222-4222-8222-222222222222";
const ID3 = "33333333-3333-4333-8333-333333333333";
const mul = task<[x: number, y: number], number>("app.mul");
const origin = "gen1@host";

/** The same calls as in the vectors. */
const CALLS: Record<string, (broker: ReturnType<typeof setUp>["broker"]) => Promise<unknown>> = {
  plain: (broker) => sendTask(broker, add(2, 3), { id: ID, origin }),
  kwargs: (broker) =>
    sendTask(broker, "app.add", {
      args: [2],
      kwargs: { y: 3, note: "it's", deep: { a: [1, [2, [3]]] } },
      id: ID,
      origin,
    }),
  options: (broker) =>
    sendTask(broker, add(2, 3), {
      id: ID,
      origin,
      eta: new Date("2030-01-02T03:04:05.678Z"),
      expires: "2030-01-02T04:04:05.678+00:00",
      retries: 2,
      queue: "fast",
      priority: 5,
      timeLimit: 20,
      softTimeLimit: 10,
      ignoreResult: true,
      shadow: "shown",
      group: ID2,
      groupIndex: 1,
      rootId: ID2,
      parentId: ID3,
      headers: { "x-app": "1" },
      stamps: { customer: "c1" },
      link: notify.partial(),
      linkError: [notify("bad")],
    }),
  chain: (broker) =>
    sendTask(broker, chain(add(2, 3), mul.partial(10), notify("done")), { origin, ignoreResult: false }),
  group: (broker) => sendTask(broker, group(add(1, 2), add(3, 4)), { origin, ignoreResult: false }),
  chain_group: (broker) =>
    sendTask(broker, chain(add(2, 3), group(mul.partial(10), notify.partial())), { origin, ignoreResult: false }),
  chain_opts: (broker) =>
    sendTask(
      broker,
      chain(
        signature(add(2, 3), { queue: "a", countdown: 5 }),
        signature(mul.partial(10), { queue: "b", countdown: 7, linkError: notify.partial() }),
      ),
      { origin, ignoreResult: false },
    ),
};

for (const [name, call] of Object.entries(CALLS)) {
  Deno.test(`sendTask() writes what Celery writes, field by field: ${name}`, async () => {
    const { broker, read, sqs } = setUp(["celery", "fast", "a"]);
    await call(broker);
    const { messages } = captured[name as keyof typeof captured];
    const { queue } = messages[0];
    const ours = (await read(queue)).sort((a, b) => a.headers.group_index - b.headers.group_index);
    const theirs = await Promise.all(messages.map(({ envelope }) => readMessage(JSON.stringify(envelope))));
    for (const { headers, properties, embed } of theirs) {
      // Of the machine, of the time, or of a bug: the capture's origin came as a property, too.
      headers.origin = origin;
      delete properties.origin;
      if (properties.expiration) {
        properties.expiration = String(Date.parse(headers.expires) - +sqs.clock.now());
      }
      if (name === "chain_opts") headers.eta = writeIsoDate(new Date(+sqs.clock.now() + 5000));
      // Ids of no group's or chain's parent that Celery writes as null.
      for (const { options } of embed.chain ?? []) {
        for (const key of ["root_id", "parent_id"]) if (options[key] === null) delete options[key];
      }
    }
    assert.deepEqual(anonymous(ours), anonymous(theirs));
  });
}

Deno.test("sendTask() shows arguments as Celery does, cut at the same place", () => {
  for (const { args, repr } of values.args) {
    // JSON has no tuple, float or big integer to tell apart.
    const ours = pythonRepr(args);
    if (!/e\+?\d|\d{17}/.test(repr)) assert.equal(ours, repr);
    assert.ok(ours.length < 1200);
  }
  for (const { kwargs, repr } of values.kwargs) assert.equal(pythonRepr(kwargs), repr);
});

Deno.test("dates are read in every form that Python and JavaScript write, and never early", () => {
  for (const { text, milliseconds } of values.dates) assert.equal(+readIsoDate("eta", text)!, milliseconds, text);
  for (const text of [...values.notDates, 5, {}, new Date(NaN)]) {
    assert.throws(() => readIsoDate("eta", text), /'eta' as it must be an instant in ISO 8601/, String(text));
  }
  fc.assert(
    fc.property(fc.date({ min: new Date("0001-01-01"), max: new Date("9999-12-30"), noInvalidDate: true }), (date) => {
      assert.equal(+readIsoDate("eta", writeIsoDate(date))!, +date);
      assert.equal(+readIsoDate("eta", date.toISOString())!, +date);
    }),
  );
});

Deno.test("sendTask() turns a countdown of up to 900 s into DelaySeconds on standard queues only", async () => {
  const { broker, sqs, read } = setUp(["celery", "jobs.fifo"]);
  for (const countdown of [900, 0.5, 901]) await sendTask(broker, add(1, 2), { countdown });
  await sendTask(broker, add(1, 2), { eta: new Date(+sqs.clock.now() + 60_900), queue: "celery" });
  await sendTask(broker, add(1, 2), { countdown: 5, queue: "jobs.fifo" });
  const delays = sqs.messages("celery").map(({ visibleAt, sentAt }) => (+visibleAt - +sentAt) / 1000);
  assert.deepEqual(delays, [900, 0, 0, 60]);
  const [{ headers }] = await read("jobs.fifo");
  assert.equal(headers.eta, "2030-01-01T00:00:05+00:00");
  assert.equal(sqs.messages("jobs.fifo")[0].state, "visible");
});

Deno.test("sendTask() goes through exchanges, and delays where all their queues can", async () => {
  const { broker, sqs } = setUp(["one", "two", "three.fifo"]);
  await declareExchange(broker, "work", { type: "topic" });
  await bind(broker, "one", { exchange: "work", routingKey: "a.*" });
  await bind(broker, "two", { exchange: "work", routingKey: "*.b" });
  await bind(broker, "three.fifo", { exchange: "work", routingKey: "c" });
  await sendTask(broker, add(1, 2), { exchange: "work", routingKey: "a.b", countdown: 10 });
  await sendTask(broker, add(1, 2), { exchange: "work", routingKey: "c", countdown: 10 });
  assert.deepEqual(["one", "two", "three.fifo"].map((queue) => sqs.messages(queue)[0].state), [
    "delayed",
    "delayed",
    "visible",
  ]);
});

Deno.test("sendTask() goes where the call says: its exchange wins over the definition's queue, and the reverse", async () => {
  const { broker, read } = setUp(["celery", "one", "two"]);
  await declareExchange(broker, "work", { type: "direct" });
  await bind(broker, "one", { exchange: "work", routingKey: "k" });
  const [queued, routed] = [task("app.a", { queue: "two" }), task("app.b", { exchange: "work", routingKey: "k" })];
  await sendTask(broker, queued(), { exchange: "work", routingKey: "k" });
  await sendTask(broker, signature(queued(), { exchange: "work", routingKey: "k" }));
  await sendTask(broker, routed(), { queue: "two" });
  assert.deepEqual((await read("one")).map(({ headers }) => headers.task), ["app.a", "app.a"]);
  assert.deepEqual((await read("two")).map(({ headers }) => headers.task), ["app.b"]);
  for (const options of [{}, { routingKey: "k", countdown: 10 }]) {
    await assert.rejects(sendTask(broker, "app.a", { exchange: "wrok", ...options }), UndefinedExchangeError);
  }
  assert.deepEqual(await read("celery"), []);
});

Deno.test("sendTask() tells SQS the group, the deduplication id and the attributes, and Celery none of them", async () => {
  const { broker, sqs, read } = setUp(["jobs.fifo"]);
  await sendTask(broker, add(1, 2), {
    queue: "jobs.fifo",
    groupId: "customer-1",
    deduplicationId: "once",
    messageAttributes: { kind: "sum" },
  });
  const [message] = sqs.messages("jobs.fifo");
  assert.deepEqual([message.groupId, message.deduplicationId], ["customer-1", "once"]);
  assert.equal(message.messageAttributes.kind.StringValue, "sum");
  assert.equal((await read("jobs.fifo"))[0].headers.group, null);
});

Deno.test("sendTask() takes an expires at any distance", async () => {
  const { broker, sqs } = setUp();
  await sendTask(broker, add(1, 2), { expires: "9999-12-31T23:59:59" });
  const { headers, properties } = JSON.parse(atob(sqs.messages("celery")[0].body));
  assert.deepEqual([headers.expires, properties.expiration], ["9999-12-31T23:59:59+00:00", "1000000000000"]);
});

Deno.test("sendTask() compresses as Celery's compression does", async () => {
  const { broker, read } = setUp();
  await sendTask(broker, add(1, 2), { compression: "gzip" });
  const [{ headers, args }] = await read("celery");
  assert.deepEqual([headers.compression, args], ["application/x-gzip", [1, 2]]);
});

Deno.test("sendTask() gives a running task's children their parent and root", async () => {
  const { broker, read } = setUp();
  await sendTask(broker, add(1, 2), { parent: { id: ID, rootId: ID2 } });
  const [{ headers }] = await read("celery");
  assert.deepEqual([headers.parent_id, headers.root_id], [ID, ID2]);
});

Deno.test("sendTask() sends a definition's options, and the call's win", async () => {
  const { broker, read } = setUp(["sums", "celery"]);
  const sum = task<[number], number>("app.sum", { queue: "sums", softTimeLimit: 5 });
  await sendTask(broker, sum(1));
  await sendTask(broker, sum(2), { queue: "celery", timeLimit: 9 });
  assert.deepEqual((await read("sums"))[0].headers.timelimit, [null, 5]);
  assert.deepEqual((await read("celery"))[0].headers.timelimit, [9, 5]);
});

Deno.test("sendTask() hides arguments that are secret, as argsRepr says", async () => {
  const { broker, read } = setUp();
  await sendTask(broker, add(1, 2), { argsRepr: "(…)", kwargsRepr: "{…}" });
  const [{ headers }] = await read("celery");
  assert.deepEqual([headers.argsrepr, headers.kwargsrepr], ["(…)", "{…}"]);
});

Deno.test("sendTask() checks arguments by the schema before anything is sent", async () => {
  const { broker, sqs } = setUp();
  const strict = task("app.add", { args: v.tuple([v.number(), v.number()]) });
  const wrong = strict(1, "2" as never);
  for (
    const call of [wrong, chain(strict(1, 2), wrong), group(strict(1, 2), wrong), signature(wrong, { countdown: 1 })]
  ) {
    await assert.rejects(
      sendTask(broker, call),
      (error) =>
        error instanceof ConfigError && /'app.add' as its arguments don't fit its schema: at '1'/.test(error.message),
    );
  }
  assert.equal(sqs.messages("celery").length, 0);
});

Deno.test("chains and groups are refused where they would be chords, or nothing", async () => {
  const { broker } = setUp();
  const two = group(add(1, 2), add(3, 4));
  assert.throws(() => chain([two, notify.partial()]), /chord, which needs a backend that counts/);
  assert.throws(() => chain([chain([add(1, 2), two]), notify.partial()]), /chord/);
  // As Python writes one.
  const chord = { ...signature("celery.chord", { kwargs: { header: [], body: null } }), subtask_type: "chord" };
  await assert.rejects(sendTask(broker, chord), /Cannot send a chord, which needs a backend that counts/);
  assert.throws(() => chain([]), ConfigError);
  assert.throws(() => group(), ConfigError);
  assert.throws(() => group([]), ConfigError);
  const link = notify.partial() as never;
  await assert.rejects(sendTask(broker, two, { link }), /Cannot link to a group as that is a chord/);
  await assert.rejects(sendTask(broker, chain(add(1, 2), two), { link }), /Cannot link to a group as that is a chord/);
});

Deno.test("group() takes its tasks one by one or as a list, as chain() does", async () => {
  const { broker, read } = setUp();
  assert.deepEqual(group([add(1, 2), mul(3, 4)]), group(add(1, 2), mul(3, 4)));
  const { calls } = await sendTask(broker, group([1, 2, 3].map((x) => add(x, x))));
  assert.deepEqual((await read("celery")).map(({ args }) => args), [[1, 1], [2, 2], [3, 3]]);
  assert.equal(calls.length, 3);
});

Deno.test("the errbacks of a group are those of each of its tasks, at the end of a chain too", async () => {
  const { broker, read } = setUp();
  const linkError = notify.partial();
  const inner = signature(add(5, 6), { linkError: signature("app.own") });
  const all = group(add(1, 2), group(inner), chain(mul(3, 4), mul.partial(5)));
  await sendTask(broker, all, { linkError });
  const sent = await read("celery");
  const names = (list: any) => list?.map(({ task }: { task: string }) => task);
  assert.deepEqual(sent.map(({ embed }) => names(embed.errbacks)), [
    ["app.notify"],
    ["app.own", "app.notify"],
    ["app.notify"],
  ]);
  assert.deepEqual(names(sent[2].embed.chain[0].options.link_error), ["app.notify"]);
  await sendTask(broker, chain(add(1, 2), group(mul.partial(3))), { linkError });
  const last = (await read("celery")).at(-1)!;
  const [end] = last.embed.chain;
  assert.deepEqual([end.subtask_type, end.options.link_error], ["group", undefined]);
  assert.deepEqual(names(end.kwargs.tasks[0].options.link_error), ["app.notify"]);
});

Deno.test("an errback that a task and its chains or groups all have is called once, as with Celery's link_error()", async () => {
  const { broker, read } = setUp();
  const alarm = notify.partial();
  const own = signature(add(1, 2), { linkError: [signature("app.own"), alarm] });
  const inner = signature(chain(own, mul.partial(3)), { linkError: alarm });
  await sendTask(broker, chain(inner, mul.partial(4)), { linkError: [notify.partial(), signature("app.log")] });
  await sendTask(broker, group(own, mul(5, 6)), { linkError: alarm });
  const sent = await read("celery");
  const names = (list: any) => list?.map(({ task }: { task: string }) => task);
  assert.deepEqual(sent.map(({ embed }) => names(embed.errbacks)), [
    ["app.own", "app.notify", "app.log"],
    ["app.own", "app.notify"],
    ["app.notify"],
  ]);
  assert.deepEqual(sent[0].embed.chain.map(({ options }: any) => names(options.link_error)), [
    ["app.notify", "app.log"],
    ["app.notify", "app.log"],
  ]);
});

Deno.test("the calls of a group at the end of a chain know what they wait for", async () => {
  const { broker, read } = setUp();
  const { calls } = await sendTask(broker, chain(add(1, 2), mul.partial(3), group(mul.partial(4), mul.partial(5))));
  const [{ headers, embed }] = await read("celery");
  assert.equal(calls.length, 2);
  for (const call of calls) {
    assert.equal(call.parent?.id, embed.chain[1].options.task_id);
    assert.equal(call.parent?.parent?.id, headers.id);
  }
});

Deno.test("in a group at the end of a chain a group's tasks have a call each, and a chain has its end's", async () => {
  const { broker, read } = setUp();
  const inner = chain(mul.partial(2), mul.partial(3));
  const spread = chain(mul.partial(4), group(mul.partial(5)));
  const { calls } = await sendTask(broker, chain(add(1, 2), group(group(mul.partial(1)), inner, spread)));
  const [{ headers, embed }] = await read("celery");
  const [flat, { kwargs: { tasks: two } }, { kwargs: { tasks: last } }] = embed.chain[0].kwargs.tasks;
  const id = ({ options }: any) => options.task_id;
  assert.deepEqual([calls[0].id, calls[1].id, calls[1].parent?.id], [id(flat), id(two[1]), id(two[0])]);
  assert.equal(calls[1].parent?.parent?.id, headers.id);
  assert.deepEqual([calls[2].id, calls[2].calls[0].id], [id(last[1]), id(last[1].kwargs.tasks[0])]);
  assert.equal(new Set([flat, two, last].flat().map(id)).size, 5);
});

Deno.test("a chain of one is that one: Python loses the arguments of a group in a chain in a group", async () => {
  const { broker, read } = setUp();
  const one = chain([group(mul.partial(2), mul.partial(3))]);
  const { calls } = await sendTask(broker, chain(add(1, 2), group(one, mul.partial(4)))) as GroupCall;
  const [{ embed }] = await read("celery");
  const { tasks } = embed.chain[0].kwargs;
  assert.deepEqual(tasks.map(({ task }: any) => task), ["app.mul", "app.mul", "app.mul"]);
  const ids = tasks.map(({ options }: any) => options.task_id);
  assert.deepEqual([...(calls[0] as unknown as GroupCall).calls, calls[1]].map((call: any) => call.id), ids);
  await sendTask(broker, signature(chain([add(1, 2)]), { id: "end", link: notify.partial() as never }));
  const { headers, embed: { chain: rest, callbacks } } = (await read("celery")).at(-1)!;
  assert.deepEqual([headers.id, headers.task, rest, callbacks[0].task], ["end", "app.add", null, "app.notify"]);
});

Deno.test("what is linked to a chain in a group at the end of a chain is linked to its tasks, once", async () => {
  const { broker, read } = setUp();
  const inner = signature(chain(mul.partial(2), mul.partial(3)), { link: notify.partial() as never });
  await sendTask(broker, chain(add(1, 2), group(inner)), { linkError: notify.partial() });
  const [{ embed }] = await read("celery");
  const [{ options, kwargs: { tasks } }] = embed.chain[0].kwargs.tasks;
  assert.deepEqual([options.link, options.link_error], [undefined, undefined]);
  assert.deepEqual(tasks.map(({ options }: any) => [options.link?.length, options.link_error.length]), [
    [undefined, 1],
    [1, 1],
  ]);
});

Deno.test("chain() unrolls the chains in it, so that one which grows in a loop is not walked down at each step", () => {
  let grown = chain(add(1, 2), mul.partial(1));
  for (let factor = 2; factor <= 50; factor++) grown = chain(grown, mul.partial(factor));
  const steps = grown.kwargs.tasks as Signature[];
  assert.deepEqual(steps.map(({ task, args }) => [task, args.at(-1)]).slice(0, 3), [
    ["app.add", 2],
    ["app.mul", 1],
    ["app.mul", 2],
  ]);
  assert.equal(steps.length, 51);
});

Deno.test("what is linked to a chain is called after what is linked to its last task", async () => {
  const { broker, read } = setUp();
  const last = signature(mul.partial(3), { link: notify("task") });
  await sendTask(broker, signature(chain(add(1, 2), last), { link: notify("chain") as never }));
  const [{ embed }] = await read("celery");
  assert.deepEqual(embed.chain[0].options.link.map(({ args }: { args: unknown[] }) => args), [["task"], ["chain"]]);
});

Deno.test("sendTask() ends with its signal's reason while SQS says nothing", async () => {
  const { broker, sqs } = setUp();
  for (const call of [add(1, 2), group(add(1, 2), add(3, 4)) as never]) {
    const controller = new AbortController();
    sqs.setFaults(({ action }) => {
      if (!action.startsWith("SendMessage")) return undefined;
      controller.abort(new Error("enough"));
      return { type: "slow", seconds: Infinity };
    });
    await assert.rejects(sendTask(broker, call, { signal: controller.signal }), /enough/);
  }
});

Deno.test("a chain in a chain is one chain, and its call is the last task's", async () => {
  const { broker, read } = setUp();
  const call = await sendTask(broker, chain(chain(add(1, 2), mul.partial(3)), mul.partial(4)), {
    linkError: notify.partial(),
  });
  const [{ headers, embed }] = await read("celery");
  assert.deepEqual(embed.chain.map(({ args }: { args: unknown[] }) => args), [[4], [3]]);
  assert.deepEqual(embed.chain.map(({ options }: any) => options.link_error[0].task), ["app.notify", "app.notify"]);
  assert.equal(embed.errbacks[0].task, "app.notify");
  assert.equal(call.id, embed.chain[0].options.task_id);
  assert.equal(call.parent?.id, embed.chain[1].options.task_id);
  assert.equal(call.parent?.parent?.id, headers.id);
});

Deno.test("sendTask() says which tasks of a group were not sent", async () => {
  const { broker, sqs } = setUp(["celery", "small"]);
  const large = signature(add(1, 2), { queue: "nowhere" });
  await assert.rejects(sendTask(broker, group(add(1, 2), large)), (error) => {
    assert.ok(error instanceof PublishError);
    assert.deepEqual([error.sent.length, error.failed[0].queue], [1, "nowhere"]);
    return true;
  });
  assert.equal(sqs.messages("celery").length, 1);
});

Deno.test("wrong options are refused at once, by name", async () => {
  const { broker, sqs } = setUp();
  const wrong: [object, RegExp][] = [
    [{ countdown: -1 }, /'countdown' as it must be a number from 0/],
    [{ eta: "soon" }, /'eta' as it must be a Date or an instant/],
    [{ eta: new Date(NaN) }, /'eta'/],
    [{ expires: "x" }, /'expires'/],
    [{ countdown: 1, eta: new Date() }, /'eta' as it must be left out where 'countdown' is given/],
    [{ retries: 0.5 }, /'retries' as it must be an integer/],
    [{ timeLimit: "5" }, /'timeLimit'/],
    [{ queue: "" }, /'queue' as it must be a string that is not empty/],
    [{ quue: "x" }, /'quue' as there is no such option/],
    [{ link: "app.notify" }, /'link' as it must be a call of a task, such as what add\(2, 3\)/],
    [{ linkError: [notify("x"), notify] }, /'linkError' as it must be a call of a task/],
    [{ headers: 5 }, /'headers' as it must be an object/],
    [{ stamps: ["a"] }, /'stamps' as it must be an object/],
    [{ id: "" }, /'id' as it must be a string that is not empty/],
    [{ ignoreResult: "no" }, /'ignoreResult' as it must be of type boolean/],
    [{ priority: "high" }, /'priority' as it must be an integer from 0 to 255/],
    [{ queue: "q", exchange: "work" }, /'exchange' as it must be left out where 'queue' is given/],
    [{ groupId: "a b" }, /'groupId' as it must be 1 to 128/],
    [{ deduplicationId: "é" }, /'deduplicationId' as it must be 1 to 128/],
  ];
  for (const [options, message] of wrong) {
    await assert.rejects(sendTask(broker, add(1, 2), options), (error) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, message);
      return true;
    });
  }
  await assert.rejects(sendTask(broker, "app.add", { args: 5 as never }), /'args' as it must be an array/);
  await assert.rejects(sendTask(broker, "app.add", { kwargs: [] as never }), /'kwargs' as it must be an object/);
  await assert.rejects(sendTask(broker, "", {}), /'task'/);
  // The task itself is no call of it.
  for (const call of [add, {}, 5, undefined]) {
    await assert.rejects(sendTask(broker, call as never), /'task' as it must be a call of a task/);
    assert.throws(() => chain(add(1, 2), call as never), /'tasks\.1' as it must be a call of a task/);
    assert.throws(() => group(call as never), /'tasks\.0' as it must be a call of a task/);
  }
  assert.throws(() => task(""), ConfigError);
  assert.throws(() => task("app.add", { args: {} as never }), /'args' as it must be a Standard Schema/);
  assert.equal(sqs.requests.count(), 0);
});

Deno.test("a countdown overrides an eta and an eta a countdown: they are one option", async () => {
  const { broker, sqs, read } = setUp();
  const eta = new Date(+sqs.clock.now() + 7200_000);
  const soon = new Date(+sqs.clock.now() + 60_000);
  const [late, early] = [task("app.late", { eta }), task("app.early", { countdown: 60 })];
  await sendTask(broker, early(), { eta, id: "1" });
  await sendTask(broker, late(), { countdown: 60, id: "2" });
  await sendTask(broker, signature(early(), { eta, id: "3" }));
  await sendTask(broker, chain(early(), late()), { eta, id: "4" });
  await sendTask(broker, group(late(), late()), { countdown: 60 });
  const etas = (await read("celery")).map(({ headers }) => +new Date(headers.eta));
  assert.deepEqual(etas, [+eta, +soon, +eta, +eta, +soon, +soon]);
});
