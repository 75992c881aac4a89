/**
 * A part: a message as it goes to one queue, or to the topic of a fanout exchange.
 *
 * @module
 */
import { asError } from "../as_error.ts";
import { type BrokerState, stateOf } from "../broker.ts";
import { assertText, refuse } from "../check.ts";
import { attributesSize, MAX_ATTRIBUTES, toWireAttributes } from "../codec/attributes.ts";
import { byteLength } from "../codec/base64.ts";
import { assertSqsText } from "../codec/sqs_text.ts";
import { AwsError, ConfigError, DashiError, IntegrityError } from "../errors.ts";
import { MAX_REQUEST_BYTES } from "../sqs/limits.ts";
import type { WireMessage } from "../sqs/send_checked.ts";
import { resolveQueue } from "../topology/resolve_queue.ts";
import type { Broker, Codec, EncodedMessage, FanoutMessage, OffloadedPayload, QueueAddress } from "../types.ts";
import type { Draft } from "./draft.ts";

/** Where a part goes. */
export interface Target {
  /** The queue as it was called, or the fanout exchange. */
  readonly name: string;
  /** The queue; unset for a topic. */
  readonly address?: QueueAddress;
  /** Whether it keeps the order of message groups: the topic of an exchange may have another name. */
  readonly fifo?: boolean;
  /** The most bytes of a message, and of a request. */
  readonly limit: number;
  /** Why it was not found. */
  readonly error?: Error;
}

/** A message for one target, ready to be sent unless `store` is set: its body goes to the payload store first. */
export interface Part {
  readonly target: Target;
  message: WireMessage;
  /** Bytes of body and attributes. */
  size: number;
  /** The bytes of the attributes among them. */
  readonly extra: number;
  /**
   * Whether its attributes may choose where its body is stored: of several parts, one would overwrite the other's, and those
   * of kombu's properties may be a stranger's, who sent what is sent on.
   */
  readonly alone: boolean;
  store: boolean;
  stream?: ReadableStream<Uint8Array>;
  payload?: OffloadedPayload;
  /** A send of it was begun: whatever became of that, the message may be there. */
  begun?: boolean;
}

