import assert from "node:assert/strict";
import {
  AwsError,
  bind,
  ConfigError,
  type ConnectOptions,
  declareExchange,
  deleteExchange,
  deleteQueue,
  DoesNotExistQueueError,
  type Fanout,
  type QueueAddress,
  removeStaleSubscriptions,
  route,
  topology,
  unbind,
  UndefinedExchangeError,
} from "../../mod.ts";
import { setUp as setUpWith } from "./setup.ts";

const setUp = (options?: ConnectOptions) => setUpWith(options, ["a", "b"]);

/** A fanout that writes down what it is asked for. */
function recorder(fail: Partial<Record<keyof Fanout, Error>> = {}) {
  const calls: string[] = [];
  const note = (verb: keyof Fanout) => (_: unknown, exchange: string, queue?: QueueAddress | object) => {
    calls.push([verb, exchange, ...(queue && "url" in queue ? [queue.url.split("/").pop()] : [])].join(" "));
    return fail[verb] ? Promise.reject(fail[verb]) : Promise.resolve();
  };
  const fanout = {
    bind: note("bind"),
    unbind: note("unbind"),
    remove: note("remove"),
    removeStale: (...args) => note("removeStale")(...args).then(() => ["arn:stale"]),
    declare: () => Promise.reject(new Error("unused")),
    limit: () => Promise.reject(new Error("unused")),
    publish: () => Promise.reject(new Error("unused")),
  } satisfies Fanout;
  return { calls, fanout };
}

Deno.test("declareExchange() may be repeated, and refuses to change an exchange", async () => {
  const { broker } = setUp();
  await declareExchange(broker, "news", { type: "topic", unroutableQueue: "lost" });
  await declareExchange(broker, "news", { type: "topic", unroutableQueue: "lost" });
  await assert.rejects(
    declareExchange(broker, "news", { type: "direct", unroutableQueue: "lost" }),
    (error) => error instanceof ConfigError && /"direct".*"topic"/.test(error.message),
  );
  await assert.rejects(declareExchange(broker, "news", { type: "topic" }), ConfigError);
  assert.deepEqual(topology(broker).exchanges, { news: { type: "topic", unroutableQueue: "lost" } });
});

Deno.test("declareExchange() refuses wrong arguments", async () => {
  const { broker } = setUp();
  await assert.rejects(declareExchange(broker, "", { type: "topic" }), ConfigError);
  await assert.rejects(declareExchange(broker, "news", { type: "headers" as "topic" }), ConfigError);
  await assert.rejects(declareExchange(broker, "news", { type: "topic", unroutableQueue: "" }), ConfigError);
});

Deno.test("declareExchange() takes a signal, as the verbs that ask AWS do", async () => {
  const { broker } = setUp();
  await declareExchange(broker, "news", { type: "topic", signal: new AbortController().signal });
  const signal = AbortSignal.abort(new Error("enough"));
  await assert.rejects(declareExchange(broker, "late", { type: "topic", signal }), /enough/);
  assert.deepEqual(Object.keys(topology(broker).exchanges), ["news"]);
  await assert.rejects(declareExchange(broker, "late", { type: "topic", signal: 5 as never }), ConfigError);
});

Deno.test("bind() and unbind() of direct and topic exchanges send nothing", async () => {
  const { sqs, broker } = setUp();
  await declareExchange(broker, "news", { type: "topic" });
  await bind(broker, "a", { exchange: "news", routingKey: "x.#" });
  await bind(broker, "a", { exchange: "news", routingKey: "x.#" });
  await bind(broker, "a", { exchange: "news", routingKey: "y" });
  await bind(broker, "nowhere", { exchange: "news", routingKey: "x.*" });
  assert.equal(topology(broker).bindings.length, 3);
  assert.deepEqual(route(topology(broker), "news", "x.1"), ["a", "nowhere"]);
  await unbind(broker, "a", { exchange: "news", routingKey: "x.#" });
  await unbind(broker, "a", { exchange: "news", routingKey: "never bound" });
  assert.deepEqual(route(topology(broker), "news", "x.1"), ["nowhere"]);
  assert.deepEqual(route(topology(broker), "news", "y"), ["a"]);
  assert.equal(sqs.requests.count(), 0);
});

