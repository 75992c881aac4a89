/**
 * What a broker takes from the runtime, and tests from elsewhere: time and `fetch`.
 *
 * @module
 */

/** A source of time. Tests pass one that they wind forward themselves. */
export interface Clock {
  /** The current instant: a `Date`, or milliseconds since the epoch. */
  now(): Date | number;
  /**
   * Waits, in seconds. When `signal` is aborted the wait ends at once; whether it then resolves or rejects
   * is the clock's choice, the library accepts both.
   */
  sleep(seconds: number, signal?: AbortSignal): Promise<void>;
}

/**
 * The `fetch` that the library calls: the standard one, or a stand-in.
 *
 * It is called with a `Request` of the runtime's own. Node's `fetch` takes a `dispatcher` of npm's undici beside it, such
 * as a `ProxyAgent`. The `fetch` that undici or node-fetch export takes no such request: give it the request's `url`, and
 * its `method`, `headers`, `body` and `signal` with `redirect: "manual"` and `duplex: "half"`.
 *
 * @example Through a proxy, in Node
 * ```ts
 * import { connect } from "@dashi/sqs";
 *
 * const dispatcher = undefined; // new ProxyAgent("http://proxy.internal:3128")
 * const broker = connect({ http: { fetch: (request, init) => fetch(request, { ...init, ...{ dispatcher } }) } });
 * ```
 */
export type Fetch = (input: Request, init?: RequestInit) => Promise<Response>;
