import { ConfigError } from "../errors.ts";
import type { Codec } from "../types.ts";
import { readAttributes, writeAttributes } from "./envelope_attributes.ts";
import { escapeForSqs, notJson, parseJson } from "./parse_json.ts";

/**
 * The codec for plain JSON without an envelope, as other programs on SQS write it.
 *
 * Headers travel as message attributes of the same name, properties as attributes named `property.<name>`; reading turns
 * them back, for which a receive asks for all message attributes. So a header or property must be a string that is not
 * empty, a finite number, a bigint or bytes, and there are ten in all.
 *
 * @returns The codec. Its `encode` throws a `ConfigError` for what JSON or an attribute can't hold, its `decode` a
 * `DecodeError` for what is no JSON.
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { json } from "@dashi/sqs";
 *
 * const sent = await json().encode({
 *   body: { id: 1 },
 *   headers: { tenant: "a" },
 *   properties: { correlation_id: "c" },
 *   exchange: "",
 *   routingKey: "orders",
 *   messageId: "4b6b1d8e-7b1c-4c55-9f0c-111111111111",
 * });
 * assert.equal(sent.body, '{"id":1}');
 * assert.deepEqual(sent.messageAttributes, { tenant: "a", "property.correlation_id": "c" });
 * ```
 */
export function json(): Codec {
  return {
    needs: ["All"], // a header may have any name
    encode(message) {
      let body: string | undefined;
      try {
        body = JSON.stringify(message.body);
      } catch (cause) {
        throw new ConfigError("Cannot write the body as JSON, which has no bigint and no circle", { cause });
      }
      if (body === undefined) throw new ConfigError(`Cannot write a body of type ${typeof message.body} as JSON`);
      return { body: escapeForSqs(body), messageAttributes: writeAttributes("json()", message) };
    },
    decode({ body, messageAttributes }) {
      try {
        return { body: parseJson(body), contentType: "application/json", ...readAttributes(messageAttributes) };
      } catch (error) {
        throw notJson(error, body);
      }
    },
  };
}
