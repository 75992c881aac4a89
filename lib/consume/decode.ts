import { has } from "../check.ts";
import { looksLikePointer } from "../codec/looks_like_pointer.ts";
import type { Codec, Transform } from "../types.ts";
import { type Delivery, heldOf, type UndecodableDelivery } from "./delivery.ts";
import { andThen, letterOf, readBodies } from "./read_bodies.ts";
import type { LeaveUndecodable, UndecodableOptions } from "./undecodable.ts";

/**
 * Decodes bodies: removes an SNS envelope, then reads the text with a codec. A body that can't be read never ends the
 * stream; `onUndecodable` says what becomes of its message. A payload pointer is never taken for an ordinary body.
 *
 * @param codec The codec, or a function that picks one for a delivery.
 * @param options What becomes of a message that can't be read.
 * @returns The transform.
 * @throws {ConfigError} If it is no codec.
 * @see {@link https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html}
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
  options?: LeaveUndecodable,
): Transform<Delivery<string>, Delivery<unknown>>;
/** With `onUndecodable: "deliver"`: what can't be read goes on too. */
export function decode(
  codec: Codec | ((delivery: Delivery<string>) => Codec),
  options?: UndecodableOptions,
): Transform<Delivery<string> | UndecodableDelivery, Delivery<unknown> | UndecodableDelivery>;
export function decode(
  codec: Codec | ((delivery: Delivery<string>) => Codec),
  options: UndecodableOptions = {},
): Transform<any, any> {
  if (typeof codec !== "function") has("decode")("codec", codec);
  return readBodies(options, (delivery) => {
    const { body, messageAttributes } = letterOf(delivery);
    if (looksLikePointer(body)) {
      throw new Error("it is a pointer to a payload: set 'payloads' in connect(), as s3Payloads() is");
    }
    const chosen = typeof codec === "function" ? codec(delivery) : codec;
    const { maxBytes } = heldOf(delivery).consumer.state.options.payloads ?? {};
    return andThen(
      chosen.decode({ body, messageAttributes, maxBytes }),
      ({ body, headers, properties, contentType, contentEncoding }) =>
        delivery.with(body, { headers, properties, contentType, contentEncoding, messageAttributes }),
    );
  });
}
