/** How many causes are looked through: those of what a `fetch` throws may go round in a circle. */
const MAX_CAUSES = 9;

/**
 * Takes out what a server may have repeated of the keys and the signature: in its words, its code or its request id, and
 * in the causes of an error.
 */
export function redact<T extends object>(seen: T, secrets: readonly string[]): T {
  for (const secret of secrets) {
    // A short one is an emulator's dummy, which may be a word of the message.
    if (secret.length < 16) continue;
    // JSON may escape the slash, too, and some servers do.
    const json = JSON.stringify(secret).slice(1, -1).replaceAll("/", "\\/");
    for (const form of [secret, encodeURIComponent(secret), json]) {
      for (let at = seen as any, causes = 0; at && causes <= MAX_CAUSES; at = at.cause, causes++) {
        for (const key of Object.getOwnPropertyNames(at)) {
          if (at[key]?.includes?.(form)) at[key] = at[key].replaceAll(form, "…");
        }
      }
    }
  }
  return seen;
}
