import { stateOf } from "../broker.ts";
import { assertOptions } from "../check.ts";
import type { Broker } from "../types.ts";
import { consume } from "./consume.ts";
import { consumerOf } from "./deliveries.ts";
import type { Delivery } from "./delivery.ts";
import { letGo } from "./end.ts";

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
  const deliveries = consume(broker, name, {
    signal,
    waitTimeSeconds,
    maxMessages: 1,
    prefetch: 1,
    untilEmpty: true,
    heartbeat: false,
  });
  consumerOf(deliveries)!.patience = stateOf(broker).maxAttempts; // whoever asks once wants an answer
  try {
    const { value } = await deliveries[Symbol.asyncIterator]().next();
    if (value) {
      letGo(consumerOf(deliveries)!);
      return value;
    }
  } finally {
    const stopped = deliveries.stop();
    if (!signal?.aborted) await stopped;
  }
  signal?.throwIfAborted();
}
