/**
 * The types that more than one room of the house shares. No code here.
 *
 * @module
 */
import type { DashiEvent } from "./events.ts";

export type { DashiEvent, DropReason } from "./events.ts";

/** Keys that sign a request. They are read and never kept, printed or sent in clear. */
export interface Credentials {
  /** The access key id, such as `AKIAIOSFODNN7EXAMPLE`. */
  readonly accessKeyId: string;
  /** The secret access key. */
  readonly secretAccessKey: string;
  /** The session token of temporary keys. */
  readonly sessionToken?: string;
  /** When temporary keys end; unset for long-lived ones. */
  readonly expiration?: Date;
}

/** A source of time. Tests pass one that they wind forward themselves. */
export interface Clock {
  /** The current instant: a `Date`, or milliseconds since the epoch. */
  now(): Date | number;
  /**
   * Waits, in seconds. When `signal` is aborted the wait ends at once; whether it then resolves or rejects
   * is the clock's choice, the library accepts both.
   */
  sleep(seconds: number, signal?: AbortSignal): Promise<void>;
}

/** The `fetch` that the library calls: the standard one, or a stand-in. */
export type Fetch = (input: Request, init?: RequestInit) => Promise<Response>;

/** The AWS services that this library speaks to. */
export type Service = "sqs" | "sns" | "sts" | "s3";

/** One endpoint for every service, or one for each. A service without one uses AWS's own. */
export type Endpoints = string | Readonly<Partial<Record<Service, string>>>;

/** What a {@linkcode CredentialProvider} is told about the broker that asks. */
export interface CredentialContext {
  /** The broker's region, for providers that call a regional service. */
  readonly region: string;
  /** The broker's `endpoint` option, if one was given. */
  readonly endpoint?: Endpoints;
  /** The broker's `http.fetch`. */
  readonly fetch: Fetch;
  /** The broker's clock. */
  readonly clock: Clock;
  /** The broker's source of randomness, from 0 up to 1. */
  readonly random: () => number;
  /** Ends the waiting of the request that asks; it must not end a refresh that others share. */
  readonly signal?: AbortSignal;
  /** The keys that AWS just refused as expired: a provider that caches must not give these again. */
  readonly rejected?: Credentials;
  /** Reports to the broker's `onEvent`. */
  readonly emit: (event: DashiEvent) => void;
}

/**
 * A function that gives the keys for a request. It is asked before each signature, so it should cache. Where it has not
 * answered after six times `http.requestTimeout` the request fails, and a consumer asks again.
 *
 * @example One that reads the keys from a secret store
 * ```ts
 * import type { CredentialProvider } from "@dashi/sqs";
 *
 * const fromStore: CredentialProvider = async ({ fetch, signal }) => {
 *   const answer = await fetch(new Request("https://secrets.internal/sqs", { signal }));
 *   return await answer.json();
 * };
 * ```
 */
export type CredentialProvider = (context: CredentialContext) => Promise<Credentials>;

/** What a request's body may be. */
export type AwsBody = string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;

/** An unsigned request to AWS as plain data, with the parser of its answer beside it. */
export interface AwsRequest<Output, Body extends AwsBody = string> {
  /** The service that is asked. */
  readonly service: Service;
  /** The API action, such as `ReceiveMessage`. */
  readonly action: string;
  /** The HTTP method. */
  readonly method: string;
  /** The path, percent-encoded, beginning with `/`. */
  readonly path: string;
  /** The query's parameters, not encoded. */
  readonly query: Readonly<Record<string, string>>;
  /** The headers, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body; the empty string for none. */
  readonly body: Body;
  /** The queue URL that the request is about: its host and region count where no endpoint or region is given. */
  readonly target?: string;
  /** The S3 bucket, which goes into the host at AWS and into the path at a given endpoint. */
  readonly bucket?: string;
  /**
   * Reads the answer.
   *
   * @throws {AwsError} If the answer is an error, or not what the action answers.
   */
  parse(response: Response): Promise<Output>;
}

