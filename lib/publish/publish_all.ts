import { stateOf } from "../broker.ts";
import { assertWithin, is, refuse } from "../check.ts";
import { AwsError } from "../errors.ts";
import { MAX_BATCH } from "../sqs/limits.ts";
import type { Broker } from "../types.ts";
import { asError, summary } from "./answer.ts";
import { type Draft, draft } from "./draft.ts";
import { type Load, openLanes } from "./lanes.ts";
import {
  assertPublishOptions,
  type PublishInput,
  type PublishOptions,
  type PublishResult,
  type SentPart,
} from "./options.ts";
import { locate, type Part, type Target, write } from "./part.ts";

/** Requests in flight at a time. */
export const DEFAULT_CONCURRENCY = 4;
/** Turns of the promise queue that a source has to give its next input, before a batch goes without it. */
const PATIENCE = 64;

/** Options of {@linkcode publishAll}: what its messages have in common, unless they say otherwise. */
export interface PublishAllOptions extends PublishOptions {
  /** The most requests in flight at a time, 1 to 1,000. Default: 4. */
  readonly concurrency?: number;
  /**
   * Lets messages of one FIFO group share a request: up to ten times as fast for a single group. Should SQS then fail one
   * of them for a moment, it is sent after those that followed it in its request. Default: false.
   */
  readonly batchGroups?: boolean;
}

/** A message that was read and not yet yielded. */
interface Slot {
  loads: Load[];
  result?: PublishResult;
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
  const { concurrency = DEFAULT_CONCURRENCY, batchGroups = false, ...shared } = options;
  assertWithin("concurrency", concurrency, 1, 1000);
  is("boolean")("batchGroups", batchGroups);
  assertPublishOptions(shared);
  if (typeof messages !== "object" || !messages || !(Symbol.asyncIterator in messages || Symbol.iterator in messages)) {
    refuse("messages", "an iterable or an async iterable", messages);
  }
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
  const state = stateOf(broker);
  const slots: Slot[] = [];
  const targets = new Map<string, Target>();
  const source = Symbol.asyncIterator in messages ? messages[Symbol.asyncIterator]() : messages[Symbol.iterator]();
  let turn = 0; // counts what happened
  let notify = () => {};
  const progress = () => {
    turn++;
    notify();
  };
  const lanes = openLanes(broker, { concurrency, batchGroups, signal, progress });
  let writing: Promise<void> | undefined; // codecs at work, chained so that messages keep their order
  let reading = false;
  let exhausted = false; // the source has nothing to close any more
  let stopped = false; // nothing more is read
  let failure: { readonly error: unknown } | undefined;
  let abandoned = false;
  ending.now = () => {
    abandoned = stopped = true;
    progress();
  };
  signal?.addEventListener("abort", progress);

  async function read(): Promise<void> {
    reading = true;
    try {
      while (!stopped && slots.length < window) {
        const step = source.next();
        const { done, value } = "then" in step ? await step : step;
        if (done) exhausted = stopped = true;
        else if (!stopped) {
          const located = admit(value);
          if (located) await located;
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

  /** Finds a message's way. It waits only for queues that it is the first to go to. */
  function admit(input: PublishInput): Promise<void> | undefined {
    const slot: Slot = { loads: [] };
    slots.push(slot);
    let message: Draft;
    try {
      if (typeof input !== "object" || !input) refuse("messages", "objects with a 'body'", input);
      const { body, ...own } = input;
      assertPublishOptions(own);
      // What is undefined is not given, and must not hide what all have in common.
      for (const [key, value] of Object.entries(own)) if (value === undefined) delete own[key as keyof typeof own];
      const elsewhere = own.queue !== undefined || own.exchange !== undefined;
      const shared = elsewhere ? { ...options, queue: undefined, exchange: undefined, routingKey: undefined } : options;
      message = draft(state, body, { ...shared, ...own });
    } catch (error) {
      slot.result = { messageId: crypto.randomUUID(), sent: [], error: asError(error) };
      return;
    }
    const { names, outgoing: { fanout } } = message;
    const keys = names.map((name) => `${fanout} ${name}`);
    const found = keys.map((key) => targets.get(key));
    if (!found.includes(undefined)) return place(slot, message, found as Target[]);
    return Promise.all(names.map((name, index) => found[index] ?? locate(broker, name, fanout!, signal))).then(
      (found) => {
        found.forEach((target, index) => {
          if (!(target.error instanceof AwsError && target.error.retryable)) targets.set(keys[index], target);
        });
        place(slot, message, found);
      },
    );
  }

  function place(slot: Slot, message: Draft, found: readonly Target[]): undefined {
    const fail = (error: unknown) => {
      slot.result = { messageId: message.outgoing.messageId, sent: [], error: asError(error) };
    };
    const enter = (parts: readonly Part[]) => {
      const outcomes: (SentPart | Error)[] = found.map((target) => target.error!);
      let left = parts.length;
      if (!left) slot.result = summary(message, found, outcomes);
      slot.loads = parts.map((part) => ({
        part,
        waiting: true,
        tries: 0,
        settle(outcome) {
          outcomes[found.indexOf(part.target)] = outcome;
          if (!--left) slot.result = summary(message, found, outcomes);
        },
      }));
      for (const load of slot.loads) lanes.add(load);
    };
    try {
      const parts = write(
        state,
        message,
        found.some(({ error }) => error) ? found.filter(({ error }) => !error) : found,
      );
      if (!writing && !(parts instanceof Promise)) return void enter(parts);
      const before = writing;
      const turned = Promise.resolve(parts).then((parts) => () => enter(parts), (error) => () => fail(error));
      const mine = turned.then(async (next) => {
        await before;
        next();
        if (writing === mine) writing = undefined;
        progress();
      });
      writing = mine;
    } catch (error) {
      fail(error);
    }
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
      if (!writing && (reading || stopped || slots[0].loads.some((load) => load.waiting))) lanes.flush();
      await new Promise<void>((resolve) => notify = resolve);
    }
  } finally {
    stopped = true;
    signal?.removeEventListener("abort", progress);
    await Promise.all([lanes.close(), exhausted ? undefined : closeSource()]);
  }

  /** Closes the source, and waits for it unless it is busy with a read: an async generator closes only after that. */
  async function closeSource(): Promise<void> {
    const closed = source.return?.();
    if (!(closed instanceof Promise)) return;
    if (reading) closed.catch(() => {});
    else await closed;
  }
}
