import { refuse } from "../check.ts";
import type { Codec } from "../types.ts";
import { readAttributes, writeAttributes } from "./envelope_attributes.ts";

/**
 * The codec for text as it stands, without an envelope. Headers and properties travel as message attributes, as with
 * `json()`.
 *
 * @returns The codec. Its `encode` throws a `ConfigError` for a body that is no string, and for what an attribute can't
 * hold.
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { text } from "@dashi/sqs";
 *
 * const message = await text().decode({ body: "hello", messageAttributes: { tenant: "a", "property.priority": 3 } });
 * assert.deepEqual(message, {
 *   body: "hello",
 *   contentType: "text/plain",
 *   headers: { tenant: "a" },
 *   properties: { priority: 3 },
 * });
 * ```
 */
export function text(): Codec {
  return {
    needs: ["All"], // a header may have any name
    encode(message) {
      const { body } = message;
      if (typeof body !== "string") refuse("body", "a string for text()", body);
      return { body, messageAttributes: writeAttributes("text()", message) };
    },
    decode: ({ body, messageAttributes }) => ({
      body,
      contentType: "text/plain",
      ...readAttributes(messageAttributes),
    }),
  };
}
