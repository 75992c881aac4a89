/**
 * The ledger: one file that all processes append to. A line is one write, so lines of several processes stay whole, keep
 * the order in which they happened, and outlive a process that is killed.
 *
 * @module
 */

/** What a line says, by its first letter. */
export type Line =
  /** A publisher was told that message `id` was taken. */
  | readonly [kind: "sent", id: number, process: string]
  /** A publisher was told that it was not, and will try again. */
  | readonly [kind: "refused", id: number, process: string, code: string]
  /** A consumer has handled a message: written before it is acked. */
  | readonly [kind: "handled", id: number, process: string, messageId: string, receiveCount: number]
  | readonly [kind: "acked", id: number, process: string, messageId: string]
  | readonly [kind: "unacked", id: number, process: string, messageId: string, code: string]
  /** A consumer lost a message to its visibility timeout. */
  | readonly [kind: "lapsed", process: string, messageId: string]
  | readonly [kind: "killed", process: string]
  | readonly [kind: "heap", process: string, bytes: number]
  | readonly [kind: "failed", process: string, what: string];

const encoder = new TextEncoder();

/** Opens the ledger for appending. */
export function openLedger(path: string): (...line: Line) => void {
  const file = Deno.openSync(path, { append: true, create: true });
  return (...line) => void file.writeSync(encoder.encode(JSON.stringify(line) + "\n"));
}

/** Reads it from the beginning. */
export function readLedger(path: string): Line[] {
  return Deno.readTextFileSync(path).split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

/** Notes this process's heap every two seconds. */
export function watchHeap(note: (...line: Line) => void, name: string): () => void {
  const { gc } = globalThis as { gc?: () => void };
  const timer = setInterval(() => {
    gc?.(); // what is garbage is not held
    note("heap", name, Deno.memoryUsage().heapUsed);
  }, 2000);
  return () => clearInterval(timer);
}
