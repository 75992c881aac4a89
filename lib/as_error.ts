import { DashiError } from "./errors.ts";

/** What was thrown as an error: a signal's reason, a codec's or a handler's throw may be anything. `says` stands for its text. */
export function asError(cause: unknown, says?: string): Error {
  try {
    return cause instanceof Error ? cause : new DashiError(says ?? String(cause), { cause });
  } catch {
    return new DashiError("Thrown without text"); // an object without a prototype, for one
  }
}
