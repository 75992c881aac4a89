import { stateOf } from "../broker.ts";
import { assertSignal, assertText } from "../check.ts";
import { DoesNotExistQueueError } from "../errors.ts";
import type { Broker } from "../types.ts";
import { exchangeIn } from "./exchange_in.ts";
import { fanoutOf } from "./fanout_of.ts";
import { unsubscribe } from "./unbind.ts";

/**
 * Deletes an exchange and its bindings from the broker's topology; the queues stay. A fanout exchange's queues are
 * unsubscribed first, and then its SNS topic is deleted, for every process that uses it.
 *
 * @param broker What `connect()` gave.
 * @param name The exchange's name.
 * @param options `signal` ends the waiting.
 * @throws {UndefinedExchangeError} If it was not declared.
 * @throws {ConfigError} If an option is wrong, or for a fanout exchange without `connect({ fanout })`.
 * @throws {UnableToUnsubscribeQueueError} If a queue could not be unsubscribed; the topic is still there then.
 * @see {@link https://docs.aws.amazon.com/sns/latest/api/API_DeleteTopic.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { connect, declareExchange, deleteExchange, topology } from "@dashi/sqs";
 *
 * const broker = connect();
 * await declareExchange(broker, "orders", { type: "direct" });
 * await deleteExchange(broker, "orders");
 * assert.deepEqual(topology(broker), { exchanges: {}, bindings: [] });
 * ```
 */
export async function deleteExchange(
  broker: Broker,
  name: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const state = stateOf(broker);
  assertText("exchange", name);
  assertSignal(options);
  const { signal } = options;
  if (exchangeIn(state.topology, name).type === "fanout") {
    const fanout = fanoutOf(broker, name);
    const bound = state.topology.bindings.filter(({ exchange }) => exchange === name);
    for (const queue of new Set(bound.map(({ queue }) => queue))) {
      await unsubscribe(broker, name, queue, signal).catch((error) => {
        // A queue that is gone needs no policy; its subscription goes with the topic.
        if (!(error instanceof DoesNotExistQueueError)) throw error;
      });
    }
    await fanout.remove(broker, name, { signal });
  }
  const { [name]: _, ...exchanges } = state.topology.exchanges;
  state.topology = { exchanges, bindings: state.topology.bindings.filter(({ exchange }) => exchange !== name) };
}
