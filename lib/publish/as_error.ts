import { DashiError } from "../errors.ts";

/** What was thrown as an error: a signal's reason or a codec's throw may be anything. */
export function asError(cause: unknown): Error {
  return cause instanceof Error ? cause : new DashiError(String(cause), { cause });
}
