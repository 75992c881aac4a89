import { onAbort } from "./on_abort.ts";

/** Settles as a promise does, or rejects with the signal's reason when that fires: the work itself goes on. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise<T>((resolve, reject) => {
    const leave = () => reject(signal.reason);
    // It may have fired already: by the work itself, which began before.
    promise.then(resolve, reject).finally(onAbort(signal, leave));
  });
}
