import { asError } from "../as_error.ts";
import { nowOf, pause, stateOf } from "../broker.ts";
import { attributesSize, toWireAttributes } from "../codec/attributes.ts";
import { byteLength } from "../codec/base64.ts";
import { assertSqsText } from "../codec/sqs_text.ts";
import { type AwsError, ConfigError, UndefinedExchangeError } from "../errors.ts";
import { faultOf } from "../http/answer.ts";
import { linkCause } from "../http/link_cause.ts";
import { backoffSeconds } from "../http/retryable.ts";
import { send } from "../http/send.ts";
import { DEFAULT_MESSAGE_BYTES, MAX_BATCH } from "../sns/limits.ts";
import { writeMessage } from "../sns/message.ts";
import { publish } from "../sns/publish.ts";
import { publishBatch, type PublishBatchEntry } from "../sns/publish_batch.ts";
import { canonicalName } from "../topology/canonical_name.ts";
import { share } from "../topology/share.ts";
import type { Broker, FanoutMessage, FanoutReceipt } from "../types.ts";
import { bindQueue, boundQueues } from "./bind_queue.ts";
import { type FanoutSettings, findTopic, forgetTopic, isNotFound, type Topic } from "./topic.ts";
import { topicLimit } from "./topic_limit.ts";

/** What its errors and events speak of. */
const ASKED = { service: "sns", action: "PublishBatch" } as const;

/** An entry, and how many bytes SNS counts for it. Its id is the message's place. */
interface Sized {
  readonly entry: PublishBatchEntry;
  readonly size: number;
}

/** What became of each message, by the ids of the entries. */
type Results = Map<string, FanoutReceipt | Error>;

/**
 * Sends messages to the exchange's topic, in batches of ten and of the topic's limit, one after the other so that order
 * is kept. Only entries that failed and may pass are sent again.
 *
 * @returns One receipt or error a message, in order.
 * @throws {AwsError} If there is no topic to send to: nothing was sent then.
 */
export async function publishToTopic(
  broker: Broker,
  settings: FanoutSettings,
  exchange: string,
  messages: readonly FanoutMessage[],
  signal?: AbortSignal,
): Promise<(FanoutReceipt | Error)[]> {
  if (!messages.length) return [];
  const results: Results = new Map();
  const topic = await findTopic(broker, settings, exchange, signal);
  const sized: Sized[] = [];
  messages.forEach((message, index) => {
    try {
      sized.push(prepare(message, String(index), topic.fifo));
    } catch (error) {
      results.set(String(index), error as Error);
    }
  });
  // The topic's limit is asked for only where it matters.
  const large = sized.some(({ size }) => size > DEFAULT_MESSAGE_BYTES);
  const limit = large ? await topicLimit(broker, topic, signal) : DEFAULT_MESSAGE_BYTES;
  for (const batch of batches(sized, limit, results)) {
    await sendBatch(broker, settings, exchange, batch, results, signal);
  }
  return messages.map((_, index) => results.get(String(index))!);
}

/** Checks a message, and settles its ids once for all tries. */
function prepare(message: FanoutMessage, id: string, fifo: boolean): Sized {
  const { body, groupId = fifo ? "default" : undefined } = message;
  const messageAttributes = toWireAttributes(message.messageAttributes);
  const entry = {
    id,
    message: body,
    messageAttributes,
    messageGroupId: groupId,
    messageDeduplicationId: message.deduplicationId ?? (fifo ? crypto.randomUUID() : undefined),
  };
  writeMessage(entry); // one that is wrong must not fail the whole batch
  assertSqsText("body", body); // raw delivery would drop it
  return { entry, size: byteLength(body) + attributesSize(messageAttributes) };
}

function* batches(sized: readonly Sized[], limit: number, results: Results): Generator<PublishBatchEntry[]> {
  let batch: PublishBatchEntry[] = [];
  let total = 0;
  for (const { entry, size } of sized) {
    if (size > limit) {
      results.set(
        entry.id,
        new ConfigError(
          `Cannot publish a message of ${size} bytes as the topic takes ${limit}: connect({ payloads }) stores large ones`,
        ),
      );
      continue;
    }
    if (batch.length === MAX_BATCH || (batch.length && total + size > limit)) {
      yield batch;
      batch = [];
      total = 0;
    }
    batch.push(entry);
    total += size;
  }
  if (batch.length) yield batch;
}

