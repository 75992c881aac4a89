import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { route, type Topology, UndefinedExchangeError } from "../../mod.ts";
import kombuTopics from "../vectors/kombu_topics.json" with { type: "json" };

function topic(...patterns: string[]): Topology {
  return {
    exchanges: { news: { type: "topic" } },
    bindings: patterns.map((routingKey) => ({ exchange: "news", queue: `q ${routingKey}`, routingKey })),
  };
}
const takes = (pattern: string, key: string) => route(topic(pattern), "news", key).length === 1;

/** AMQP's rule, word for word: slow, and plain to see. */
function oracle(pattern: readonly string[], words: readonly string[]): boolean {
  if (pattern.length === 0) return words.length === 0;
  const [first, ...rest] = pattern;
  if (first === "#") return oracle(rest, words) || (words.length > 0 && oracle(pattern, words.slice(1)));
  return words.length > 0 && (first === "*" || first === words[0]) && oracle(rest, words.slice(1));
}

Deno.test("route() takes the keys that AMQP's rule takes", () => {
  const word = fc.constantFrom("a", "b", "*", "#", "");
  const pattern = fc.array(word, { maxLength: 6 });
  const key = fc.array(fc.constantFrom("a", "b", ""), { maxLength: 6 });
  fc.assert(
    fc.property(pattern, key, (pattern, key) => {
      // One empty word and no word at all are written the same.
      fc.pre(pattern.join(".") !== "" || pattern.length === 0);
      fc.pre(key.join(".") !== "" || key.length === 0);
      assert.equal(takes(pattern.join("."), key.join(".")), oracle(pattern, key));
    }),
    { numRuns: 5000 },
  );
});

Deno.test("route() takes the keys that kombu takes, for patterns without #", () => {
  for (const { pattern, key, matches } of kombuTopics) assert.equal(takes(pattern, key), matches, `${pattern} ${key}`);
});

Deno.test("route() lets # be no word, in front, between and behind", () => {
  for (const pattern of ["#", "#.a", "a.#", "#.a.#", "a.#.#"]) assert.equal(takes(pattern, "a"), true, pattern);
  assert.equal(takes("a.#.b", "a.b"), true);
  assert.equal(takes("#", ""), true);
  assert.equal(takes("*", ""), false);
  assert.equal(takes("a.*", "a"), false);
});

Deno.test("route() reads no regular expression in a pattern", () => {
  assert.equal(takes("a+", "aa"), false);
  assert.equal(takes("(a|b)", "a"), false);
  assert.equal(takes("a*", "ab"), false);
  assert.equal(takes("(a+)+$", "(a+)+$"), true);
});

Deno.test("route() takes few steps for a hostile pattern", () => {
  const pattern = Array(2000).fill("#.a").join(".") + ".b";
  const key = Array(4000).fill("a").join(".");
  assert.equal(takes(pattern, key), false);
});

Deno.test("route() gives each queue once, in the order of the bindings", () => {
  const topology: Topology = {
    exchanges: { news: { type: "topic" } },
    bindings: [
      { exchange: "news", queue: "second", routingKey: "b.#" },
      { exchange: "news", queue: "first", routingKey: "a.#" },
      { exchange: "news", queue: "third", routingKey: "#" },
      { exchange: "news", queue: "first", routingKey: "*.x" },
      { exchange: "other", queue: "stranger", routingKey: "#" },
    ],
  };
  assert.deepEqual(route(topology, "news", "a.x"), ["first", "third"]);
});

Deno.test("route() compares keys of a direct exchange, and takes them all for fanout", () => {
  const bindings = ["x", "news", "direct"].flatMap((exchange) => [
    { exchange, queue: "one", routingKey: "a.*" },
    { exchange, queue: "two", routingKey: "a.b" },
  ]);
  const topology: Topology = { exchanges: { direct: { type: "direct" }, news: { type: "fanout" } }, bindings };
  assert.deepEqual(route(topology, "direct", "a.b"), ["two"]);
  assert.deepEqual(route(topology, "direct", "c"), []);
  assert.deepEqual(route(topology, "news", "anything"), ["one", "two"]);
});

Deno.test("route() sends the default exchange's messages to the queue of their key", () => {
  const topology: Topology = { exchanges: {}, bindings: [] };
  assert.deepEqual(route(topology, "", "orders"), ["orders"]);
  assert.deepEqual(route(topology, "", ""), []);
});

Deno.test("route() knows only exchanges that were declared", () => {
  for (const name of ["news", "__proto__", "toString", "constructor"]) {
    assert.throws(
      () => route({ exchanges: {}, bindings: [] }, name, "a"),
      (error) => error instanceof UndefinedExchangeError && error.message.includes(`'${name}'`),
    );
  }
});

Deno.test("route() takes a topology without bindings, as connect() does, and refuses what is none", () => {
  assert.deepEqual(route({ exchanges: { news: { type: "topic" } } } as unknown as Topology, "news", "a"), []);
  for (const topology of [undefined, "news", []] as unknown as Topology[]) {
    assert.throws(() => route(topology, "news", "a"), { name: "ConfigError", message: /'topology'/ });
  }
  assert.throws(() => route({} as Topology, "news", "a"), UndefinedExchangeError);
});
