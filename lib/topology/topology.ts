import { stateOf } from "../broker.ts";
import type { Broker, Topology } from "../types.ts";

/**
 * The broker's exchanges and bindings as they are now: plain, frozen data that goes through `JSON.stringify` and back
 * into `connect({ topology })`, in another process too.
 *
 * @param broker What `connect()` gave.
 * @returns A snapshot; later declarations don't change it.
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { bind, connect, declareExchange, topology } from "@dashi/sqs";
 *
 * const here = connect();
 * await declareExchange(here, "news", { type: "topic" });
 * await bind(here, "sport", { exchange: "news", routingKey: "*.sport" });
 * const there = connect({ topology: JSON.parse(JSON.stringify(topology(here))) });
 * assert.deepEqual(topology(there), topology(here));
 * ```
 */
export function topology(broker: Broker): Topology {
  const { exchanges, bindings } = stateOf(broker).topology;
  const copies = Object.entries(exchanges).map(([name, exchange]) => [name, Object.freeze({ ...exchange })]);
  return Object.freeze({
    exchanges: Object.freeze(Object.fromEntries(copies)),
    bindings: Object.freeze(bindings.map((binding) => Object.freeze({ ...binding }))),
  });
}
