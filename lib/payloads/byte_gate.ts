import { assertWithin } from "../check.ts";
import { onAbort } from "../on_abort.ts";
import type { PayloadGate } from "../types.ts";

/**
 * Bounds the bytes that are downloaded at once: for the `gate` of a payload store of your own. Downloads enter in the
 * order in which they asked, so that small ones can't keep a large one out for ever; one that is larger than the bound
 * enters alone.
 *
 * @param most The bound in bytes, 1 or more.
 * @returns The gate.
 * @throws {ConfigError} If the bound is less than 1, or no number.
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { byteGate } from "@dashi/sqs/payloads";
 *
 * const gate = byteGate(10);
 * const leave = await gate.enter(8);
 * const next = gate.enter(3); // waits for the first to leave
 * leave();
 * assert.equal(typeof await next, "function");
 * ```
 */
export function byteGate(most: number): PayloadGate {
  assertWithin("most", most, 1, Infinity, true);
  let inside = 0;
  const waiting: { bytes: number; admit: () => void }[] = [];
  const next = () => {
    while (waiting.length && (inside === 0 || inside + waiting[0].bytes <= most)) {
      const { bytes, admit } = waiting.shift()!;
      inside += bytes;
      admit();
    }
  };
  return {
    async enter(bytes, signal) {
      signal?.throwIfAborted();
      await new Promise<void>((resolve, reject) => {
        const leave = () => {
          callOff?.();
          waiting.splice(waiting.indexOf(entry), 1);
          next();
          reject(signal!.reason);
        };
        const entry = {
          bytes,
          admit: () => {
            callOff?.();
            resolve();
          },
        };
        const callOff = signal && onAbort(signal, leave);
        waiting.push(entry);
        next();
      });
      let held = true;
      return () => {
        if (!held) return;
        held = false;
        inside -= bytes;
        next();
      };
    },
  };
}
