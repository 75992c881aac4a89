/** True for text that XML 1.0 can carry, whatever is escaped. */
export function fitsXml(text: string): boolean {
  // deno-lint-ignore no-control-regex -- these are the characters that XML has no way to write
  return !/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/.test(text) && text.isWellFormed();
}

/**
 * Escapes text for an element's content. A carriage return that stands bare would be read as a newline; a quote may
 * stand bare, and some servers know no other.
 */
export function xmlText(text: string): string {
  return text.replace(/[&<>\r]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
