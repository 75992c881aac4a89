import { is } from "../check.ts";
import type { Broker } from "../types.ts";
import { entityName } from "./entity_name.ts";

/**
 * The name that a queue has at SQS: the broker's `queueNamePrefix` and the name, translated together as kombu does.
 *
 * @param broker What `connect()` gave.
 * @param name A queue's name; not a URL, which has no prefix.
 * @returns The name for SQS.
 * @throws {ConfigError} If it is no text.
 * @see {@link https://docs.celeryq.dev/projects/kombu/en/stable/reference/kombu.transport.SQS.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { canonicalName, connect } from "@dashi/sqs";
 *
 * assert.equal(canonicalName(connect({ queueNamePrefix: "prod." }), "orders.new"), "prod-orders-new");
 * ```
 */
export function canonicalName(broker: Broker, name: string): string {
  is("string")("name", name); // with the prefix before it, anything would be one
  return entityName(broker.queueNamePrefix + name);
}
