/** True for all that `await` waits for: an ORM's query looks like a promise, and begins when somebody waits for it. */
export function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as Partial<PromiseLike<T>> | undefined | null)?.then === "function";
}
