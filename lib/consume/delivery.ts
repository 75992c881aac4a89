import { assertOptions, type Check, is, within } from "../check.ts";
import { fromWireAttributes } from "../codec/attributes.ts";
import { unwrapSns } from "../codec/unwrap_sns.ts";
import { MAX_VISIBILITY } from "../sqs/limits.ts";
import type { PlainAttributeValue, SqsMessage } from "../types.ts";
import type { Held } from "./held.ts";
import { backOff, reject } from "./reject.ts";
import { ack, extend, leave, release } from "./settle.ts";

/** What a transform may change of a delivery. */
export interface DeliveryParts {
  /** Application headers. */
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
  /** AMQP properties. */
  readonly properties?: Readonly<Record<string, unknown>> | undefined;
  /** The body's content type. */
  readonly contentType?: string | undefined;
  /** The body's content encoding. */
  readonly contentEncoding?: string | undefined;
  /** The message attributes, plain. */
  readonly messageAttributes?: Readonly<Record<string, PlainAttributeValue>> | undefined;
  /** Marks it undecodable. */
  readonly error?: Error | undefined;
}

/** A delivery whose body could not be read: `error` says why, `body` is the text as it came. */
export type UndecodableDelivery = Omit<Delivery<string>, "error"> & { readonly error: Error };

/** The headers, properties and attributes of a message without any: one object for all of them. */
const NONE: Readonly<Record<string, never>> = /* @__PURE__ */ Object.freeze({});

/** The message behind a delivery: for this room only. */
export let heldOf: (delivery: Delivery<unknown>) => Held;

/**
 * A message in your hands, with the verbs that settle it. The first settlement counts; later ones return its promise, and
 * so they do where the consumer has given the message back itself: its `signal` has fired then. A promise of a settlement
 * that nobody awaits never crashes the process: `onEvent` is told.
 *
 * @example One verb a message
 * ```ts
 * import { connect, consume } from "@dashi/sqs";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const sqs = memorySqs();
 * sqs.createQueue("orders");
 * const broker = connect(sqs.connectOptions);
 * for await (const delivery of consume(broker, "orders", { untilEmpty: true, waitTimeSeconds: 0 })) {
 *   const { body, headers, receiveCount } = delivery;
 *   if (body === "later") await delivery.release({ visibleAfter: 600 }); // back into the queue, hidden for ten minutes
 *   else if (headers.version === 0) await delivery.reject(); // to the dead-letter queue; deleted where there is none
 *   else if (receiveCount > 3) await delivery.retry(); // hidden by the `backoff`, never deleted
 *   else await delivery.ack(); // done: deleted
 * }
 * ```
 */
export class Delivery<T = unknown> {
  readonly #held: Held;
  /** The body, decoded and checked. */
  readonly body: T;
  /** The queue's name, as it was given to `consume`. */
  readonly queue: string;
  /** SQS's id of the message, the same at each receive. */
  readonly messageId: string;
  /** How often the message was received, this time included. */
  readonly receiveCount: number;
  /** The headers that the sender set. */
  readonly headers: Readonly<Record<string, unknown>>;
  /** The AMQP properties that the sender set, such as `correlation_id` and `reply_to`. */
  readonly properties: Readonly<Record<string, unknown>>;
  /** The body's content type, where the codec knows it. */
  readonly contentType?: string;
  /** The body's content encoding, where the codec knows it. */
  readonly contentEncoding?: string;
  /** The FIFO message group, or the fair queue's. */
  readonly groupId?: string;
  /** Why the body could not be read; unset for an ordinary delivery. */
  declare readonly error?: undefined; // a field would be there in each delivery, for `"error" in delivery` to find

  /** Made by the consumer; what `parts` leave out is as it was in `from`. */
  constructor(held: object, body: T, parts: DeliveryParts = NONE, from?: Delivery<unknown>) {
    // Not in a static block: an app that only publishes could not leave this class out of its bundle.
    heldOf ??= (delivery) => delivery.#held;
    const { message, lane } = this.#held = held as Held;
    this.body = body;
    this.queue = lane.name;
    this.messageId = message.MessageId;
    this.receiveCount = Number(message.Attributes?.ApproximateReceiveCount ?? 1);
    this.headers = parts.headers ?? from?.headers ?? NONE;
    this.properties = parts.properties ?? from?.properties ?? NONE;
    this.contentType = parts.contentType ?? from?.contentType;
    this.contentEncoding = parts.contentEncoding ?? from?.contentEncoding;
    this.groupId = message.Attributes?.MessageGroupId;
    this.#attributes = parts.messageAttributes ?? (from && from.#attributes);
    const error = parts.error ?? from?.error;
    if (error) (this as { error?: Error }).error = error;
  }

  #attributes?: Readonly<Record<string, PlainAttributeValue>>;

  /** The queue's URL. */
  get queueUrl(): string {
    return this.#held.lane.address!.url;
  }

  /** The receipt handle of this receive. */
  get receiptHandle(): string {
    return this.raw.ReceiptHandle;
  }

  /** True if the message was received before. */
  get redelivered(): boolean {
    return this.receiveCount > 1;
  }

  /** When the message was sent, by SQS's clock. */
  get sentAt(): Date {
    return new Date(Number(this.raw.Attributes?.SentTimestamp));
  }

