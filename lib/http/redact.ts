/** Takes out what a server may have repeated of the keys and the signature: in its words, its code or its request id. */
export function redact<T extends object>(seen: T, secrets: readonly string[]): T {
  for (const secret of secrets) {
    // A short one is an emulator's dummy, which may be a word of the message.
    if (secret.length < 16) continue;
    for (const form of [secret, encodeURIComponent(secret)]) {
      // Where there are keys the error is ours: what a provider of keys throws may be its own cause.
      for (let at = seen as any; at; at = at.cause) {
        for (const key of Object.getOwnPropertyNames(at)) {
          if (at[key]?.includes?.(form)) at[key] = at[key].replaceAll(form, "…");
        }
      }
    }
  }
  return seen;
}
