/**
 * A part: a message as it goes to one queue, or to the topic of a fanout exchange.
 *
 * @module
 */
import { type BrokerState, stateOf } from "../broker.ts";
import { refuse } from "../check.ts";
import { attributesSize, MAX_ATTRIBUTES, toWireAttributes } from "../codec/attributes.ts";
import { assertSqsText, byteLength } from "../codec/sqs_text.ts";
import { ConfigError } from "../errors.ts";
import { MAX_REQUEST_BYTES } from "../sqs/limits.ts";
import type { OutgoingSqsMessage } from "../sqs/message.ts";
import { resolveQueue } from "../topology/resolve_queue.ts";
import type {
  Broker,
  Codec,
  EncodedMessage,
  FanoutMessage,
  OffloadedPayload,
  PayloadStore,
  QueueAddress,
  WireAttribute,
} from "../types.ts";
import { asError } from "./answer.ts";
import type { Draft } from "./draft.ts";

/** Where a part goes. */
export interface Target {
  /** The queue as it was called, or the fanout exchange. */
  readonly name: string;
  /** The queue; unset for a topic. */
  readonly address?: QueueAddress;
  /** The most bytes of a message, and of a request. */
  readonly limit: number;
  /** Why it was not found. */
  readonly error?: Error;
}

/** A message for one target, ready to be sent unless `store` is set: its body goes to the payload store first. */
export interface Part {
  readonly target: Target;
  body: string;
  attributes: Readonly<Record<string, WireAttribute>>;
  /** Bytes of body and attributes. */
  size: number;
  /** The bytes of the attributes among them. */
  readonly extra: number;
  store: boolean;
  readonly stream?: ReadableStream<Uint8Array>;
  payload?: OffloadedPayload;
  readonly delaySeconds?: number;
  readonly groupId?: string;
  readonly deduplicationId?: string;
}

/** Finds a queue, or how much a topic takes. What goes wrong becomes the target's error. */
export async function locate(broker: Broker, name: string, fanout: boolean, signal?: AbortSignal): Promise<Target> {
  const { options } = stateOf(broker);
  const limit = MAX_REQUEST_BYTES;
  try {
    if (!fanout) return { name, limit, address: await resolveQueue(broker, name, { signal }) };
    // Without a store it is for the fanout to refuse what is too large: one request less.
    return { name, limit: options.payloads ? await options.fanout!.limit(broker, name, { signal }) : limit };
  } catch (error) {
    return { name, limit: 0, error: asError(error) };
  }
}

/**
 * Writes a message for its targets, at once where the codec allows it.
 *
 * @throws {ConfigError} If a target can't take the message: nothing was sent then.
 */
export function write(state: BrokerState, message: Draft, targets: readonly Target[]): Part[] | Promise<Part[]> {
  const { body, options } = message;
  if (body instanceof ReadableStream) {
    let rest = body;
    return targets.map((target, index) => {
      const part = seal(state, message, target, { body: "" }, true);
      if (index === targets.length - 1) return { ...part, stream: rest };
      const [stream, other] = rest.tee();
      rest = other;
      return { ...part, stream };
    });
  }
  const written = new Map<Codec, EncodedMessage | Promise<EncodedMessage>>();
  const encode = ({ address }: Target) => {
    const codec = options.codec ?? address?.predefined?.codec ?? state.options.codec!;
    const encoded = written.get(codec) ?? codec.encode({
      body,
      headers: message.headers,
      properties: message.properties,
      contentType: options.contentType,
      contentEncoding: options.contentEncoding,
      exchange: message.exchange,
      // A queue that was called by its URL has a name, too.
      routingKey: address && !message.exchange ? address.name : message.routingKey,
      messageId: message.messageId,
      fanout: message.fanout,
    });
    written.set(codec, encoded);
    return encoded;
  };
  if (targets.length !== 1) {
    return Promise.all(targets.map(async (target) => seal(state, message, target, await encode(target))));
  }
  const encoded = encode(targets[0]);
  const finish = (encoded: EncodedMessage) => [seal(state, message, targets[0], encoded)];
  return "then" in encoded ? encoded.then(finish) : finish(encoded);
}

