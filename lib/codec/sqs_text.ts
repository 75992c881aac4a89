/**
 * What text SQS takes. SNS, whose topics feed its queues, has the same rules.
 *
 * @module
 */
import { type Check, refuse } from "../check.ts";
import { ConfigError } from "../errors.ts";

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

/** A check of a message group's id, or of a deduplication id. */
export const assertMessageId: Check = (path, id) => {
  if (typeof id !== "string" || !/^[!-~]{1,128}$/.test(id)) {
    refuse(path, "1 to 128 letters, digits and punctuation marks", id);
  }
};