/** A value of an SQS or SNS message attribute, plain: a string, a number, or bytes. */
export type PlainAttributeValue = string | number | bigint | Uint8Array;

/** SQS's typed form of a message attribute. `DataType` is `String`, `Number` or `Binary`, with an optional `.suffix`. */
export interface TypedAttributeValue {
  /** `String`, `Number` or `Binary`, with an optional `.suffix`. */
  readonly DataType: string;
  /** The value of a String or a Number. */
  readonly StringValue?: string;
  /** Bytes, or their base64 text as on the wire. */
  readonly BinaryValue?: Uint8Array | string;
}

/** A message attribute that a user passes in. */
export type MessageAttributeInput = PlainAttributeValue | TypedAttributeValue;

/** A message attribute on SQS's JSON wire: bytes in base64. */
export interface WireAttribute {
  /** `String`, `Number` or `Binary`, with an optional `.suffix`. */
  readonly DataType: string;
  /** The value of a string or number. */
  readonly StringValue?: string;
  /** The value of bytes, in base64. */
  readonly BinaryValue?: string;
}

/** A message as SQS's ReceiveMessage gives it. */
export interface SqsMessage {
  /** SQS's id of the message, the same in every receive. */
  readonly MessageId: string;
  /** What settles this receive of the message; it is another in the next one. */
  readonly ReceiptHandle: string;
  /** The body. */
  readonly Body: string;
  /** The MD5 of the body, in hex. */
  readonly MD5OfBody?: string;
  /** The MD5 of the message attributes that were asked for, in hex. */
  readonly MD5OfMessageAttributes?: string;
  /** The system attributes that were asked for. */
  readonly Attributes?: Readonly<Record<string, string>>;
  /** The message attributes that were asked for. */
  readonly MessageAttributes?: Readonly<Record<string, WireAttribute>>;
}

/** What a codec is given to write. */
export interface OutgoingMessage {
  /** The value to send. */
  readonly body: unknown;
  /** Application headers. */
  readonly headers: Readonly<Record<string, unknown>>;
  /** AMQP properties such as `correlation_id`, `reply_to`, `priority`, `expiration`. */
  readonly properties: Readonly<Record<string, unknown>>;
  /** The content type that the user asked for. */
  readonly contentType?: string;
  /** `gzip`, `zlib`, or an encoding of the codec's own. */
  readonly contentEncoding?: string;
  /** The exchange; the empty string for none. */
  readonly exchange: string;
  /** The routing key, or the queue's name. */
  readonly routingKey: string;
  /** A UUID for this message. */
  readonly messageId: string;
  /** True for an SNS topic, whose body kombu writes without its outer base64. */
  readonly fanout?: boolean;
}

/** What a codec writes. */
export interface EncodedMessage {
  /** The text that becomes the MessageBody. */
  readonly body: string;
  /** Message attributes that the codec adds; the user's own win. */
  readonly messageAttributes?: Readonly<Record<string, MessageAttributeInput>>;
}

/** What a codec is given to read. */
export interface IncomingMessage {
  /** The text of the MessageBody, payload resolved, SNS envelope removed. */
  readonly body: string;
  /** The message attributes, plain. */
  readonly messageAttributes: Readonly<Record<string, PlainAttributeValue>>;
  /** The most bytes that the body may have once it is decompressed, where the broker's payload store says. */
  readonly maxBytes?: number;
}

/** What a codec reads. */
export interface DecodedMessage {
  /** The value. */
  readonly body: unknown;
  /** Application headers. */
  readonly headers?: Readonly<Record<string, unknown>>;
  /** AMQP properties. */
  readonly properties?: Readonly<Record<string, unknown>>;
  /** The body's content type. */
  readonly contentType?: string;
  /** The body's content encoding. */
  readonly contentEncoding?: string;
}