Deno.test("bind(), unbind(), deleteExchange() and removeStaleSubscriptions() know only declared exchanges", async () => {
  const { fanout } = recorder();
  const { broker } = setUp({ fanout });
  for (const exchange of ["news", "__proto__", "constructor"]) {
    await assert.rejects(bind(broker, "a", { exchange }), UndefinedExchangeError);
    await assert.rejects(unbind(broker, "a", { exchange }), UndefinedExchangeError);
    await assert.rejects(deleteExchange(broker, exchange), UndefinedExchangeError);
    await assert.rejects(removeStaleSubscriptions(broker, exchange), UndefinedExchangeError);
  }
  await assert.rejects(bind(broker, "a", { exchange: "" }), ConfigError);
  await assert.rejects(bind(broker, "", { exchange: "news" }), ConfigError);
});

Deno.test("fanout without connect({ fanout }) is a ConfigError, wherever it is asked for", async () => {
  const declared = { exchanges: { news: { type: "fanout" } }, bindings: [] } as const;
  const { broker } = setUp({ topology: declared });
  const says = (error: Error) => error instanceof ConfigError && /snsFanout\(\)/.test(error.message);
  await assert.rejects(declareExchange(broker, "other", { type: "fanout" }), says);
  await assert.rejects(bind(broker, "a", { exchange: "news" }), says);
  await assert.rejects(unbind(broker, "a", { exchange: "news" }), says);
  await assert.rejects(deleteExchange(broker, "news"), says);
  await assert.rejects(removeStaleSubscriptions(broker, "news"), says);
});

Deno.test("bind() subscribes a fanout exchange's queue, and unbind() ends that with its last binding", async () => {
  const { calls, fanout } = recorder();
  const { broker } = setUp({ fanout });
  await declareExchange(broker, "news", { type: "fanout" });
  assert.deepEqual(calls, []);
  await bind(broker, "a", { exchange: "news" });
  await bind(broker, "a", { exchange: "news", routingKey: "x" });
  assert.deepEqual(calls.splice(0), ["bind news a", "bind news a"]);
  await unbind(broker, "a", { exchange: "news" });
  assert.deepEqual(calls, []);
  await unbind(broker, "a", { exchange: "news", routingKey: "x" });
  assert.deepEqual(calls, ["unbind news a"]);
  assert.deepEqual(topology(broker).bindings, []);
});

Deno.test("bind() and unbind() hand on why it failed, with what may be retried, and change nothing then", async () => {
  const refusal = new AwsError("SNS is busy", {
    service: "sns",
    action: "Subscribe",
    status: 503,
    awsCode: "ServiceUnavailable",
    retryable: true,
  });
  const { fanout } = recorder({ bind: refusal, unbind: refusal, remove: refusal });
  const bindings = [{ exchange: "news", queue: "b", routingKey: "" }];
  const { broker } = setUp({ fanout, topology: { exchanges: { news: { type: "fanout" } }, bindings } });
  const isRefusal = (error: unknown) => error === refusal;
  await assert.rejects(bind(broker, "a", { exchange: "news" }), isRefusal);
  await assert.rejects(bind(broker, "missing", { exchange: "news" }), DoesNotExistQueueError);
  await assert.rejects(unbind(broker, "b", { exchange: "news" }), isRefusal);
  await assert.rejects(deleteExchange(broker, "news"), isRefusal);
  await assert.rejects(deleteQueue(broker, "b"), isRefusal);
  assert.deepEqual(topology(broker), { exchanges: { news: { type: "fanout" } }, bindings });
  const unbound = setUp({ fanout, topology: { exchanges: { news: { type: "fanout" } }, bindings: [] } }).broker;
  await assert.rejects(deleteExchange(unbound, "news"), isRefusal);
  assert.ok("news" in topology(unbound).exchanges);
});

Deno.test("fanout is handed each verb's signal", async () => {
  const signals: Record<string, AbortSignal | undefined> = {};
  const { fanout } = recorder();
  const keep = (verb: string) => (...args: unknown[]) => {
    signals[verb] = (args.at(-1) as { signal?: AbortSignal }).signal;
    return Promise.resolve([]);
  };
  const { broker } = setUp({
    fanout: { ...fanout, ...Object.fromEntries(["bind", "unbind", "remove", "removeStale"].map((v) => [v, keep(v)])) },
    topology: { exchanges: { news: { type: "fanout" } }, bindings: [] },
  });
  const of = Object.fromEntries(
    ["bind", "unbind", "removeStale", "remove"].map((verb) => [verb, new AbortController().signal]),
  );
  await bind(broker, "a", { exchange: "news", signal: of.bind });
  await unbind(broker, "a", { exchange: "news", signal: of.unbind });
  await removeStaleSubscriptions(broker, "news", { signal: of.removeStale });
  await bind(broker, "b", { exchange: "news" });
  await deleteExchange(broker, "news", { signal: of.remove });
  for (const verb of ["removeStale", "remove"]) assert.equal(signals[verb], of[verb], verb);
  assert.equal(signals.unbind, of.remove, "deleteExchange() unbinds the queues first");
});

