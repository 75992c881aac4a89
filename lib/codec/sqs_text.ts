/**
 * What text SQS takes, and how long it is there.
 *
 * @module
 */
import { ConfigError } from "../errors.ts";

/**
 * The length of a text in UTF-8, without a copy of it.
 *
 * @param text Any text.
 * @returns Its bytes; a lone surrogate counts as the three bytes of its replacement.
 */
export function byteLength(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) continue;
    bytes += unit < 0x800 ? 1 : 2;
    // A pair is two units and four bytes.
    if (unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00) at++;
  }
  return bytes;
}

/**
 * Checks that a text has only characters that SQS takes: `#x9 #xA #xD #x20-#xD7FF #xE000-#xFFFD #x10000-#x10FFFF`.
 *
 * @param path The option's path, for the error.
 * @param text The text.
 * @throws {ConfigError} If it holds another one, naming the first and its place.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html}
 */
export function assertSqsText(path: string, text: string): void {
  const at = text.search(/[^\t\n\r -\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u);
  if (at < 0) return;
  const code = text.codePointAt(at)!.toString(16).toUpperCase().padStart(4, "0");
  throw new ConfigError(
    `Cannot send '${path}' as SQS refuses its character U+${code} at offset ${at}: send it as JSON or in base64`,
  );
}
