import type { Broker } from "../types.ts";
import type { PublishInput, PublishResult } from "./options.ts";
import { publishAll, type PublishAllOptions } from "./publish_all.ts";

/**
 * Sends many messages and waits for all of them: the awaited form of {@linkcode publishAll}.
 *
 * @param broker What `connect()` gave.
 * @param messages An iterable or async iterable of `{ body, ...options }`.
 * @param options Options for all messages; a message's own win.
 * @returns One result a message, in order; look at `error` of each.
 * @throws {ConfigError} If `messages` can't be iterated, or an option for all is wrong.
 * @throws What the source throws, or the signal's reason: those results are lost then, which `publishAll` gives.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { connect, declareQueue, publishMany } from "@dashi/sqs";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const broker = connect(memorySqs().connectOptions);
 * await declareQueue(broker, "orders");
 * const results = await publishMany(broker, [{ body: 1 }, { body: 2, delaySeconds: 1000 }], { queue: "orders" });
 * assert.deepEqual(results.map(({ error }) => error?.name), [undefined, "ConfigError"]);
 * ```
 */
export async function publishMany(
  broker: Broker,
  messages: Iterable<PublishInput> | AsyncIterable<PublishInput>,
  options: PublishAllOptions = {},
): Promise<PublishResult[]> {
  const results: PublishResult[] = [];
  for await (const result of publishAll(broker, messages, options)) results.push(result);
  return results;
}