  /** The system attributes that were asked for, as SQS writes them. */
  get attributes(): Readonly<Record<string, string>> {
    return this.raw.Attributes ?? {};
  }

  /** The message attributes that were asked for: strings, numbers and bytes. */
  get messageAttributes(): Readonly<Record<string, PlainAttributeValue>> {
    const { MessageAttributes } = this.raw;
    return this.#attributes ??= MessageAttributes ? Object.freeze(fromWireAttributes(MessageAttributes)) : NONE;
  }

  /** The message as it came from SQS. */
  get raw(): SqsMessage {
    return this.#held.message;
  }

  /** Aborted when the message is no longer ours: its visibility ran out, or the grace after the end is over. */
  get signal(): AbortSignal {
    return (this.#held.controller ??= new AbortController()).signal;
  }

  /**
   * The payload as a stream of bytes: for one in S3 without holding it in memory. It is what was sent, before any codec
   * and out of SNS's envelope: the bytes of a stream that was published, else the encoded text, kombu's envelope in
   * base64 by default.
   */
  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const { payload, message } = this.#held;
    // A store need not say that its bytes are of no shared memory, and a TextDecoderStream takes no others.
    return payload
      ? payload.stream(this.signal) as ReturnType<Delivery["stream"]>
      : new Blob([unwrapSns(message.Body)?.body ?? message.Body]).stream();
  }

  /**
   * Deletes the message, in a batch with others.
   *
   * @returns When SQS has confirmed this entry and then its payload, if it has one, was removed, or could not be.
   * @throws {ReceiptExpiredError} If the message is visible again or someone else's.
   * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessageBatch.html}
   */
  ack(): Promise<void> {
    return ack(this.#held);
  }

  /**
   * Says that the message can't be worked on, by kombu's rule. With `requeue` it is released. Without: a `backoff` hides
   * it until its next try; a queue with a redrive policy keeps it, on its way to the dead-letter queue; else it is
   * **deleted**.
   *
   * @param options `requeue`, by default false; `error` is what a `backoff` function is told.
   * @returns When SQS has confirmed it, or nothing need be asked of it.
   * @throws {ConfigError} If an option is unknown or wrong: the message is still yours then.
   * @see {@link https://docs.celeryq.dev/projects/kombu/en/stable/reference/kombu.transport.SQS.html}
   */
  reject(options: { readonly requeue?: boolean | undefined; readonly error?: unknown } = {}): Promise<void> {
    const held = this.#held;
    return this.#settle(
      { requeue: is("boolean"), error: () => {} },
      options,
      () =>
        options.requeue
          ? release(held, held.consumer.state.options.requeueDelay ?? 0, "reject")
          : reject(held, this, options.error),
    );
  }

  /**
   * Gives the message back: it is visible again now, or after `visibleAfter` seconds (0 to 43,200). On a FIFO queue the
   * rest of its group that is held goes back too.
   *
   * @param options `visibleAfter`, by default 0.
   * @returns When SQS has confirmed this entry.
   * @throws {ConfigError} If `visibleAfter` is out of range, or an option is unknown: the message is still yours then.
   * @throws {ReceiptExpiredError} If the message is visible again, or may be: another consumer's is left alone.
   */
  release(options: { readonly visibleAfter?: number | undefined } = {}): Promise<void> {
    const visibleAfter = within(0, MAX_VISIBILITY, true);
    return this.#settle({ visibleAfter }, options, () => release(this.#held, options.visibleAfter ?? 0));
  }

  /**
   * Keeps the message, hidden by the `backoff` that fits its receive count, else for what is left of its timeout. Never
   * deletes it: what `forEach()` does when a handler throws.
   *
   * @param options `error` is what a `backoff` function is told.
   * @returns When SQS has confirmed it, or at once where there is no backoff for it.
   */
  retry(options: { readonly error?: unknown } = {}): Promise<void> {
    return backOff(this.#held, this, options.error);
  }

  /** Gives the message up without a request: it comes again when its visibility timeout is over. */
  leave(): Promise<void> {
    return leave(this.#held);
  }

  /**
   * Keeps the message hidden for `seconds` (0 to 43,200) from now. Not a settlement; the heartbeat never shortens it.
   *
   * @param seconds A whole number.
   * @returns When SQS has confirmed this entry.
   * @throws {ConfigError} If it is no such number, or goes past the 12 hours that SQS allows in all.
   * @throws {ReceiptExpiredError} If the message is settled or visible again.
   */
  extend(seconds: number): Promise<void> {
    const extended = extend(this.#held, seconds);
    extended.catch(() => {}); // an event has told it; nobody need await it
    return extended;
  }

  /** Settles, unless an option is wrong: one that is misspelt could delete the message. */
  #settle<O extends object>(
    checks: Readonly<Record<keyof O, Check>>,
    options: O,
    settle: () => Promise<void>,
  ): Promise<void> {
    try {
      assertOptions("", options, checks);
      return settle();
    } catch (error) {
      this.#held.consumer.state.emit({ type: "error", error: error as Error });
      const refused = Promise.reject(error);
      refused.catch(() => {}); // an event has told it; nobody need await it
      return refused;
    }
  }

  /** The same message with another body: for transforms. Settling one settles the other. */
  with<U>(body: U, parts: DeliveryParts = {}): Delivery<U> {
    return new Delivery(this.#held, body, parts, this);
  }
}
