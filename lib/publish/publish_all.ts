import { stateOf } from "../broker.ts";
import { assertIterable, is, within } from "../check.ts";
import { onAbort } from "../on_abort.ts";
import { MAX_BATCH } from "../sqs/limits.ts";
import type { Broker } from "../types.ts";
import { openIntake, type Slot } from "./intake.ts";
import { openLanes } from "./lanes.ts";
import { assertPublishOptions, type PublishInput, type PublishOptions, type PublishResult } from "./options.ts";

/** Requests in flight at a time. */
const DEFAULT_CONCURRENCY = 4;
/** Turns of the promise queue that a source has to give its next input, before a batch goes without it. */
const PATIENCE = 64;

/** Options of {@linkcode publishAll}: what its messages have in common, unless they say otherwise. */
export interface PublishAllOptions extends PublishOptions {
  /** The most requests in flight at a time, 1 to 1,000. Default: 4. */
  readonly concurrency?: number | undefined;
  /**
   * Lets messages of one FIFO group share a request: up to ten times as fast for a single group. Should SQS then fail one
   * of them for a moment, it is sent after those that followed it in its request. Default: false.
   */
  readonly batchGroups?: boolean | undefined;
}

/**
 * Sends many messages: in batches of ten, several at a time, as fast as the results are taken.
 *
 * Each input gives one result, in the order of the input; `error` is set on those that could not be sent, a message that
 * is wrong in itself among them. Entries of a batch that failed and may be sent again are, after a backoff, up to the
 * broker's `http.maxAttempts`. The order within a FIFO group is kept: a message waits until the one before it is settled.
 *
 * Nothing is read or sent before the first `next()`, and at most `10 * concurrency` inputs are read ahead of what was
 * taken. A batch goes with fewer than ten when the source has nothing ready. Ending the iteration early closes the
 * source, and waits for the requests in flight; what was read and not begun is not sent.
 *
 * @param broker What `connect()` gave.
 * @param messages An iterable or async iterable of `{ body, ...options }`.
 * @param options Options for all messages; a message's own win, and its `queue` or `exchange` replaces both.
 * @returns An async iterator of results.
 * @throws {ConfigError} If `messages` can't be iterated, or an option for all is wrong.
 * @throws What the source throws, or the signal's reason, after the results of what was read before.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { connect, declareQueue, publishAll, queueSize } from "@dashi/sqs";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const broker = connect(memorySqs().connectOptions);
 * await declareQueue(broker, "orders");
 * const messages = Array.from({ length: 25 }, (_, id) => ({ body: { id } }));
 * for await (const { messageId, error } of publishAll(broker, messages, { queue: "orders" })) {
 *   if (error) console.error(messageId, error);
 * }
 * assert.equal((await queueSize(broker, "orders")).visible, 25);
 * ```
 */
export function publishAll(
  broker: Broker,
  messages: Iterable<PublishInput> | AsyncIterable<PublishInput>,
  options: PublishAllOptions = {},
): AsyncGenerator<PublishResult, void, void> {
  stateOf(broker);
  assertPublishOptions(options, { concurrency: within(1, 1000), batchGroups: is("boolean") });
  assertIterable("messages", messages);
  const ending = { now: () => {} };
  const results = generate(broker, messages, options, ending);
  const close = results.return.bind(results);
  // A generator's own return() waits behind a next() that waits on the source.
  results.return = (value) => {
    ending.now();
    return close(value);
  };
  return results;
}

async function* generate(
  broker: Broker,
  messages: Iterable<PublishInput> | AsyncIterable<PublishInput>,
  options: PublishAllOptions,
  ending: { now: () => void },
): AsyncGenerator<PublishResult, void, void> {
  const { concurrency = DEFAULT_CONCURRENCY, batchGroups = false, signal } = options;
  const window = concurrency * MAX_BATCH;
  const slots: Slot[] = [];
  const source = Symbol.asyncIterator in messages ? messages[Symbol.asyncIterator]() : messages[Symbol.iterator]();
  let turn = 0; // counts what happened
  let notify = () => {};
  const progress = () => {
    turn++;
    notify();
  };
  const lanes = openLanes(broker, { concurrency, batchGroups, signal, progress });
  const intake = openIntake(broker, options, lanes, progress);
  let reading = false;
  let locating: Promise<void> | undefined; // a look-up under way
  let exhausted = false; // the source has nothing to close any more
  let stopped = false; // nothing more is read
  let failure: { readonly error: unknown } | undefined;
  let abandoned = false;
  ending.now = () => {
    abandoned = stopped = true;
    progress();
  };
  const callOff = signal && onAbort(signal, progress);

  async function read(): Promise<void> {
    reading = true;
    try {
      while (!stopped && slots.length < window) {
        const step = source.next();
        const { done, value } = "then" in step ? await step : step;
        if (done) exhausted = stopped = true;
        else if (!stopped) {
          const slot: Slot = { loads: [] };
          slots.push(slot);
          locating = intake.admit(slot, value);
          if (locating) await locating;
          turn++;
          notify();
        }
      }
    } catch (error) {
      exhausted = stopped = true;
      failure ??= { error };
    }
    reading = false;
    progress();
  }

  try {
    for (;;) {
      if (signal?.aborted && !failure) {
        stopped = true;
        failure = { error: signal.reason };
      }
      if (abandoned) return;
      const free = window - slots.length;
      if (!reading && !stopped && free && (free >= MAX_BATCH || !slots[0]?.result)) read();
      if (slots[0]?.result) {
        yield slots.shift()!.result!;
        continue;
      }
      if (stopped && !slots.length) {
        if (failure) throw failure.error;
        return;
      }
      const before = turn;
      for (let i = 0; reading && i < PATIENCE && turn === before; i++) await null;
      if (turn !== before) continue;
      // The source is slow or has ended; or it must wait for a message that itself waits for its batch to fill. A codec
      // at work may still fill the batch.
      if (!intake.writing() && (reading || stopped || slots[0].loads.some((load) => load.waiting))) lanes.flush();
      await new Promise<void>((resolve) => notify = resolve);
    }
  } finally {
    stopped = true;
    callOff?.();
    await Promise.all([lanes.close(), locating, exhausted ? undefined : closeSource()]);
  }

  /** Closes the source, and waits for it unless it is busy with a read: an async generator closes only after that. */
  async function closeSource(): Promise<void> {
    const closed = source.return?.();
    if (!(closed instanceof Promise)) return;
    if (reading) closed.catch(() => {});
    else await closed;
  }
}
