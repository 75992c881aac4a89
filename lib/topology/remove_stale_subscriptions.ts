import { stateOf } from "../broker.ts";
import { assertSignal } from "../check.ts";
import { ConfigError } from "../errors.ts";
import type { Broker } from "../types.ts";
import { exchangeIn } from "./exchange_in.ts";
import { fanoutOf } from "./fanout_of.ts";

/**
 * Removes the subscriptions of a fanout exchange whose queue is gone. Only queues of our own account count: another
 * account's can't be seen from here.
 *
 * @param broker What `connect()` gave.
 * @param exchange The exchange's name.
 * @param options `signal` ends the waiting.
 * @returns The ARNs of the subscriptions that were removed.
 * @throws {UndefinedExchangeError} If the exchange was not declared.
 * @throws {ConfigError} If an option is wrong, if it is no fanout exchange, or without `connect({ fanout })`.
 * @see {@link https://docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { connect, declareExchange, removeStaleSubscriptions } from "@dashi/sqs";
 *
 * const broker = connect();
 * await declareExchange(broker, "orders", { type: "direct" });
 * await assert.rejects(removeStaleSubscriptions(broker, "orders"), /it is direct/);
 * ```
 */
export async function removeStaleSubscriptions(
  broker: Broker,
  exchange: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<string[]> {
  assertSignal(options);
  const { type } = exchangeIn(stateOf(broker).topology, exchange);
  if (type !== "fanout") {
    throw new ConfigError(
      `Cannot remove subscriptions of '${exchange}' as only fanout exchanges have any: it is ${type}`,
    );
  }
  return await fanoutOf(broker, exchange).removeStale(broker, exchange, options);
}
