import { unwrapSns } from "../codec/unwrap_sns.ts";
import { filterMap } from "../streams/filter_map.ts";
import type { PlainAttributeValue, Transform } from "../types.ts";
import { type Delivery, heldOf } from "./delivery.ts";
import { undecodable, type UndecodableOptions } from "./undecodable.ts";

/**
 * Makes a transform that reads bodies, each at once if it can be. Whatever goes wrong makes the message undecodable. What
 * has no body to read passes: what is undecodable already, and a payload that only `stream()` reads.
 */
export function readBodies(
  options: UndecodableOptions,
  read: (delivery: Delivery<any>) => Delivery | Promise<Delivery>,
): Transform<any, any> {
  return filterMap<Delivery<any>, Delivery>((delivery) => {
    if (delivery.error || (delivery.body === undefined && heldOf(delivery).payload)) return delivery;
    const fail = (error: unknown) => undecodable(delivery, error, options);
    try {
      const done = read(delivery);
      return done instanceof Promise ? done.catch(fail) : done;
    } catch (error) {
      return fail(error);
    }
  });
}

/** Goes on with a value: at once, unless it is promised. */
export function andThen<T extends object, U>(value: T | PromiseLike<T>, next: (value: T) => U): U | Promise<U> {
  return "then" in value ? Promise.resolve(value).then(next) : next(value);
}

/** A message's text and attributes, out of SNS's envelope where they came in one. */
export function letterOf({ body, messageAttributes }: Delivery<string>): {
  readonly body: string;
  readonly messageAttributes: Readonly<Record<string, PlainAttributeValue>>;
} {
  const envelope = unwrapSns(body);
  return envelope
    ? { body: envelope.body, messageAttributes: { ...messageAttributes, ...envelope.messageAttributes } }
    : { body, messageAttributes };
}
