import { stateOf } from "../broker.ts";
import { ConfigError } from "../errors.ts";
import type { Broker, Fanout } from "../types.ts";

/**
 * What does the broker's fanout.
 *
 * @throws {ConfigError} If there is none: a fanout message is never dropped silently.
 */
export function fanoutOf(broker: Broker, exchange: string): Fanout {
  const { fanout } = stateOf(broker).options;
  if (fanout) return fanout;
  throw new ConfigError(
    `Cannot use the fanout exchange '${exchange}' without connect({ fanout }): pass snsFanout() of @dashi/sqs/fanout`,
  );
}
