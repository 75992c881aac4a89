import { has } from "../check.ts";
import { looksLikePointer } from "../codec/pointer.ts";
import { unwrapSns } from "../codec/sns_envelope.ts";
import { DecodeError } from "../errors.ts";
import { filterMap } from "../streams/filter_map.ts";
import type { Codec, DecodedMessage, Transform } from "../types.ts";
import { type Delivery, heldOf, type UndecodableDelivery } from "./delivery.ts";
import { undecodable, type UndecodableOptions } from "./undecodable.ts";

/**
 * Decodes bodies: removes an SNS envelope, then reads the text with a codec. A body that can't be read never ends the
 * stream; `onUndecodable` says what becomes of its message. A payload pointer is never taken for an ordinary body.
 *
 * @param codec The codec, or a function that picks one for a delivery.
 * @param options What becomes of a message that can't be read.
 * @returns The transform.
 * @throws {ConfigError} If it is no codec.
 *
 * @example Usage
 * ```ts
 * import { connect, decode, json, keepInvisible, pipe, receive } from "@dashi/sqs";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const broker = connect(memorySqs().connectOptions);
 * const orders = pipe(receive(broker, "orders"), keepInvisible(broker), decode(json()));
 * ```
 */
export function decode(
  codec: Codec | ((delivery: Delivery<string>) => Codec),
  options: UndecodableOptions & { readonly onUndecodable: "deliver" },
): Transform<Delivery<string> | UndecodableDelivery, Delivery<unknown> | UndecodableDelivery>;
/** Without the ones that can't be read. */
export function decode(
  codec: Codec | ((delivery: Delivery<string>) => Codec),
  options?: UndecodableOptions,
): Transform<Delivery<string>, Delivery<unknown>>;
export function decode(
  codec: Codec | ((delivery: Delivery<string>) => Codec),
  options: UndecodableOptions = {},
): Transform<any, any> {
  if (typeof codec !== "function") has("decode")("codec", codec);
  return filterMap<Delivery<string>, Delivery<unknown>>((delivery) => {
    if (delivery.error || (delivery.body === undefined && heldOf(delivery).payload)) return delivery;
    const fail = (error: unknown) => undecodable<unknown>(delivery, error, options);
    try {
      const envelope = unwrapSns(delivery.body);
      const body = envelope?.body ?? delivery.body;
      if (looksLikePointer(body)) {
        throw new DecodeError(
          `Cannot read message ${delivery.messageId} of '${delivery.queue}' as its body is a pointer to a payload: ` +
            "pass connect({ payloads: s3Payloads({ bucket }) })",
        );
      }
      const messageAttributes = envelope
        ? { ...delivery.messageAttributes, ...envelope.messageAttributes }
        : delivery.raw.MessageAttributes
        ? delivery.messageAttributes
        : {};
      const { decode } = typeof codec === "function" ? { decode: codec(delivery).decode } : codec;
      const done = ({ body, headers, properties, contentType, contentEncoding }: DecodedMessage) =>
        delivery.with(body, { headers, properties, contentType, contentEncoding, messageAttributes });
      const { maxBytes } = heldOf(delivery).consumer.state.options.payloads ?? {};
      const decoded = decode({ body, messageAttributes, maxBytes });
      return "then" in decoded ? Promise.resolve(decoded).then(done).catch(fail) : done(decoded);
    } catch (error) {
      return fail(error);
    }
  });
}
