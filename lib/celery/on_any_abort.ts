import { onAbort } from "../on_abort.ts";

/**
 * Calls `heard` when one of some signals fires, at once if one has. `AbortSignal.any()` would do, but where a signal lives
 * as long as a worker, Node 20 keeps a trace of each call in it.
 *
 * @returns Calls it off.
 */
export function onAnyAbort(signals: readonly AbortSignal[], heard: () => void): () => void {
  const callOffs = signals.map((signal) => onAbort(signal, heard));
  return () => callOffs.forEach((callOff) => callOff());
}
