import { asError } from "../as_error.ts";

/** What an error says, as texts. JavaScript lets anything be thrown, and what can't be told would be run for ever. */
export function partsOfError(error: unknown): { name: string; message: string; stack: string | null } {
  try {
    const { name, message, stack } = asError(error);
    return { name: `${name}`, message: `${message}`, stack: stack ? `${stack}` : null };
  } catch {
    return partsOfError("Thrown without text");
  }
}