/**
 * Turns values into message bodies and back. Both ways may be asynchronous. What `decode` throws makes the one message
 * undecodable and never ends the iteration.
 *
 * @example A codec for plain numbers
 * ```ts
 * import type { Codec } from "@dashi/sqs";
 *
 * const numbers: Codec = {
 *   encode: ({ body }) => ({ body: String(body) }),
 *   decode: ({ body }) => ({ body: Number(body), contentType: "text/plain" }),
 * };
 * ```
 */
export interface Codec {
  /** Names of the message attributes that reading needs, or `["All"]`; a receive then asks for them. Default: none. */
  readonly needs?: readonly string[];
  /** Writes a message. */
  encode(message: OutgoingMessage): EncodedMessage | Promise<EncodedMessage>;
  /** Reads a message. */
  decode(message: IncomingMessage): DecodedMessage | Promise<DecodedMessage>;
}

/** A stream transform: an async iterable in, an async iterable out, nothing started before the first `next()`. */
export type Transform<A, B> = (source: AsyncIterable<A>) => AsyncIterable<B>;

/** Where a large payload lies. */
export interface PayloadLocation {
  /** The S3 bucket, or what stands for it. */
  readonly bucket: string;
  /** The object's key. */
  readonly key: string;
  /** Size in bytes, where it is known. */
  readonly size?: number;
}

/** What a {@linkcode PayloadStore} is given by the broker that uses it. */
export interface PayloadContext {
  /** The broker: for `send`, which signs, retries and reports. */
  readonly broker: Broker;
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
  /** Is called before each request, for the budget of a consumer. */
  readonly onAttempt?: () => void;
  /** Receives the store's events. */
  readonly emit: (event: DashiEvent) => void;
  /** What the store's `gate()` gave for this consumer: downloads wait there for their bytes. */
  readonly gate?: PayloadGate;
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
  readonly body?: string;
  /** Where it lies. */
  readonly location: PayloadLocation;
  /** Opens the payload as a stream of bytes, checked against its checksum at the end. */
  stream(signal?: AbortSignal): ReadableStream<Uint8Array>;
  /** Set for a payload that is gone where the store was told to ignore that: the message is acked unseen. */
  readonly missing?: boolean;
}

/**
 * Where bodies go that are too large for a message. `s3Payloads` of `@dashi/sqs/payloads` is one; a user may write
 * another, for R2 say.
 */
export interface PayloadStore {
  /** Names of the message attributes that pointers come with; a receive then asks for them. */
  readonly needs?: readonly string[];
  /** Bodies and attributes of more bytes than this are stored. */
  readonly threshold: number;
  /** Every body is stored. */
  readonly always: boolean;
  /** The most bytes of a body that is read into memory, compressed or not. */
  readonly maxBytes?: number;
  /** True for a body that is one of this store's pointers. Cheap and synchronous. */
  isPointer(body: string, messageAttributes: Readonly<Record<string, PlainAttributeValue>>): boolean;
  /** Stores a body. `size` counts body and attributes in bytes; `shared` is true where several receivers get one pointer. */
  offload(
    body: string | ReadableStream<Uint8Array>,
    options: {
      readonly size?: number;
      readonly shared: boolean;
      readonly queue: string;
      /** The message's own attributes: `S3Key` chooses the key, as with the Extended Client for Python. */
      readonly messageAttributes?: Readonly<Record<string, MessageAttributeInput>>;
    },
    context: PayloadContext,
  ): Promise<OffloadedPayload>;
  /** Reads what a pointer points to. With `lazy`, only `stream()` reads it. */
  resolve(
    body: string,
    options: {
      readonly lazy: boolean;
      readonly messageAttributes: Readonly<Record<string, PlainAttributeValue>>;
    },
    context: PayloadContext,
  ): Promise<ResolvedPayload>;
  /** A bound for one consumer's downloads, made anew for each: none is shared between invocations. */
  gate?(): PayloadGate;
  /** Removes payloads whose messages were acked. Best effort: a failure is an event. */
  cleanUp(locations: readonly PayloadLocation[], context: PayloadContext): Promise<void>;
}

