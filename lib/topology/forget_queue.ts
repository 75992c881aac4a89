import { stateOf } from "../broker.ts";
import type { Broker } from "../types.ts";
import { canonicalName } from "./canonical_name.ts";

/**
 * Forgets what was found for a queue, so that the next look-up asks SQS anew.
 *
 * @param broker What `connect()` gave.
 * @param nameOrUrl A queue's name or URL.
 */
export function forgetQueue(broker: Broker, nameOrUrl: string): void {
  const { queues } = stateOf(broker);
  queues.delete(nameOrUrl);
  queues.delete(canonicalName(broker, nameOrUrl));
}
