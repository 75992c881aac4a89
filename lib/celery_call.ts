/**
 * Which broker a call went through: kept in a `WeakMap`, so that a call stays plain data that can be logged and compared.
 *
 * @module
 */
import type { Broker, Call } from "./types.ts";

const brokers = new WeakMap<object, Broker>();

/** Remembers the broker of a call, and gives the call. */
export function keepCall<T>(call: Call<T>, broker: Broker): Call<T> {
  brokers.set(call, broker);
  return call;
}

/** The broker that a call went through; undefined for one that came from elsewhere, through JSON say. */
export function brokerOf(call: object): Broker | undefined {
  return brokers.get(call);
}
