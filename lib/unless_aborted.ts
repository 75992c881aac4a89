import { onAbort } from "./on_abort.ts";

/** Settles as a promise does, or rejects with the signal's reason when that fires: the work itself goes on. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise<T>((resolve, reject) => {
    const leave = () => reject(signal.reason);
    // The work has begun by now, and may have aborted it itself.
    promise.then(resolve, reject).finally(onAbort(signal, leave));
  });
}
