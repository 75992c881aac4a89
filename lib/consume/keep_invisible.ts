import { stateOf } from "../broker.ts";
import { filterMap } from "../streams/filter_map.ts";
import type { Broker, Transform } from "../types.ts";
import { consumerOf } from "./deliveries.ts";
import { type Delivery, heldOf } from "./delivery.ts";

/**
 * Keeps what is held invisible until it is settled, in batches of ten, for up to SQS's 12 hours. Right behind `receive`
 * it begins with the receipt, buffer included; further down, with the first delivery that passes.
 *
 * @param broker What `connect()` gave.
 * @returns The transform. It does not change the deliveries.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html}
 *
 * @example Usage
 * ```ts
 * import { connect, keepInvisible, pipe, receive } from "@dashi/sqs";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const broker = connect(memorySqs().connectOptions);
 * const deliveries = pipe(receive(broker, "orders"), keepInvisible(broker));
 * ```
 */
export function keepInvisible<D extends Pick<Delivery<unknown>, "messageId">>(broker: Broker): Transform<D, D> {
  stateOf(broker);
  return (source) => {
    const consumer = consumerOf(source);
    if (!consumer) return passing(source);
    return {
      [Symbol.asyncIterator]() {
        consumer.beats = true;
        return source[Symbol.asyncIterator]();
      },
    };
  };
}

const passing: Transform<any, any> = /* @__PURE__ */ filterMap((delivery: Delivery<unknown>) => {
  const { consumer } = heldOf(delivery);
  if (!consumer.beats) {
    consumer.beats = true;
    consumer.wake();
  }
  return delivery;
});
