import { refuse } from "../check.ts";
import { assertPlainUrl } from "../http/endpoint.ts";
import type { PredefinedQueue, QueueAddress } from "../types.ts";

/** The address of a queue. Where it is not `predefined`, its region is the URL's or the broker's, its keys the broker's. */
export function queueAddress(name: string, url: string, predefined?: PredefinedQueue): QueueAddress {
  const address = { name, url, fifo: url.endsWith(".fifo"), region: predefined?.region };
  // Keys are in both: no log, serialiser or inspector is to show them.
  const hidden = { credentials: { get: () => predefined?.credentials }, predefined: { get: () => predefined } };
  return Object.freeze(Object.defineProperties(address, hidden));
}

/**
 * The address of a queue whose URL the user gave.
 *
 * @throws {ConfigError} If no name stands at the URL's end.
 */
export function givenAddress(url: string, name?: string, predefined?: PredefinedQueue): QueueAddress {
  assertPlainUrl("queue", url);
  name ??= new URL(url).pathname.split("/").pop();
  if (!name) refuse("queue", "a URL that ends in the queue's name", url);
  return queueAddress(name, url, predefined);
}
