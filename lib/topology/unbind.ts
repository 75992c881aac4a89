import { stateOf } from "../broker.ts";
import type { Broker } from "../types.ts";
import { bindingOf, type BindOptions, sameBinding } from "./bind.ts";
import { exchangeIn } from "./exchange_in.ts";
import { fanoutOf } from "./fanout_of.ts";
import { resolveQueue } from "./resolve_queue.ts";

/**
 * Takes a queue's binding out of the broker's topology; a binding that is not there is no error. For a fanout exchange
 * the queue's last binding also ends its subscription and takes the topic's statement out of the queue's policy, also
 * where another process made them.
 *
 * @param broker What `connect()` gave.
 * @param queue The queue's name or URL, as it was bound.
 * @param options The exchange, and the routing key.
 * @throws {ConfigError} If an argument is wrong, or for fanout without `connect({ fanout })`.
 * @throws {UndefinedExchangeError} If the exchange was not declared.
 * @throws {UnableToUnsubscribeQueueError} If SNS refuses for good; what may pass later is an `AwsError`.
 * @see {@link https://docs.aws.amazon.com/sns/latest/api/API_Unsubscribe.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { bind, connect, declareExchange, route, topology, unbind } from "@dashi/sqs";
 *
 * const broker = connect();
 * await declareExchange(broker, "orders", { type: "direct" });
 * await bind(broker, "europe", { exchange: "orders", routingKey: "eu" });
 * await unbind(broker, "europe", { exchange: "orders", routingKey: "eu" });
 * assert.deepEqual(route(topology(broker), "orders", "eu"), []);
 * ```
 */
export async function unbind(broker: Broker, queue: string, options: BindOptions): Promise<void> {
  const state = stateOf(broker);
  const binding = bindingOf(queue, options);
  const { exchange } = binding;
  const rest = () => state.topology.bindings.filter((other) => !sameBinding(other, binding));
  const staysBound = rest().some((other) => other.exchange === exchange && other.queue === queue);
  if (exchangeIn(state.topology, exchange).type === "fanout" && !staysBound) {
    await unsubscribe(broker, exchange, queue, options.signal);
  }
  state.topology = { exchanges: state.topology.exchanges, bindings: rest() };
}

/**
 * Ends a queue's subscription to a fanout exchange.
 *
 * @throws {UnableToUnsubscribeQueueError} If SNS refuses for good.
 */
export async function unsubscribe(
  broker: Broker,
  exchange: string,
  queue: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const fanout = fanoutOf(broker, exchange);
  await fanout.unbind(broker, exchange, await resolveQueue(broker, queue, { signal, create: false }), { signal });
}
