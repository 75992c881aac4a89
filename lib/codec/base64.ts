/**
 * Base64 in both directions: native where the runtime has it, else on `atob` and `btoa`, which all have.
 *
 * @module
 */

/** The part of the standard that older runtimes lack. */
interface NativeBase64 {
  fromBase64?(text: string, options: { lastChunkHandling: "strict" }): Uint8Array<ArrayBuffer>;
}

/**
 * Writes bytes as base64, padded.
 *
 * @param bytes The bytes.
 * @returns The text, of the alphabet with `+` and `/`.
 */
export function toBase64(bytes: Uint8Array): string {
  const native = bytes as Uint8Array & { toBase64?(): string };
  return native.toBase64?.() ?? btoa(binaryString(bytes));
}

/** A string with one character a byte, made in pieces as an argument list has a limit. */
function binaryString(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode.apply(null, bytes.subarray(at, at + 8192) as unknown as number[]);
  }
  return text;
}

/**
 * Writes text as base64 of its UTF-8.
 *
 * @param text The text; mostly ASCII, which needs no detour over bytes.
 * @returns The base64.
 */
export function textToBase64(text: string): string {
  return isAscii(text) ? btoa(text) : toBase64(utf8Bytes(text));
}

function isAscii(text: string): boolean {
  return byteLength(text) === text.length;
}

/**
 * The length of a text in UTF-8.
 *
 * @param text Any text.
 * @returns Its bytes; a lone surrogate counts as the three bytes of its replacement.
 */
export function byteLength(text: string): number {
  const { Buffer } = globalThis as { Buffer?: { byteLength?(text: string): number } };
  // Node's count takes a sixth of the time of encoding, and encoding half of that of a loop or a search.
  return Buffer?.byteLength?.(text) ?? utf8Bytes(text).length;
}

/**
 * Reads base64.
 *
 * @param text Base64, padded; white space in it is passed over.
 * @returns The bytes, in a buffer of their own.
 * @throws {Error} If it is not base64: a `SyntaxError` or `DOMException`, as the runtime has it.
 */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const native = (Uint8Array as NativeBase64).fromBase64;
  if (native) return native.call(Uint8Array, text, { lastChunkHandling: "strict" });
  if (text.replace(/\s/g, "").length % 4) throw new SyntaxError("Base64 must be padded");
  return bytesOf(atob(text));
}

function bytesOf(binary: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

/**
 * Reads base64 that holds UTF-8. Mostly that is plain ASCII, which `atob` gives without a detour over bytes.
 *
 * @param text Base64, padded, without white space.
 * @returns The text; undefined if it is not base64, not the one way to write it, or not UTF-8.
 */
export function textFromBase64(text: string): string | undefined {
  try {
    const binary = atob(text);
    // atob() also takes white space, missing padding, and bits in the last group that no byte keeps.
    const last = binary.length % 3;
    if (text.length !== Math.ceil(binary.length / 3) * 4) return undefined;
    if (last && !text.endsWith(btoa(binary.slice(-last)))) return undefined;
    return isAscii(binary) ? binary : utf8Text(fromBase64(text));
  } catch {
    return undefined;
  }
}

/**
 * Reads UTF-8.
 *
 * @throws {TypeError} If it is not UTF-8.
 */
export function utf8Text(bytes: Uint8Array): string {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  // What is no UTF-8 was decoded as U+FFFD, which may also stand in the text itself. To decode each text with `fatal`
  // would take Deno six times as long.
  if (text.includes("\ufffd")) new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  return text;
}

/** Writes UTF-8. */
export function utf8Bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
