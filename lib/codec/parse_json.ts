import { DecodeError } from "../errors.ts";

/** The deepest nesting that is read. Python stops near it, too, and users may recurse over what they get. */
const MAX_DEPTH = 1000;

/**
 * Reads JSON that a stranger wrote.
 *
 * @param text The JSON.
 * @param reviver As for `JSON.parse`.
 * @returns The value.
 * @throws {SyntaxError} If it is no JSON.
 * @throws {DecodeError} If it is nested more than 1,000 deep.
 */
export function parseJson(text: string, reviver?: (this: unknown, key: string, value: unknown) => unknown): unknown {
  // Each level takes two characters, so a short text can't be too deep.
  if (text.length > 2 * MAX_DEPTH) assertShallow(text);
  return JSON.parse(text, reviver);
}

/** The error for text that is no JSON. The runtime's own repeats what the text holds. */
export function notJson(error: unknown, text: string): unknown {
  return error instanceof SyntaxError ? new DecodeError(`Cannot read ${text.length} characters as JSON`) : error;
}

function assertShallow(text: string): void {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === 0x22) at = endOfString(text, at);
    else if ((unit & 0xdf) === 0x5b) { // [ or {
      if (++depth > MAX_DEPTH) throw new DecodeError(`Cannot read JSON that is nested more than ${MAX_DEPTH} deep`);
    } else if ((unit & 0xdf) === 0x5d) depth--; // ] or }
  }
}

/** The end of the string that begins at a quote. `indexOf` is twenty times as fast as a loop over a large one. */
function endOfString(text: string, at: number): number {
  while ((at = text.indexOf('"', at + 1)) > 0) {
    let before = at;
    while (text.charCodeAt(before - 1) === 0x5c) before--;
    if ((at - before) % 2 === 0) return at;
  }
  return text.length;
}

/** Escapes U+FFFE and U+FFFF, which JSON may hold as they are and SQS refuses. */
export function escapeForSqs(json: string): string {
  return json.replace(/[\ufffe\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16)}`);
}
