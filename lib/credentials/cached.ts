/**
 * The one cache that the providers share.
 *
 * @module
 */
import { nowOf, once } from "../broker.ts";
import { CredentialsError } from "../errors.ts";
import { endpointFor } from "../http/endpoint.ts";
import { backoffSeconds } from "../http/retryable.ts";
import type { CredentialContext, CredentialProvider, Credentials } from "../types.ts";
import { unlessAborted } from "../unless_aborted.ts";

/** Seconds before the end of keys at which new ones are asked for, where nothing else is said. */
const REFRESH_BEFORE = 60;
/** Seconds that keys are used which seem to have ended on arrival: our clock must be wrong, and AWS decides. */
const LATE = 60;

/** What is kept for one endpoint. */
interface Entry {
  keys?: Credentials;
  /** Milliseconds: new keys are asked for from then on. */
  refreshAt: number;
  /** Milliseconds: the keys are not given any more from then on. */
  endsAt: number;
  failures: number;
  readonly pending: Map<string, Promise<unknown>>;
}

/**
 * Makes a provider that keeps its keys.
 *
 * All who ask while keys are fetched share that one refresh, and an abort ends only the wait of the one who aborts. Keys
 * are refreshed `refreshBefore` seconds ahead of their end, by one caller while the others go on with those that still
 * hold. A refresh that fails keeps keys that have not ended, says so in a `credentials` event and is tried again after
 * a growing wait. Keys that AWS refused as expired are asked for anew, unless the cache has others since. In Workers a
 * refresh belongs to its own invocation, and only what came of it is shared.
 *
 * @param name The provider, for events.
 * @param load Fetches keys. Its context has no signal, as others may wait for the same keys.
 * @param refreshBefore Seconds.
 */
export function cached(
  name: string,
  load: (context: CredentialContext) => Promise<Credentials>,
  refreshBefore: number = REFRESH_BEFORE,
): CredentialProvider {
  // By STS's endpoint: keys of an emulator are none of AWS.
  const entries = new Map<string, Entry>();

  async function refresh(entry: Entry, context: CredentialContext): Promise<Credentials> {
    try {
      const keys = Object.freeze({ ...await load({ ...context, signal: undefined, rejected: undefined }) });
      const now = nowOf(context);
      const end = keys.expiration ? +keys.expiration : Infinity;
      const left = end > now ? end - now : LATE * 1000;
      entry.keys = keys;
      entry.endsAt = now + left;
      // Half of the keys' life is used at least: else a large `refreshBefore` would fetch new ones for every request.
      entry.refreshAt = entry.endsAt - Math.min(refreshBefore * 1000, left === Infinity ? 0 : left / 2);
      entry.failures = 0;
      context.emit?.({ type: "credentials", provider: name, expiration: keys.expiration });
      return keys;
    } catch (cause) {
      const error = cause instanceof Error ? cause : new CredentialsError(`Cannot get keys from ${name}`);
      const { random = Math.random } = context;
      entry.refreshAt = nowOf(context) + 1000 * (1 + backoffSeconds(++entry.failures, random, 2, 60));
      context.emit?.({ type: "credentials", provider: name, error });
      throw error;
    }
  }

  return async (context) => {
    const { signal, rejected } = context;
    signal?.throwIfAborted();
    const endpoint = endpointFor("sts", context.endpoint) ?? "";
    let entry = entries.get(endpoint);
    if (!entry) entries.set(endpoint, entry = { refreshAt: 0, endsAt: 0, failures: 0, pending: new Map() });
    const { keys, pending } = entry;
    // What AWS has refused for one caller is given to no other.
    if (keys && rejected && isSame(keys, rejected)) entry.endsAt = 0;
    const good = keys && nowOf(context) < entry.endsAt;
    if (good && (nowOf(context) < entry.refreshAt || pending.size)) return keys;
    try {
      return await unlessAborted(once(entry, "refresh", () => refresh(entry, context)), signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (good) return keys;
      throw error;
    }
  };
}

function isSame(a: Credentials, b: Credentials): boolean {
  return a.accessKeyId === b.accessKeyId && a.secretAccessKey === b.secretAccessKey &&
    a.sessionToken === b.sessionToken;
}
