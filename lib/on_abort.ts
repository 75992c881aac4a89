/** What is to be called when a signal fires. */
const heardBy = /* @__PURE__ */ new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `heard` when a signal fires, at once if it has. However many listen, the signal has one listener: Node 20 takes
 * more than ten for a leak, and says so.
 *
 * @returns Calls it off.
 */
export function onAbort(signal: AbortSignal, heard: () => void): () => void {
  if (signal.aborted) heard();
  const all = heardBy.get(signal) ?? new Set();
  if (!all.size) signal.addEventListener("abort", tell);
  heardBy.set(signal, all.add(heard));
  return () => {
    all.delete(heard);
    if (!all.size) signal.removeEventListener("abort", tell);
  };
}

function tell({ currentTarget }: Event): void {
  heardBy.get(currentTarget as AbortSignal)!.forEach((heard) => heard());
}