/** Makes a part of what the codec wrote, and checks it as SQS would. */
function seal(state: BrokerState, message: Draft, target: Target, encoded: EncodedMessage, stream = false): Part {
  const { options, delay } = message;
  const { delaySeconds, deduplicationId } = options;
  const { name, address, limit } = target;
  const { payloads } = state.options;
  const { body } = encoded;
  const fifo = address ? address.fifo : name.endsWith(".fifo");
  const delayed = address && !fifo;
  if (fifo && delaySeconds !== undefined) refuse("delaySeconds", `left out for the FIFO queue '${name}'`, delaySeconds);
  if (options.queue !== undefined && !fifo && deduplicationId !== undefined) {
    refuse("deduplicationId", `left out for '${name}', which is no FIFO queue`, deduplicationId);
  }
  if (!delayed && delay !== undefined) {
    state.emit({ type: "warning", message: `The properties' delay is left out, as '${name}' takes none` });
  }
  const attributes = toWireAttributes({ ...encoded.messageAttributes, ...message.attributes });
  const extra = attributesSize(attributes);
  const size = byteLength(body) + extra;
  const store = stream || !!payloads && (payloads.always || size > Math.min(payloads.threshold, limit));
  if (!payloads && (stream || size > limit)) {
    throw new ConfigError(
      `Cannot publish ${stream ? "a stream" : size + " bytes"} to '${name}' as it takes ${limit} bytes at the most, ` +
        "attributes counted: set 'payloads' in connect(), for example to s3Payloads()",
    );
  }
  if (!store) {
    if (!body) refuse("body", "more than an empty text", body);
    assertSqsText("body", body);
  } else if (Object.keys(attributes).length === MAX_ATTRIBUTES) {
    refuse(
      "messageAttributes",
      `${MAX_ATTRIBUTES - 1} attributes at the most beside a stored body's own`,
      MAX_ATTRIBUTES,
    );
  }
  return {
    target,
    body,
    attributes,
    size,
    extra,
    store,
    delaySeconds: delayed ? delaySeconds ?? delay : undefined,
    groupId: message.groupId ?? (fifo ? "default" : undefined),
    deduplicationId: fifo ? message.deduplicationId ?? crypto.randomUUID() : undefined,
  };
}

/** Puts a part's body into the payload store, and the pointer in its place. */
export async function offload(broker: Broker, part: Part, signal?: AbortSignal): Promise<void> {
  const { emit, options } = stateOf(broker);
  const { target, size, stream } = part;
  const payload = await (options.payloads as PayloadStore).offload(
    stream ?? part.body,
    { size: stream ? undefined : size, shared: !target.address, queue: target.name },
    { broker, signal, emit },
  );
  part.payload = payload;
  part.store = false;
  part.body = payload.body;
  part.attributes = toWireAttributes({ ...part.attributes, ...payload.messageAttributes });
  part.size = byteLength(part.body) + attributesSize(part.attributes);
}

/** A part as SQS's requests take it. */
export function sqsFields({ body, attributes, delaySeconds, groupId, deduplicationId }: Part): OutgoingSqsMessage {
  return {
    messageBody: body,
    messageAttributes: attributes,
    delaySeconds,
    messageGroupId: groupId,
    messageDeduplicationId: deduplicationId,
  };
}

/** A part as a fanout takes it. */
export function fanoutFields({ body, attributes, groupId, deduplicationId }: Part): FanoutMessage {
  return { body, messageAttributes: attributes, groupId, deduplicationId };
}

/** Takes back what was stored for a part that was not sent. */
export async function discard(state: BrokerState, part: Part): Promise<void> {
  try {
    await part.payload?.undo();
  } catch (error) {
    state.emit({ type: "error", error: error as Error });
  }
}