/** A task that was called: what `sendTask()` gives, and what a result store is asked about. */
export interface Call<T = unknown> {
  /** The task's id. */
  readonly id: string;
  /** Carries the type of what the task returns; it is never set. */
  readonly returns?: T;
}

/** What Celery's result backends keep of a task. */
export interface TaskMeta {
  /** `PENDING`, `STARTED`, `RETRY`, `SUCCESS`, `FAILURE`, `REVOKED`, or a state of the user's own. */
  readonly status: string;
  /** What the task returned; for a failure `{ exc_type, exc_message, exc_module }`. */
  readonly result?: unknown;
  /** Python's traceback of a failure. */
  readonly traceback?: string | null;
  /** The tasks that this one called. */
  readonly children?: readonly unknown[] | null;
  /** When it ended, in ISO 8601. Default: now, for a state that is final. */
  readonly date_done?: string | null;
  /** What else a backend keeps, such as `task_id` or `group_id`. */
  readonly [extra: string]: unknown;
}

/** Options of a {@linkcode ResultStore}'s verbs. */
export interface ResultOptions {
  /** The broker, for an id that stands alone; a {@linkcode Call} brings its own. */
  readonly broker?: Broker;
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
}

/** Where Celery tasks leave what they return. `s3Results` of `@dashi/sqs/payloads` is one. */
export interface ResultStore {
  /**
   * Waits for a task's result.
   *
   * @throws {TaskFailedError} If the task failed or was revoked.
   * @throws {TimeoutError} If there is no result after `timeout` seconds. Default: it waits until the signal fires.
   */
  get<T = unknown>(call: Call<T> | string, options?: ResultOptions & { readonly timeout?: number }): Promise<T>;
  /** What is known of a task now; undefined for nothing. */
  meta(call: Call | string, options?: ResultOptions): Promise<TaskMeta | undefined>;
  /** Keeps a task's state. One that has succeeded is not overwritten, as in Celery. */
  store(call: Call | string, meta: TaskMeta, options?: ResultOptions): Promise<void>;
  /** Removes what is kept of a task. */
  forget(call: Call | string, options?: ResultOptions): Promise<void>;
}

/** One message for a fanout exchange, encoded. */
export interface FanoutMessage {
  /** The body as the codec wrote it. */
  readonly body: string;
  /** Attributes that go with it; ten at the most. */
  readonly messageAttributes: Readonly<Record<string, MessageAttributeInput>>;
  /** FIFO: the group, whose messages keep their order. Default: `default`. */
  readonly groupId?: string;
  /** FIFO: the id that tells a second send of the same message. Default: a UUID. */
  readonly deduplicationId?: string;
}

/** What a publish to a topic gave. */
export interface FanoutReceipt {
  /** The topic's ARN. */
  readonly topic: string;
  /** SNS's id of the message. */
  readonly messageId: string;
  /** FIFO: the message's place in the topic. */
  readonly sequenceNumber?: string;
}

/** Fanout exchanges: `snsFanout()` of `@dashi/sqs/fanout`. */
export interface Fanout {
  /** The topic's limit in bytes for one message. */
  limit(broker: Broker, exchange: string, options?: { signal?: AbortSignal }): Promise<number>;
  /** Creates the exchange's topic if it is missing, and gives its ARN. */
  declare(broker: Broker, exchange: string, options?: { signal?: AbortSignal }): Promise<string>;
  /** Sends messages to the exchange; one receipt or error a message, in order. */
  publish(
    broker: Broker,
    exchange: string,
    messages: readonly FanoutMessage[],
    options?: { signal?: AbortSignal },
  ): Promise<(FanoutReceipt | Error)[]>;
  /** Subscribes a queue with raw delivery and lets the topic send to it. */
  bind(
    broker: Broker,
    exchange: string,
    queue: QueueAddress,
    options?: { signal?: AbortSignal },
  ): Promise<void>;
  /** Ends the subscription of a queue and takes back its policy statement. */
  unbind(
    broker: Broker,
    exchange: string,
    queue: QueueAddress,
    options?: { signal?: AbortSignal },
  ): Promise<void>;
  /** Deletes the exchange's topic. */
  remove(broker: Broker, exchange: string, options?: { signal?: AbortSignal }): Promise<void>;
  /** Removes subscriptions of our own account whose queue is gone, and gives their ARNs. */
  removeStale(broker: Broker, exchange: string, options?: { signal?: AbortSignal }): Promise<string[]>;
}