/** Finds a queue, or how much a topic takes. What goes wrong becomes the target's error. */
export async function locate(broker: Broker, name: string, fanout: boolean, signal?: AbortSignal): Promise<Target> {
  const { options } = stateOf(broker);
  try {
    const address = fanout ? undefined : await resolveQueue(broker, name, { signal });
    return {
      name,
      address,
      fifo: address?.fifo ?? (await options.fanout!.declare(broker, name, { signal })).endsWith(".fifo"),
      // Without a store it is for the fanout to refuse what is too large: one request less.
      limit: fanout && options.payloads ? await options.fanout!.limit(broker, name, { signal }) : MAX_REQUEST_BYTES,
    };
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
  const { options, outgoing } = message;
  const { body } = outgoing;
  if (body instanceof ReadableStream) {
    if (body.locked) refuse("body", "a stream that is unread", body);
    for (const name of ["headers", "expiration", "contentType", "contentEncoding", "traceparent"] as const) {
      if (options[name] !== undefined) refuse(name, "left out, as a stream has nothing to hold it", options[name]);
    }
    const parts = targets.map((target) => seal(state, message, target, { body: "" }, body));
    // Not before all are checked: a stream that is refused is still the user's to read.
    for (let i = 1; i < parts.length; i++) [parts[i - 1].stream, parts[i].stream] = parts[i - 1].stream!.tee();
    return parts;
  }
  const written = new Map<Codec, EncodedMessage | Promise<EncodedMessage>>();
  const encode = ({ address }: Target) => {
    const codec = options.codec ?? address?.predefined?.codec ?? state.options.codec!;
    const encoded = written.get(codec) ?? codec.encode(outgoing);
    written.set(codec, encoded);
    return encoded;
  };
  const [target] = targets;
  const encoded = targets.length === 1 && encode(target);
  return encoded && !("then" in encoded)
    ? [seal(state, message, target, encoded)]
    : Promise.all(targets.map(async (target) => seal(state, message, target, await encode(target))));
}

/** Makes a part of what the codec wrote, and checks it as SQS would. */
function seal(
  state: BrokerState,
  { options, names, attributes, delay, groupId, deduplicationId }: Draft,
  target: Target,
  encoded: EncodedMessage,
  stream?: ReadableStream<Uint8Array>,
): Part {
  const { delaySeconds } = options;
  const { name, address, fifo, limit } = target;
  const { payloads } = state.options;
  const { body } = encoded;
  const delays = address && !fifo;
  if (!delays && delaySeconds !== undefined) refuse("delaySeconds", `left out, as '${name}' takes none`, delaySeconds);
  if (!delays && delay !== undefined) {
    state.emit({ type: "warning", message: `The delay is left out, as '${name}' takes none` });
  }
  if (options.queue && !fifo && options.deduplicationId) {
    refuse("deduplicationId", `left out, as '${name}' is no FIFO queue`, deduplicationId);
  }
  const messageAttributes = toWireAttributes({ ...encoded.messageAttributes, ...attributes });
  const extra = attributesSize(messageAttributes);
  const size = byteLength(body) + extra;
  const store = !!stream || !!payloads && (payloads.always || size > Math.min(payloads.threshold, limit));
  if (!payloads && (store || size > limit)) {
    throw new ConfigError(
      `Cannot publish ${
        stream ? "a stream" : size + " bytes"
      } to '${name}', which takes ${limit} bytes with attributes: ` +
        "set 'payloads' in connect(), as s3Payloads() is",
    );
  }
  if (!store) {
    assertText("body", body);
    assertSqsText("body", body);
  } else if (Object.keys(messageAttributes).length === MAX_ATTRIBUTES) {
    refuse("messageAttributes", "one less, as a stored body has one", MAX_ATTRIBUTES);
  }
  return {
    target,
    message: {
      MessageBody: body,
      MessageAttributes: extra ? messageAttributes : undefined, // SQS takes no empty ones
      DelaySeconds: delays ? delaySeconds ?? delay : undefined,
      MessageGroupId: groupId ?? (fifo ? "default" : undefined),
      MessageDeduplicationId: fifo ? deduplicationId ?? crypto.randomUUID() : undefined,
    },
    size,
    extra,
    alone: !names[1] && !options.properties?.message_attributes,
    store,
    stream,
  };
}

/** Puts a part's body into the payload store, and the pointer in its place. */
export async function offload(broker: Broker, part: Part, signal?: AbortSignal): Promise<void> {
  const { emit, options } = stateOf(broker);
  const { target, message, size, stream, alone } = part;
  const { MessageBody, MessageAttributes: messageAttributes = {} } = message;
  const payload = await options.payloads!.offload(
    stream ?? MessageBody,
    {
      size: stream ? undefined : size,
      shared: !target.address,
      queue: target.name,
      ...(alone && { messageAttributes }),
    },
    { broker, signal, emit },
  );
  assertText("body", payload.body);
  part.payload = payload;
  part.store = false;
  const attributes = toWireAttributes({ ...messageAttributes, ...payload.messageAttributes });
  const extra = attributesSize(attributes);
  part.message = { ...message, MessageBody: payload.body, MessageAttributes: extra ? attributes : undefined };
  part.size = byteLength(payload.body) + extra;
}

/** A part as a fanout takes it. */
export function fanoutFields({ message }: Part): FanoutMessage {
  return {
    body: message.MessageBody,
    messageAttributes: message.MessageAttributes ?? {},
    groupId: message.MessageGroupId,
    deduplicationId: message.MessageDeduplicationId,
  };
}

/** True if the message may be there although the send seemed to fail: it would need its payload. */
export function mayBeThere(error: unknown): boolean {
  const { awsCode, cause } = error as AwsError;
  // A DashiError of no kind is what a signal was aborted with.
  return !(error instanceof DashiError) || error.constructor === DashiError || error instanceof IntegrityError ||
    // Only an answer of AWS's own says for certain that it is not; its cause is the try before, if there was one.
    /^(?:Timeout|NetworkError|InvalidAnswer|MissingFromAnswer|Http\d+)$/.test(awsCode) ||
    cause instanceof AwsError && mayBeThere(cause);
}

/** Takes back what was stored for a part whose send failed with `error`, or never began; what may be there keeps it. */
export async function discard(state: BrokerState, part: Part, error: unknown): Promise<void> {
  if (!part.payload || (part.begun && mayBeThere(error))) return;
  try {
    await part.payload.undo();
  } catch (error) {
    state.emit({ type: "error", error: asError(error) });
  }
}
