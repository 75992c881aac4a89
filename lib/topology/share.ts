import { type BrokerState, once } from "../broker.ts";
import { unlessAborted } from "../unless_aborted.ts";

/**
 * Does a piece of work once for all who ask while it is under way, and lets each of them stop waiting alone. The work
 * hears the signal of whoever began it; when that one leaves, the next one begins it anew.
 *
 * @param state The state of the broker that shares.
 * @param key What the work is, with its room's name in front.
 * @param signal Ends this caller's wait; the promise then rejects with the signal's reason.
 * @param work Does it.
 */
export async function share<T extends object>(
  state: BrokerState,
  key: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const left = (error: unknown): undefined => {
    if (!signal?.aborted) throw error;
  };
  for (;;) {
    signal?.throwIfAborted();
    const value = await unlessAborted(once(state, key, () => work().catch(left)), signal);
    if (value) return value;
  }
}
