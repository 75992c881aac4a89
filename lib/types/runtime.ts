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

/** The `fetch` that the library calls: the standard one, or a stand-in. */
export type Fetch = (input: Request, init?: RequestInit) => Promise<Response>;
