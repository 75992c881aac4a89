/** How deep causes are looked through: those of what a `fetch` throws may go round in a circle. */
const MAX_DEPTH = 10;

/**
 * Takes out what a server may have repeated of the keys and the signature: in its words, its code or its request id, and
 * in the causes of an error.
 */
export function redact<T extends object>(seen: T, secrets: readonly string[]): T {
  for (const secret of secrets) {
    // A short one is an emulator's dummy, which may be a word of the message.
    if (secret.length < 16) continue;
    // The slash is all of a key that JSON may escape.
    for (const form of [secret, encodeURIComponent(secret), secret.replaceAll("/", "\\/")]) {
      for (let at = seen as any, left = MAX_DEPTH; at && left--; at = at.cause) {
        for (const key of Object.getOwnPropertyNames(at)) {
          if (at[key]?.includes?.(form)) at[key] = at[key].replaceAll(form, "…");
        }
      }
    }
  }
  return seen;
}
