import { stateOf } from "../broker.ts";
import { assertOptions, assertText, has, is } from "../check.ts";
import type { Broker, Topology } from "../types.ts";
import { exchangeIn } from "./exchange_in.ts";
import { fanoutOf } from "./fanout_of.ts";
import { resolveQueue } from "./resolve_queue.ts";

/** Options of {@linkcode bind} and `unbind`. */
export interface BindOptions {
  /** The exchange's name. */
  readonly exchange: string;
  /** The key, or a topic exchange's pattern; a fanout exchange takes no notice of it. Default: the empty string. */
  readonly routingKey?: string | undefined;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Binds a queue to an exchange, in the broker's topology. For a fanout exchange the queue is subscribed to the SNS topic
 * with raw delivery, the topic being made if it must, and the queue's policy lets the topic send to it. Binding again
 * changes nothing.
 *
 * @param broker What `connect()` gave.
 * @param queue The queue's name or URL.
 * @param options The exchange, and the routing key.
 * @throws {ConfigError} If an argument is wrong, or for fanout without `connect({ fanout })`.
 * @throws {UndefinedExchangeError} If the exchange was not declared.
 * @throws {UnableToSubscribeQueueError} If SNS refuses for good; what may pass later is an `AwsError`.
 * @see {@link https://www.rabbitmq.com/tutorials/amqp-concepts}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { bind, connect, declareExchange, topology } from "@dashi/sqs";
 *
 * const broker = connect();
 * await declareExchange(broker, "orders", { type: "direct" });
 * await bind(broker, "europe", { exchange: "orders", routingKey: "eu" });
 * assert.deepEqual(topology(broker).bindings, [{ exchange: "orders", queue: "europe", routingKey: "eu" }]);
 * ```
 */
export async function bind(broker: Broker, queue: string, options: BindOptions): Promise<void> {
  const state = stateOf(broker);
  const binding = bindingOf(queue, options);
  const { exchange } = binding;
  const { signal } = options;
  if (exchangeIn(state.topology, exchange).type === "fanout") {
    const fanout = fanoutOf(broker, exchange);
    await fanout.bind(broker, exchange, await resolveQueue(broker, queue, { signal }), { signal });
  }
  const { exchanges, bindings } = state.topology;
  if (bindings.some((other) => sameBinding(other, binding))) return;
  state.topology = { exchanges, bindings: [...bindings, binding] };
}

/** A binding, checked. */
export function bindingOf(queue: string, options: BindOptions): Topology["bindings"][number] {
  assertText("queue", queue);
  assertOptions<BindOptions>("", options, {
    exchange: assertText,
    routingKey: is("string"),
    signal: has("throwIfAborted"),
  });
  const { exchange, routingKey = "" } = options;
  assertText("exchange", exchange);
  return Object.freeze({ exchange, queue, routingKey });
}

/** True if both say the same. One of a topology that was passed in may have no key, which is the empty one. */
export function sameBinding(a: Topology["bindings"][number], b: Topology["bindings"][number]): boolean {
  return a.exchange === b.exchange && a.queue === b.queue && (a.routingKey ?? "") === (b.routingKey ?? "");
}