/** A queue that was looked up. */
export interface QueueAddress {
  /** The name that the user gave. */
  readonly name: string;
  /** The queue URL. */
  readonly url: string;
  /** True for a FIFO queue. */
  readonly fifo: boolean;
  /** The region that its requests are signed for, where it is not the broker's. */
  readonly region?: string;
  /** Its own keys, where they are not the broker's. */
  readonly credentials?: Credentials | CredentialProvider;
  /** Set for a predefined queue. */
  readonly predefined?: PredefinedQueue;
}

/** A queue that exists already. */
export interface PredefinedQueue {
  /** The queue URL. */
  readonly url: string;
  /** The region that its requests are signed for. Default: the URL's, then the broker's. */
  readonly region?: string;
  /** Its own keys. Default: the broker's. */
  readonly credentials?: Credentials | CredentialProvider;
  /** How its bodies are written and read. Default: the broker's. */
  readonly codec?: Codec;
  /** Seconds to hide a failed message for, by its receive count. */
  readonly backoffPolicy?: Readonly<Record<number, number>>;
  /** The tasks (`headers.task`) that the policy applies to on reject. */
  readonly backoffTasks?: readonly string[];
}

/** The kinds of exchange. */
export type ExchangeType = "direct" | "topic" | "fanout";

/** Exchanges and bindings as plain data: it can be written down, shared and serialised as JSON. */
export interface Topology {
  /** The exchanges by name. */
  readonly exchanges: Readonly<
    Record<string, { readonly type: ExchangeType; readonly unroutableQueue?: string }>
  >;
  /** Which queue gets what, of which exchange. */
  readonly bindings: readonly {
    readonly exchange: string;
    readonly queue: string;
    readonly routingKey: string;
  }[];
}

/** A broker: what `connect()` gives. It holds no secret that can be seen, and no connection. */
export interface Broker {
  /** The `queueNamePrefix` option. */
  readonly queueNamePrefix: string;
  /** How often the broker has sent a request, retries counted. */
  readonly requests: number;
}

