import { asError } from "../as_error.ts";
import { nowOf, stateOf } from "../broker.ts";
import { asItCame, sendChecked } from "../sqs/send_checked.ts";
import { sendTo } from "../topology/send_to.ts";
import type { Broker } from "../types.ts";
import { sentPart, summary } from "./answer.ts";
import { draft } from "./draft.ts";
import { assertPublishOptions, type PublishOptions, type PublishResult, type SentPart } from "./options.ts";
import { discard, fanoutFields, locate, offload, type Part, write } from "./part.ts";

/**
 * Sends a message: to a queue, or through an exchange to every queue that is bound for its routing key.
 *
 * The codec writes the body, a {@linkcode ReadableStream} aside, which goes to the payload store as it is: without
 * headers, expiration, encoding or trace, which have no place then; message attributes go with it. A body that
 * SQS can't take is refused before anything is sent. A send is tried again where that may help, with the same
 * deduplication id; what SQS says it took is compared with what was sent.
 *
 * @param broker What `connect()` gave.
 * @param body What the codec takes: for `kombu()` and `json()`, what JSON can say; or a stream of bytes.
 * @param options Where to, and how: see {@linkcode PublishOptions}.
 * @returns SQS's id of the message, and who took it.
 * @throws {ConfigError} If an option is wrong, or the message larger than SQS takes and there are no `payloads`.
 * @throws {UndefinedExchangeError} If the exchange was not declared.
 * @throws {UnroutableError} If the exchange has no queue for it, unless `mandatory` is false.
 * @throws {PublishError} If some of several queues did not take it; `sent` are those that did.
 * @throws {AwsError} If the one queue or topic did not take it.
 * @throws {IntegrityError} If SQS took something else than was sent.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { connect, declareQueue, publish, queueSize } from "@dashi/sqs";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const broker = connect(memorySqs().connectOptions);
 * await declareQueue(broker, "orders");
 * const { sent } = await publish(broker, { id: 1 }, { queue: "orders", delaySeconds: 5 });
 * assert.equal(sent[0]?.queue, "orders");
 * assert.equal((await queueSize(broker, "orders")).delayed, 1);
 * ```
 *
 * @example Through an exchange
 * ```ts
 * import assert from "node:assert/strict";
 * import { bind, connect, declareExchange, declareQueue, publish } from "@dashi/sqs";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const broker = connect(memorySqs().connectOptions);
 * await declareExchange(broker, "news", { type: "topic" });
 * for (const queue of ["archive", "sports"]) await declareQueue(broker, queue);
 * await bind(broker, "archive", { exchange: "news", routingKey: "#" });
 * await bind(broker, "sports", { exchange: "news", routingKey: "*.sports" });
 *
 * const { sent } = await publish(broker, "3:2", { exchange: "news", routingKey: "eu.sports" });
 * assert.deepEqual(sent.map((part) => part.queue).sort(), ["archive", "sports"]);
 * ```
 */
export async function publish(broker: Broker, body: unknown, options: PublishOptions): Promise<PublishResult> {
  const state = stateOf(broker);
  assertPublishOptions(options);
  const { signal } = options;
  signal?.throwIfAborted();
  const message = draft(state, body, options);
  const found = await Promise.all(message.names.map((name) => locate(broker, name, message.outgoing.fanout, signal)));
  // All parts are written, and so checked, before the first is sent.
  const parts = await write(state, message, found.filter(({ error }) => !error));
  let next = 0;
  const outcomes = await Promise.all(
    found.map(({ error }) => error ?? sendPart(broker, parts[next++], signal).catch(asError)),
  );
  const result = summary(message, found, outcomes);
  if (result.error) throw result.error;
  return result;
}

async function sendPart(broker: Broker, part: Part, signal?: AbortSignal): Promise<SentPart> {
  const state = stateOf(broker);
  const { target: { name, address } } = part;
  if (part.store) await offload(broker, part, signal);
  const began = nowOf(state);
  let failed = 1;
  try {
    signal?.throwIfAborted();
    part.begun = true;
    const answer = address
      ? await sendTo(broker, address, sendChecked(address.url, part.message, asItCame), { signal })
      : (await state.options.fanout!.publish(broker, name, [fanoutFields(part)], { signal }))[0];
    if (answer instanceof Error) throw answer;
    const sent = sentPart(state, part, answer);
    failed = 0;
    return sent;
  } catch (error) {
    await discard(state, part, asError(error));
    throw error;
  } finally {
    // A fanout tells of its own requests.
    if (address) {
      state.emit({ type: "publish", queue: name, count: 1, failed, seconds: (nowOf(state) - began) / 1000 });
    }
  }
}
