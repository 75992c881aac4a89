import { assertText, refuse } from "../check.ts";
import { byteLength } from "../codec/base64.ts";

/** Bytes of an S3 key. */
export const MAX_KEY_BYTES = 1024;

/**
 * A key as the path of a URL: each segment percent-encoded, every `/` kept, so that spaces, `+`, `%`, unicode and `//`
 * arrive as they are.
 *
 * @param key The key, 1 to 1,024 bytes of UTF-8.
 * @returns The path, beginning with `/`.
 * @throws {ConfigError} If S3 takes no such key, or if no URL can carry it: `.` and `..` as segments are taken out of
 * every URL on its way, however they are written, and would lead to another object.
 * @see {@link https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { objectPath } from "@dashi/sqs/s3";
 *
 * assert.equal(objectPath("a b/c+d//e"), "/a%20b/c%2Bd//e");
 * ```
 */
export function objectPath(key: string): string {
  assertText("key", key);
  if (!key.isWellFormed() || byteLength(key) > MAX_KEY_BYTES) {
    refuse("key", `well-formed text of at most ${MAX_KEY_BYTES} bytes`, key);
  }
  if (key.split("/").some((segment) => segment === "." || segment === "..")) {
    refuse("key", "a key without '.' and '..' as segments, which no URL can carry", key);
  }
  return "/" + encodeURIComponent(key)
    .replace(/%2F/g, "/")
    .replace(/[!'()*]/g, (sign) => "%" + sign.charCodeAt(0).toString(16).toUpperCase());
}
