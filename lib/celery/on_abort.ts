/**
 * Calls `heard` when the first of some signals fires, at once if one has. `AbortSignal.any()` would do, but where a signal
 * lives as long as a worker, Node 20 keeps a trace of each call in it.
 *
 * @returns Calls it off.
 */
export function onAbort(signals: readonly AbortSignal[], heard: () => void): () => void {
  for (const signal of signals) signal.addEventListener("abort", heard);
  if (signals.some(({ aborted }) => aborted)) heard();
  return () => {
    // One that has fired calls nothing again; to look for each of thousands in its list would take as many looks each.
    for (const signal of signals) if (!signal.aborted) signal.removeEventListener("abort", heard);
  };
}