/** Sends one batch until each entry has its result. Never throws. */
async function sendBatch(
  broker: Broker,
  settings: FanoutSettings,
  exchange: string,
  batch: PublishBatchEntry[],
  results: Results,
  signal?: AbortSignal,
): Promise<void> {
  const state = stateOf(broker);
  const began = nowOf(state);
  const ids = batch.map(({ id }) => id);
  let revived = false;
  let arn = "";
  let doubt: Error | undefined; // an answer did not speak of an entry, which SNS may have taken
  for (let attempt = 1; batch.length; attempt++) {
    try {
      const topic = await findTopic(broker, settings, exchange, signal);
      arn = topic.arn;
      const retry = await attemptOnce(broker, topic, batch, results, attempt < state.maxAttempts, signal);
      batch = batch.filter(({ id }) => retry.has(id));
      if (!batch.length) break;
      doubt ??= [...retry.values()].find(({ awsCode }) => awsCode === "MissingFromAnswer");
      const delay = backoffSeconds(attempt, state.random);
      state.emit({ type: "retry", ...ASKED, attempt, delay, error: [...retry.values()][0] });
      await pause(state.clock, delay, signal);
      signal?.throwIfAborted();
    } catch (error) {
      let cause = asError(error);
      if (isNotFound(error) && !settings.topics && !revived) {
        revived = true;
        try {
          await revive(broker, settings, exchange, signal);
          continue;
        } catch (refusal) {
          cause = asError(refusal); // such as that it may not be created
        }
      }
      linkCause(cause, doubt);
      const failure = isNotFound(cause) ? gone(exchange, arn, cause) : cause;
      for (const { id } of batch) results.set(id, failure);
      break;
    }
  }
  state.emit({
    type: "publish",
    topic: arn,
    count: ids.length,
    failed: ids.filter((id) => results.get(id) instanceof Error).length,
    seconds: (nowOf(state) - began) / 1000,
  });
}

/** Sends what is left of a batch once. Gives the entries to send again, with their errors. */
async function attemptOnce(
  broker: Broker,
  topic: Topic,
  batch: readonly PublishBatchEntry[],
  results: Results,
  mayRetry: boolean,
  signal?: AbortSignal,
): Promise<Map<string, AwsError>> {
  const { arn, region, credentials } = topic;
  const options = { region, credentials, signal };
  const retry = new Map<string, AwsError>();
  if (batch.length === 1) {
    const { id, ...message } = batch[0];
    const sent = await send(broker, publish({ topicArn: arn, ...message }), options);
    results.set(id, { topic: arn, ...sent });
    return retry;
  }
  const { successful, failed } = await send(broker, publishBatch({ topicArn: arn, entries: batch }), options);
  for (const { id, ...sent } of successful) results.set(id, { topic: arn, ...sent });
  for (const { id, code, message, senderFault, cause } of failed) {
    const says = `failed for one message with ${code}: ${message}`;
    const error = faultOf(ASKED, says, code, { status: 200, retryable: !senderFault });
    linkCause(error, cause ?? results.get(id) as Error | undefined);
    results.set(id, error);
    if (!senderFault && mayRetry) retry.set(id, error);
  }
  return retry;
}

/** Makes a topic that is gone anew, with the queues that this broker had bound to it. */
async function revive(broker: Broker, settings: FanoutSettings, exchange: string, signal?: AbortSignal): Promise<void> {
  await share(stateOf(broker), `fanout revive ${canonicalName(broker, exchange)}`, signal, async () => {
    forgetTopic(broker, exchange);
    const topic = await findTopic(broker, settings, exchange, signal);
    for (const queue of boundQueues(broker, exchange).values()) {
      await bindQueue(broker, settings, exchange, queue, signal);
    }
    return topic;
  });
}

function gone(exchange: string, arn: string, cause: Error): Error {
  return new UndefinedExchangeError(
    `Cannot publish to the exchange '${exchange}' as its topic ${arn} does not exist: check the ARN and its region`,
    { cause },
  );
}
