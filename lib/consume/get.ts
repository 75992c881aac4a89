import { stateOf } from "../broker.ts";
import { assertOptions } from "../check.ts";
import { filterMap } from "../streams/filter_map.ts";
import type { Broker } from "../types.ts";
import { createConsumer } from "./consumer.ts";
import { deliveriesOf } from "./deliveries.ts";
import { type Delivery, heldOf } from "./delivery.ts";
import { finish, letGo } from "./end.ts";
import type { ConsumeOptions } from "./options.ts";
import { pipelineOf } from "./pipeline_of.ts";
import { leaveUndecodable } from "./undecodable.ts";

/**
 * Takes one message, if there is one: AMQP's `basic.get`. Nothing keeps it invisible but its visibility timeout, and
 * nothing is left running: no timer, so that its `signal` never fires.
 *
 * @param broker What `connect()` gave.
 * @param name A queue's name or URL.
 * @param options Signal, and how long to wait, in seconds, 0 to 20. Default: 0.
 * @returns The delivery, or undefined if the queue is empty.
 * @throws {ConfigError} If an option is unknown or wrong.
 * @throws {AwsError} If the queue does not exist or may not be used, or after `http.maxAttempts` receives that failed.
 * @throws The signal's reason.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { connect, get, publish } from "@dashi/sqs";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const sqs = memorySqs();
 * sqs.createQueue("orders");
 * const broker = connect(sqs.connectOptions);
 * await publish(broker, { id: 1 }, { queue: "orders" });
 * const delivery = await get(broker, "orders");
 * assert.deepEqual(delivery?.body, { id: 1 });
 * await delivery?.ack();
 * ```
 */
export async function get(
  broker: Broker,
  name: string,
  options: { readonly signal?: AbortSignal | undefined; readonly waitTimeSeconds?: number | undefined } = {},
): Promise<Delivery<unknown> | undefined> {
  assertOptions("", options, { signal() {}, waitTimeSeconds() {} }); // consume() checks what they are
  const { signal, waitTimeSeconds = 0 } = options;
  const once: ConsumeOptions = {
    signal,
    waitTimeSeconds,
    maxMessages: 1,
    prefetch: 1,
    untilEmpty: true,
    heartbeat: false,
    onUndecodable: "deliver",
  };
  const consumer = createConsumer(broker, name, once);
  consumer.patience = stateOf(broker).maxAttempts; // whoever asks once wants an answer
  const seen = new Set<string>();
  // What can't be read comes again, and what lapses while its payload is read: who has seen it looks no further.
  const looked = filterMap<Delivery<string>, Delivery<string>>((delivery) => {
    if (seen.has(delivery.messageId)) finish(consumer);
    seen.add(delivery.messageId);
    return delivery;
  });
  const readable = filterMap<Delivery, Delivery>((delivery) => {
    const { error } = delivery as { error?: Error };
    if (!error) return delivery;
    leaveUndecodable(heldOf(delivery), error);
  });
  const pipeline = pipelineOf(consumer, once);
  const deliveries = deliveriesOf(consumer, (source) => readable(pipeline(looked(source))));
  try {
    const { value } = await deliveries[Symbol.asyncIterator]().next();
    if (value) {
      letGo(consumer);
      return value;
    }
  } finally {
    const stopped = deliveries.stop();
    if (!signal?.aborted) await stopped;
  }
  signal?.throwIfAborted();
}