Deno.test("bind() rejects with its signal's reason", async () => {
  const { broker } = setUp({
    fanout: recorder().fanout,
    topology: { exchanges: { n: { type: "fanout" } }, bindings: [] },
  });
  const signal = AbortSignal.abort(new Error("enough"));
  await assert.rejects(bind(broker, "a", { exchange: "n", signal }), /^Error: enough$/);
});

Deno.test("deleteExchange() unsubscribes the queues, deletes the topic and leaves the queues", async () => {
  const { calls, fanout } = recorder();
  const { sqs, broker } = setUp({ fanout });
  await declareExchange(broker, "news", { type: "fanout" });
  await declareExchange(broker, "other", { type: "direct" });
  await bind(broker, "a", { exchange: "news" });
  await bind(broker, "a", { exchange: "news", routingKey: "again" });
  await bind(broker, "b", { exchange: "news" });
  await bind(broker, "b", { exchange: "other", routingKey: "k" });
  await deleteExchange(broker, "news");
  assert.deepEqual(calls.slice(3), ["unbind news a", "unbind news b", "remove news"]);
  assert.deepEqual(topology(broker), {
    exchanges: { other: { type: "direct" } },
    bindings: [{ exchange: "other", queue: "b", routingKey: "k" }],
  });
  assert.deepEqual(sqs.queueNames.toSorted(), ["a", "b"]);
});

Deno.test("deleteExchange() minds no bound queue that is gone", async () => {
  const { calls, fanout } = recorder();
  const bindings = ["gone", "a"].map((queue) => ({ exchange: "news", queue, routingKey: "" }));
  const { broker } = setUp({ fanout, topology: { exchanges: { news: { type: "fanout" } }, bindings } });
  await deleteExchange(broker, "news");
  assert.deepEqual(calls, ["unbind news a", "remove news"]);
});

Deno.test("deleteQueue() unsubscribes the queue first", async () => {
  const { calls, fanout } = recorder();
  const { sqs, broker } = setUp({ fanout });
  await declareExchange(broker, "news", { type: "fanout" });
  await bind(broker, "a", { exchange: "news" });
  await deleteQueue(broker, "a");
  assert.deepEqual(calls, ["bind news a", "unbind news a"]);
  assert.deepEqual(sqs.queueNames, ["b"]);
});

Deno.test("removeStaleSubscriptions() gives what was removed, of fanout exchanges only", async () => {
  const { calls, fanout } = recorder();
  const { broker } = setUp({ fanout });
  await declareExchange(broker, "news", { type: "fanout" });
  await declareExchange(broker, "plain", { type: "direct" });
  assert.deepEqual(await removeStaleSubscriptions(broker, "news"), ["arn:stale"]);
  await assert.rejects(removeStaleSubscriptions(broker, "plain"), ConfigError);
  assert.deepEqual(calls, ["removeStale news"]);
});

Deno.test("topology() is a frozen snapshot that goes through JSON into another broker", async () => {
  const { broker } = setUp();
  await declareExchange(broker, "__proto__", { type: "direct" });
  await bind(broker, "a", { exchange: "__proto__", routingKey: "k" });
  const snapshot = topology(broker);
  const { broker: other } = setUp({ topology: JSON.parse(JSON.stringify(snapshot)) });
  assert.deepEqual(JSON.stringify(topology(other)), JSON.stringify(snapshot));
  assert.deepEqual(route(topology(other), "__proto__", "k"), ["a"]);
  await bind(broker, "b", { exchange: "__proto__", routingKey: "k" });
  assert.equal(snapshot.bindings.length, 1);
  const frozen = [snapshot, snapshot.exchanges, snapshot.bindings, snapshot.bindings[0]];
  for (const part of frozen) assert.ok(Object.isFrozen(part));
  assert.equal(Object.hasOwn(Object.prototype, "type"), false);
});

Deno.test("topologies that were passed in are never changed", async () => {
  const given = { exchanges: { news: { type: "topic" as const } }, bindings: [] };
  const { broker } = setUp({ topology: given });
  await declareExchange(broker, "other", { type: "direct" });
  await bind(broker, "a", { exchange: "news" });
  assert.deepEqual(given, { exchanges: { news: { type: "topic" } }, bindings: [] });
});
