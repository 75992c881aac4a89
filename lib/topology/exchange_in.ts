import { UndefinedExchangeError } from "../errors.ts";
import type { Topology } from "../types.ts";

/**
 * The exchange of a name.
 *
 * @throws {UndefinedExchangeError} If it was not declared.
 */
export function exchangeIn(topology: Topology, name: string): Topology["exchanges"][string] {
  const { exchanges = {} } = topology;
  if (Object.hasOwn(exchanges, name)) return exchanges[name];
  throw new UndefinedExchangeError(
    `Cannot use the exchange '${name}' as it was not declared: declareExchange() or connect({ topology }) does it`,
  );
}
