import { DashiError } from "../errors.ts";

/** What an error says, as texts. JavaScript lets anything be thrown, and what can't be told would be run for ever. */
export function partsOfError(error: unknown): { name: string; message: string; stack: string | null } {
  try {
    const { name, message, stack } = error instanceof Error ? error : new DashiError(String(error));
    return { name: String(name), message: String(message), stack: stack ? String(stack) : null };
  } catch {
    return { name: "Error", message: "What was thrown has no text", stack: null };
  }
}
