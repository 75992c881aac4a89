import { stateOf } from "../broker.ts";
import { assertOptions, assertText, has, oneOf } from "../check.ts";
import { ConfigError } from "../errors.ts";
import type { Broker, ExchangeType } from "../types.ts";
import { fanoutOf } from "./fanout_of.ts";

/** Options of {@linkcode declareExchange}. */
export interface DeclareExchangeOptions {
  /** How it routes. */
  readonly type: ExchangeType;
  /**
   * The queue for messages that no binding takes, kombu's `deadletter_queue`. Default: none. Of no effect on a fanout
   * exchange: SNS takes every message, and does not tell that nobody is subscribed.
   */
  readonly unroutableQueue?: string | undefined;
  /** Ends it before it has begun, as in the verbs that ask AWS. */
  readonly signal?: AbortSignal | undefined;
}

const isType = /* @__PURE__ */ oneOf("direct", "topic", "fanout");

/**
 * Declares an exchange in the broker's topology. It sends nothing: direct and topic exchanges live in the topology alone,
 * and the SNS topic of a fanout exchange is made by the first `bind` or `publish`, as in kombu. Declaring the same
 * exchange again changes nothing.
 *
 * @param broker What `connect()` gave.
 * @param name The exchange's name.
 * @param options Its type, and the queue for what it can't route.
 * @throws {ConfigError} If an option is wrong, if it was declared with other options, or if it is a fanout exchange and
 * there is no `connect({ fanout })`.
 * @throws The signal's reason.
 * @see {@link https://www.rabbitmq.com/tutorials/amqp-concepts}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { bind, connect, declareExchange, route, topology } from "@dashi/sqs";
 *
 * const broker = connect();
 * await declareExchange(broker, "news", { type: "topic", unroutableQueue: "lost" });
 * await bind(broker, "sport", { exchange: "news", routingKey: "*.sport.#" });
 * assert.deepEqual(route(topology(broker), "news", "eu.sport"), ["sport"]);
 * ```
 */
// deno-lint-ignore require-await -- the exchange verbs all give promises, and a wrong argument is a rejection
export async function declareExchange(broker: Broker, name: string, options: DeclareExchangeOptions): Promise<void> {
  const state = stateOf(broker);
  assertText("exchange", name);
  assertOptions<DeclareExchangeOptions>("", options, {
    type: isType,
    unroutableQueue: assertText,
    signal: has("throwIfAborted"),
  });
  const { type, unroutableQueue, signal } = options;
  isType("type", type);
  signal?.throwIfAborted();
  if (type === "fanout") fanoutOf(broker, name);
  const { exchanges, bindings } = state.topology;
  const known = Object.hasOwn(exchanges, name) ? exchanges[name] : undefined;
  if (known?.type === type && known.unroutableQueue === unroutableQueue) return;
  if (known) {
    throw new ConfigError(
      `Cannot declare the exchange '${name}' as ${JSON.stringify({ type, unroutableQueue })} ` +
        `as it is ${JSON.stringify(known)}: use another name, or deleteExchange() first`,
    );
  }
  const declared = Object.freeze(unroutableQueue === undefined ? { type } : { type, unroutableQueue });
  state.topology = { exchanges: { ...exchanges, [name]: declared }, bindings };
}
