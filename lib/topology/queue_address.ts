import { ConfigError } from "../errors.ts";
import { assertPlainUrl, regionIn } from "../http/endpoint.ts";
import type { PredefinedQueue, QueueAddress } from "../types.ts";

/** The address of a queue. Without `region` and `predefined` its region and keys are the broker's. */
export function queueAddress(name: string, url: string, region?: string, predefined?: PredefinedQueue): QueueAddress {
  const address = { name, url, fifo: url.endsWith(".fifo"), region };
  // Keys are in both: no log, serialiser or inspector is to show them.
  const hidden = { credentials: { get: () => predefined?.credentials }, predefined: { get: () => predefined } };
  return Object.freeze(Object.defineProperties(address, hidden));
}

/**
 * The address of a queue whose URL the user gave. A URL of AWS names the region that its requests must be signed for,
 * whatever the broker's is.
 *
 * @throws {ConfigError} If no name stands at the URL's end.
 */
export function givenAddress(url: string, name?: string, predefined?: PredefinedQueue): QueueAddress {
  assertPlainUrl("queue", url);
  name ??= new URL(url).pathname.split("/").pop();
  if (!name) throw new ConfigError("Cannot use a queue URL that does not end in the queue's name");
  return queueAddress(name, url, predefined?.region ?? regionIn(url), predefined);
}
