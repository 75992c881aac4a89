import type { Transform } from "../types.ts";
import type { Consumer } from "./consumer.ts";
import { decode } from "./decode.ts";
import { type Delivery, heldOf } from "./delivery.ts";
import { dropExpired } from "./drop_expired.ts";
import { keepInvisible } from "./keep_invisible.ts";
import type { ConsumeOptions } from "./options.ts";
import { resolvePayloads } from "./resolve_payloads.ts";
import { validate } from "./validate.ts";

/** What `consume()` does with the messages of its consumer on their way to the loop. */
export function pipelineOf(
  { broker, state: { options: { payloads } } }: Consumer,
  options: ConsumeOptions<any>,
): Transform<Delivery<string>, any> {
  const { schema, onUndecodable } = options;
  const policy = { onUndecodable };
  const steps: (Transform<any, any> | false | undefined)[] = [
    options.heartbeat !== false && keepInvisible(broker),
    payloads &&
    resolvePayloads(payloads, { ...policy, lazy: options.payloads === "lazy", eager: options.payloads === "eager" }),
    decode((delivery) => heldOf(delivery).lane.codec!, policy),
    options.dropExpired !== false && dropExpired(),
    schema && validate(schema, policy),
  ];
  return (source) => steps.reduce<AsyncIterable<any>>((items, step) => step ? step(items) : items, source);
}
