import { stateOf } from "../broker.ts";
import type { Broker } from "../types.ts";
import { canonicalName } from "./canonical_name.ts";

/**
 * Forgets what was found for a queue, so that the next look-up asks SQS anew.
 *
 * @param broker What `connect()` gave.
 * @param name The queue's name. What a URL or a predefined name stands for is known without SQS.
 */
export function forgetQueue(broker: Broker, name: string): void {
  stateOf(broker).queues.delete(canonicalName(broker, name));
}
