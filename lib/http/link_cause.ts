/**
 * Makes the error of the try before the cause of this one. Whoever sees a refusal must know that an earlier try got no
 * answer: that one may have been carried out. Nothing is done where it can't be: a `fetch` or a provider may throw the
 * same error again, and a listener may have frozen it.
 */
export function linkCause(error: Error, before: Error | undefined): void {
  if (before && before !== error && !error.cause) Reflect.set(error, "cause", before);
}
