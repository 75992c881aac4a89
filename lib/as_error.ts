import { DashiError } from "./errors.ts";

/**
 * Gives what was thrown as an `Error`: a signal's reason, or what a codec or a handler throws, may be any value. For one
 * that is no error, `says` is the message; without it, the value as text.
 */
export function asError(cause: unknown, says?: string): Error {
  try {
    return cause instanceof Error ? cause : new DashiError(says ?? String(cause), { cause });
  } catch {
    return new DashiError("Thrown without text"); // an object without a prototype, for one
  }
}
