/**
 * Gives an error that of the try before as its cause: a refusal says nothing of that try, which may have been carried out.
 * It does so where it can: a `fetch` or a provider may throw one error again and again, a listener may freeze what it hears.
 */
export function linkCause(error: Error, before: Error | undefined): void {
  if (before && before !== error && !error.cause) Reflect.set(error, "cause", before);
}
