/**
 * A module of Node's, where the runtime has it at hand: Node, Deno, Bun, and Workers with `nodejs_compat`.
 *
 * @param name Its name, with `node:`.
 */
export function builtin<Module>(name: string): Module | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
  try {
    return process?.getBuiltinModule?.(name) as Module | undefined;
  } catch {
    return undefined; // Next.js' edge runtime throws at the mere look
  }
}

/** `node:crypto`'s hash in one call, in hex, where there is one: Node, Deno, Bun, and Workers with `nodejs_compat`. */
export function nodeHash(): ((algorithm: "md5" | "sha256", data: string | Uint8Array) => string) | undefined {
  return builtin<{ hash?: ReturnType<typeof nodeHash> }>("node:crypto")?.hash;
}
