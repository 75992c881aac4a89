/**
 * Where bodies go that are too large for a message.
 *
 * @module
 */
import type { DashiEvent } from "../events.ts";
import type { Broker } from "./broker.ts";
import type { MessageAttributeInput, PlainAttributeValue } from "./message.ts";

/** Where a large payload lies. */
export interface PayloadLocation {
  /** The S3 bucket, or what stands for it. */
  readonly bucket: string;
  /** The object's key. */
  readonly key: string;
  /** Size in bytes, where it is known. */
  readonly size?: number | undefined;
}

/** What a {@linkcode PayloadStore} is given by the broker that uses it. */
export interface PayloadContext {
  /** The broker: for `send`, which signs, retries and reports. */
  readonly broker: Broker;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
  /** Is called before each request, for the budget of a consumer. */
  readonly onAttempt?: (() => void) | undefined;
  /** Receives the store's events. */
  readonly emit: (event: DashiEvent) => void;
  /** What the store's `gate()` gave for this consumer: downloads wait there for their bytes. */
  readonly gate?: PayloadGate | undefined;
}

/** Bounds the bytes that one consumer downloads side by side, and holds until its loop takes them. */
export interface PayloadGate {
  /**
   * Waits until so many bytes fit, in the order of the asking; more than all is let in alone.
   *
   * @returns Gives the bytes back; once counts.
   */
  enter(bytes: number, signal?: AbortSignal): Promise<() => void>;
}

/** A payload that was stored in place of a body. */
export interface OffloadedPayload {
  /** The pointer: the text that is sent as the MessageBody. */
  readonly body: string;
  /** Attributes that go with the pointer. */
  readonly messageAttributes: Readonly<Record<string, MessageAttributeInput>>;
  /** Where it lies. */
  readonly location: PayloadLocation;
  /** Deletes it again, because the send failed. */
  undo(): Promise<void>;
}

/** A payload that was found behind a pointer. */
export interface ResolvedPayload {
  /** The text, or undefined for one that is read as a stream. */
  readonly body?: string | undefined;
  /** Where it lies. */
  readonly location: PayloadLocation;
  /** Opens the payload as a stream of bytes, checked against its checksum at the end. */
  stream(signal?: AbortSignal): ReadableStream<Uint8Array>;
  /** Set for a payload that is gone where the store was told to ignore that: the message is acked unseen. */
  readonly missing?: boolean | undefined;
}

/**
 * Where bodies go that are too large for a message. `s3Payloads` of `@dashi/sqs/payloads` is one; a user may write
 * another, for R2 say.
 *
 * @example One of your own
 * ```ts
 * import assert from "node:assert/strict";
 * import { connect, declareQueue, get, type PayloadStore, publish } from "@dashi/sqs";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const bucket = new Map<string, string>(); // what a Worker has as `env.BUCKET`
 * const store: PayloadStore = {
 *   threshold: 100_000,
 *   always: false,
 *   isPointer: (body) => body.startsWith("bowl:"),
 *   async offload(body) {
 *     const key = crypto.randomUUID();
 *     bucket.set(key, await new Response(body).text());
 *     const undo = () => Promise.resolve(void bucket.delete(key));
 *     return { body: `bowl:${key}`, messageAttributes: {}, location: { bucket: "bowl", key }, undo };
 *   },
 *   resolve(pointer, { lazy }) {
 *     const key = pointer.slice("bowl:".length);
 *     const text = bucket.get(key);
 *     if (text === undefined) return Promise.reject(new Error("the bowl has no such payload"));
 *     const stream = () => new Blob([text]).stream();
 *     return Promise.resolve({ body: lazy ? undefined : text, location: { bucket: "bowl", key }, stream });
 *   },
 *   cleanUp(locations) {
 *     for (const { key } of locations) bucket.delete(key);
 *     return Promise.resolve();
 *   },
 * };
 *
 * const broker = connect({ ...memorySqs().connectOptions, payloads: store });
 * await declareQueue(broker, "orders");
 * await publish(broker, "soup ".repeat(50_000), { queue: "orders" });
 * assert.equal(bucket.size, 1);
 * const delivery = await get(broker, "orders");
 * assert.equal(delivery?.body, "soup ".repeat(50_000));
 * await delivery?.ack();
 * assert.equal(bucket.size, 0);
 * ```
 */
export interface PayloadStore {
  /** Names of the message attributes that pointers come with; a receive then asks for them. */
  readonly needs?: readonly string[] | undefined;
  /** Bodies and attributes of more bytes than this are stored. */
  readonly threshold: number;
  /** Every body is stored. */
  readonly always: boolean;
  /** The most bytes of a body that is read into memory, compressed or not. */
  readonly maxBytes?: number | undefined;
  /** True for a body that is one of this store's pointers. Cheap and synchronous. */
  isPointer(body: string, messageAttributes: Readonly<Record<string, PlainAttributeValue>>): boolean;
  /** Stores a body. `size` counts body and attributes in bytes; `shared` is true where several receivers get one pointer. */
  offload(
    body: string | ReadableStream<Uint8Array>,
    options: {
      readonly size?: number | undefined;
      readonly shared: boolean;
      readonly queue: string;
      /**
       * The message's own attributes, where it goes to one queue and its properties have brought none: `S3Key` chooses the
       * key, as with the Extended Client for Python.
       */
      readonly messageAttributes?: Readonly<Record<string, MessageAttributeInput>> | undefined;
    },
    context: PayloadContext,
  ): Promise<OffloadedPayload>;
  /**
   * Reads what a pointer points to. With `lazy`, only `stream()` reads it; with `eager`, it is read even if the store
   * leaves one of its size to `stream()`.
   */
  resolve(
    body: string,
    options: {
      readonly lazy: boolean;
      readonly eager?: boolean | undefined;
      readonly messageAttributes: Readonly<Record<string, PlainAttributeValue>>;
    },
    context: PayloadContext,
  ): Promise<ResolvedPayload>;
  /** A bound for one consumer's downloads, made anew for each: none is shared between invocations. */
  gate?(): PayloadGate;
  /** Removes payloads whose messages were acked: who awaits the ack waits for this. Best effort: a failure is an event. */
  cleanUp(locations: readonly PayloadLocation[], context: PayloadContext): Promise<void>;
}
