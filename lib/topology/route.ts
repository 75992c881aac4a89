import { is } from "../check.ts";
import type { Topology } from "../types.ts";
import { exchangeIn } from "./exchange_in.ts";

/**
 * The queues that a message goes to: a pure function over plain data, by the rules of AMQP 0-9-1.
 *
 * - the default exchange, `""`, routes to the queue that the routing key names;
 * - `direct` routes to the queues that are bound with the same key;
 * - `topic` patterns are words with dots between them: `*` is one word, `#` is none or more;
 * - `fanout` routes to every queue that is bound.
 *
 * kombu differs on SQS: its `a.#` does not take `a`, and its `*` takes no empty word, as in `a..b`. RabbitMQ does, and so
 * does this.
 *
 * @param topology Exchanges and bindings.
 * @param exchange The exchange's name; the empty string for the default exchange.
 * @param routingKey The message's routing key.
 * @returns The names of the queues, each once, in the order of their bindings; an empty list if none is bound.
 * @throws {ConfigError} If the topology is no object.
 * @throws {UndefinedExchangeError} If there is no such exchange.
 * @see {@link https://www.rabbitmq.com/tutorials/amqp-concepts}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { route, type Topology } from "@dashi/sqs";
 *
 * const topology: Topology = {
 *   exchanges: { news: { type: "topic" } },
 *   bindings: [
 *     { exchange: "news", queue: "sport", routingKey: "*.sport.#" },
 *     { exchange: "news", queue: "all", routingKey: "#" },
 *   ],
 * };
 * assert.deepEqual(route(topology, "news", "eu.sport"), ["sport", "all"]);
 * assert.deepEqual(route(topology, "news", "eu.weather"), ["all"]);
 * assert.deepEqual(route(topology, "", "orders"), ["orders"]);
 * ```
 */
export function route(topology: Topology, exchange: string, routingKey = ""): string[] {
  is("object")("topology", topology);
  if (exchange === "") return routingKey ? [routingKey] : [];
  const { type } = exchangeIn(topology, exchange);
  const words = type === "topic" ? wordsOf(routingKey) : [];
  const { bindings = [] } = topology; // as connect() takes it
  const bound = bindings.filter(({ exchange: from, routingKey: key = "" }) =>
    from === exchange && (type === "fanout" || (type === "direct" ? key === routingKey : matches(key, words)))
  );
  return [...new Set(bound.map(({ queue }) => queue))];
}

function wordsOf(key: string): string[] {
  return key === "" ? [] : key.split(".");
}

/** Goes back to the last `#` only, which is enough: at most pattern times key steps, whatever the pattern. */
function matches(pattern: string, words: readonly string[]): boolean {
  const wanted = wordsOf(pattern);
  let at = 0;
  let hash = -1; // where the last `#` stands in the pattern
  let taken = 0; // up to where it has taken words
  for (let word = 0; word < words.length;) {
    if (wanted[at] === "#") {
      hash = at++;
      taken = word;
    } else if (at < wanted.length && (wanted[at] === "*" || wanted[at] === words[word])) {
      at++;
      word++;
    } else if (hash >= 0) {
      at = hash + 1;
      word = ++taken;
    } else return false;
  }
  while (wanted[at] === "#") at++;
  return at === wanted.length;
}