/** The options of {@linkcode Broker}'s maker, `connect()`. */
export interface ConnectOptions {
  /** The AWS region; by default the queue URL's, then AWS_REGION, then AWS_DEFAULT_REGION, then us-east-1. */
  readonly region?: string;
  /** Keys, or a function that gives them; by default the environment's AWS_* variables. */
  readonly credentials?: Credentials | CredentialProvider;
  /** Where the services are; by default AWS. Wins over the host of every queue URL. */
  readonly endpoint?: Endpoints;
  /** Put before every queue name, and translated with it. Never on URLs. Default: the empty string. */
  readonly queueNamePrefix?: string;
  /** The queues that there are; with it every other queue is an `UndefinedQueueError`, so `{}` allows none. */
  readonly predefinedQueues?: Readonly<Record<string, PredefinedQueue>>;
  /** Creates missing queues on first use. Default: false. */
  readonly createMissing?: boolean;
  /** Long-poll time in seconds, 0 to 20. Default: 20. */
  readonly waitTimeSeconds?: number;
  /** Seconds to wait after an empty answer. Default: 0. */
  readonly pollingInterval?: number;
  /** Visibility timeout in seconds, 0 to 43,200, sent with each receive. Default: the queue's own. */
  readonly visibilityTimeout?: number;
  /** Seconds that a requeue hides a message for. Default: 0; kombu's is its wait time. */
  readonly requeueDelay?: number;
  /** Attributes of queues that are created. */
  readonly queueAttributes?: Readonly<Record<string, string | number | boolean>>;
  /** Tags of queues that are created. */
  readonly queueTags?: Readonly<Record<string, string>>;
  /** Attributes to ask for with each receive: system ones as a list, both kinds by name, or `"All"` of both. */
  readonly fetchAttributes?: "All" | readonly string[] | {
    readonly system?: "All" | readonly string[];
    readonly message?: "All" | readonly string[];
  };
  /** How bodies are written and read. Default: `kombu({ base64: true })`. */
  readonly codec?: Codec;
  /** Where large bodies go. */
  readonly payloads?: PayloadStore;
  /** How fanout exchanges work. */
  readonly fanout?: Fanout;
  /** Exchanges and bindings to begin with. */
  readonly topology?: Topology;
  /** Takes what an exchange without an `unroutableQueue` of its own can't route: kombu's `deadletter_queue`. */
  readonly unroutableQueue?: string;
  /** How requests are sent. */
  readonly http?: {
    /** Default: the global `fetch`. */
    readonly fetch?: (input: Request, init?: RequestInit) => Promise<Response>;
    /** Seconds to the answer's headers; a receive adds its wait. Default: 10. */
    readonly requestTimeout?: number;
    /** Tries of one request. Default: 3. */
    readonly maxAttempts?: number;
    /** Allows plain http to hosts that are neither local nor private. Default: false. */
    readonly allowInsecure?: boolean;
  };
  /** Checks the MD5 of bodies and attributes, both directions. Default: true. */
  readonly checkMd5?: boolean;
  /** Time. Default: the runtime's. */
  readonly clock?: Clock;
  /** Randomness from 0 up to 1. Default: `Math.random`. */
  readonly random?: () => number;
  /** Is told all that happens. What it throws is ignored. */
  readonly onEvent?: (event: DashiEvent) => void;
}

/**
 * A schema that checks a value and types it, as valibot, zod, arktype and others have it.
 *
 * @see {@link https://standardschema.dev}
 */
export interface StandardSchemaV1<Input = unknown, Output = Input> {
  /** What the schema can do. */
  readonly "~standard": StandardSchemaV1.Props<Input, Output>;
}

/** The parts of {@linkcode StandardSchemaV1}. */
export declare namespace StandardSchemaV1 {
  /** What a schema can do. */
  export interface Props<Input = unknown, Output = Input> {
    /** The version of the standard. */
    readonly version: 1;
    /** The schema's library. */
    readonly vendor: string;
    /** Checks a value. */
    readonly validate: (value: unknown) => Result<Output> | Promise<Result<Output>>;
    /** The types of what goes in and what comes out. */
    readonly types?: Types<Input, Output> | undefined;
  }
  /** The types of a schema. */
  export interface Types<Input = unknown, Output = Input> {
    /** What goes in. */
    readonly input: Input;
    /** What comes out. */
    readonly output: Output;
  }
  /** What a check gave. */
  export type Result<Output> = SuccessResult<Output> | FailureResult;
  /** The value fits. */
  export interface SuccessResult<Output> {
    /** What the schema made of it. */
    readonly value: Output;
    /** None. */
    readonly issues?: undefined;
  }
  /** The value does not fit. */
  export interface FailureResult {
    /** Why. */
    readonly issues: ReadonlyArray<Issue>;
  }
  /** One thing that is wrong with a value. */
  export interface Issue {
    /** What is wrong. */
    readonly message: string;
    /** Where in the value. */
    readonly path?: ReadonlyArray<PropertyKey | PathSegment> | undefined;
  }
  /** A step on the way to what is wrong. */
  export interface PathSegment {
    /** The key. */
    readonly key: PropertyKey;
  }
  /** The type of what a schema gives. */
  export type InferOutput<Schema extends StandardSchemaV1> = NonNullable<Schema["~standard"]["types"]>["output"];
}
