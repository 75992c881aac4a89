import { assertKnown, assertOptions, assertText, is, oneOf, refuse, within } from "../check.ts";
import type { Credentials, WireAttribute } from "../types.ts";
import { createQueue } from "./actions/queues.ts";
import { sendMessage } from "./actions/send.ts";
import type { FaultHook } from "./faults.ts";
import { type MessageView, viewMessage } from "./message.ts";
import { type Model, queueNamed } from "./model.ts";
import { seededRandom } from "./random.ts";
import { createServer, type LoggedRequest, type RequestLog } from "./server.ts";
import { createTimeline } from "./timeline.ts";
import { createClock, type VirtualClock } from "./virtual_clock.ts";

/** Options of {@linkcode memorySqs}. */
export interface MemorySqsOptions {
  /** Where all randomness comes from: the same seed plays the same run. Default: 1. */
  readonly seed?: number | undefined;
  /** The instant at which virtual time begins. Default: 2030-01-01T00:00:00Z. */
  readonly start?: Date | undefined;
  /** Default: `us-east-1`. */
  readonly region?: string | undefined;
  /** Default: `000000000000`. */
  readonly accountId?: string | undefined;
  /**
   * The order in which a standard queue gives its messages, and a FIFO queue its groups: SQS promises none. At random, up
   * to a thousand that come later may come before one. Default: `"random"`.
   */
  readonly order?: "random" | "fifo" | undefined;
  /** Messages of a queue that may be in flight. Default: SQS's 120,000. */
  readonly inFlightLimit?: number | undefined;
  /** Whether a long poll whose client is gone goes on at the server and takes messages. Default: true. */
  readonly abortedPollsTake?: boolean | undefined;
  /** How many of the latest requests `requests` keeps; all are counted. Default: 10,000. */
  readonly keepRequests?: number | undefined;
  /** Says what goes wrong. Default: nothing does. */
  readonly onRequest?: FaultHook | undefined;
}

/** What {@linkcode MemorySqs.connectOptions} holds. */
export interface MemoryConnectOptions {
  /** The model's region. */
  readonly region: string;
  /** AWS's own for the region. No request leaves the process: all go to the model's `fetch`. */
  readonly endpoint: string;
  /** Gives dummy keys, and tells the clock to wait for the signature: with keys of your own time may run ahead of it. */
  readonly credentials: () => Promise<Credentials>;
  /** The model's `fetch`. */
  readonly http: {
    /** Answers as SQS does. */
    readonly fetch: (input: Request, init?: RequestInit) => Promise<Response>;
  };
  /** Virtual time. */
  readonly clock: VirtualClock;
  /** Numbers from the seed. */
  readonly random: () => number;
}

/** Options of {@linkcode MemorySqs.sendMessage}. */
export interface MemorySendOptions {
  /** Seconds, 0 to 900. */
  readonly delaySeconds?: number | undefined;
  /** The message group id, which FIFO queues must have. */
  readonly groupId?: string | undefined;
  /** The deduplication id, on FIFO queues. */
  readonly deduplicationId?: string | undefined;
  /** Attributes in SQS's typed form. */
  readonly messageAttributes?: Readonly<Record<string, WireAttribute>> | undefined;
}

/** An Amazon SQS in memory, itself a `fetch` function: see {@linkcode memorySqs}. */
export interface MemorySqs {
  /** Answers a request of SQS's JSON protocol, signed or not, as SQS does. */
  (input: Request | URL | string, init?: RequestInit): Promise<Response>;
  /** The same, by the name that `connect({ http })` has for it. */
  fetch(input: Request | URL | string, init?: RequestInit): Promise<Response>;
  /** Virtual time: nothing lapses, no delay ends and no long poll times out before it is told to go on. */
  readonly clock: VirtualClock;
  /** Options for `connect()`. Spread them to add your own: `connect({ ...sqs.connectOptions, codec: json() })`. */
  readonly connectOptions: MemoryConnectOptions;
  /** The names of the queues that there are. */
  readonly queueNames: readonly string[];
  /**
   * Creates a queue at once, and gives its URL; a FIFO one where the name ends in `.fifo`.
   *
   * @throws An `Error` with SQS's own words if SQS would refuse it.
   */
  createQueue(name: string, attributes?: Readonly<Record<string, string | number | boolean>>): string;
  /**
   * Sends a message past the request log and the faults. The body is sent as it is.
   *
   * @throws An `Error` with SQS's own words if SQS would refuse it.
   */
  sendMessage(queueName: string, body: string, options?: MemorySendOptions): Promise<{ readonly messageId: string }>;
  /**
   * The messages that a queue holds now, in the order in which they came into it.
   *
   * @throws An `Error` if there is no such queue.
   */
  messages(queueName: string): readonly MessageView[];
  /** The requests that came. */
  readonly requests: RequestLog;
  /** Says from now on what goes wrong; undefined ends it. */
  setFaults(onRequest: FaultHook | undefined): void;
}

export type { LoggedRequest, RequestLog };

/** Without the call. */
type MemoryParts = { [Part in keyof MemorySqs]: MemorySqs[Part] };

/**
 * Makes an Amazon SQS in memory: a `fetch` function with a clock of its own. Tests of two hours of queueing take
 * milliseconds, need no server, no account and no sleeps, and go the same way every time.
 *
 * It is as strict as SQS is: visibility timeouts, delays, retention, receipt handles, FIFO groups, deduplication,
 * dead-letter queues, quotas and error codes are SQS's own, and a standard queue gives its messages in random order.
 * What it leaves out: signatures are not checked, there are no permissions and no encryption, counts are exact, and a
 * message is not given twice for no reason, nor missed by a short poll. It is no SNS, S3 or STS: for those pass a
 * `Fanout`, a `PayloadStore`, a `ResultStore` or a `CredentialProvider` of the test's own.
 *
 * @param options Seed, start, and what goes wrong.
 * @throws {ConfigError} If an option is unknown or wrong.
 * @returns The queue service. It starts no timer and holds no resource: there is nothing to close.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/Welcome.html}
 *
 * @example A message that nobody deletes comes back
 * ```ts
 * import assert from "node:assert/strict";
 * import { memorySqs } from "@dashi/sqs/testing";
 * import { receiveMessage } from "@dashi/sqs/sqs";
 *
 * const sqs = memorySqs();
 * const queueUrl = sqs.createQueue("orders", { VisibilityTimeout: 30 });
 * await sqs.sendMessage("orders", "one");
 * const request = receiveMessage({ queueUrl });
 * const { messages } = await request.parse(await sqs.fetch(queueUrl, request));
 *
 * assert.equal(messages[0]?.Body, "one");
 * assert.equal(sqs.messages("orders")[0]?.state, "inFlight");
 * await sqs.clock.advance(30);
 * assert.equal(sqs.messages("orders")[0]?.state, "visible");
 * assert.equal(sqs.requests.count("ReceiveMessage"), 1);
 * ```
 *
 * @example Hours of consuming, in no time
 * ```ts
 * import assert from "node:assert/strict";
 * import { connect, consume, publish } from "@dashi/sqs";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const sqs = memorySqs();
 * sqs.createQueue("orders");
 * const broker = connect(sqs.connectOptions);
 * await sqs.clock.run(async () => {
 *   await publish(broker, { id: 1 }, { queue: "orders", delaySeconds: 600 });
 *   for await (const delivery of consume(broker, "orders", { maxMessages: 1 })) await delivery.ack();
 * });
 * assert.equal(+sqs.clock.now() - Date.UTC(2030, 0, 1), 600_000);
 * assert.deepEqual(sqs.messages("orders"), []);
 * ```
 *
 * @example What goes wrong is up to the test
 * ```ts
 * import assert from "node:assert/strict";
 * import { memorySqs } from "@dashi/sqs/testing";
 * import { getQueueUrl } from "@dashi/sqs/sqs";
 *
 * const sqs = memorySqs({
 *   onRequest: ({ attempt }) => attempt === 1 ? { type: "error", code: "RequestThrottled" } : undefined,
 * });
 * const queueUrl = sqs.createQueue("orders");
 * const request = getQueueUrl({ queueName: "orders" });
 * assert.equal((await sqs.fetch(queueUrl, request)).status, 400);
 * assert.equal((await sqs.fetch(queueUrl, request)).status, 200);
 * ```
 */
export function memorySqs(options: MemorySqsOptions = {}): MemorySqs {
  // A test whose faults never come, as their option is misspelt, would show nothing.
  assertOptions<MemorySqsOptions>("", options, {
    seed: within(-Infinity, Infinity, true),
    start: (path, value) => Number.isNaN(+(value instanceof Date ? value : NaN)) && refuse(path, "a Date", value),
    region: assertText,
    accountId: assertText,
    order: oneOf("random", "fifo"),
    inFlightLimit: within(0, Infinity, true),
    abortedPollsTake: is("boolean"),
    keepRequests: within(0, Infinity, true),
    onRequest: is("function"),
  });
  const { seed = 1, start = new Date("2030-01-01T00:00:00Z"), region = "us-east-1" } = options;
  const timeline = createTimeline(+start);
  const clock = createClock(timeline);
  const model: Model = {
    timeline,
    random: seededRandom(seed),
    region,
    accountId: options.accountId ?? "000000000000",
    order: options.order ?? "random",
    inFlightLimit: options.inFlightLimit ?? 120_000,
    queues: new Map(),
    deletedAt: new Map(),
    moveTasks: [],
    counter: 0,
  };
  const server = createServer(model, options);
  // The same object each time: signers keep what they work out of the keys by it.
  const keys: Credentials = Object.freeze({ accessKeyId: "AKIDEXAMPLE", secretAccessKey: "memory-sqs-secret" });
  const connectOptions: MemoryConnectOptions = Object.freeze({
    region,
    endpoint: `https://sqs.${region}.amazonaws.com`,
    credentials: () => {
      server.signing();
      return Promise.resolve(keys);
    },
    http: Object.freeze({ fetch: server.fetch }),
    clock,
    random: seededRandom(seed ^ 0x5eed),
  });
  const parts: MemoryParts = {
    fetch: server.fetch,
    clock,
    connectOptions,
    requests: server.requests,
    setFaults: server.setFaults,
    get queueNames() {
      return [...model.queues.keys()];
    },
    createQueue(name, attributes = {}) {
      const given = { ...(name.endsWith(".fifo") && { FifoQueue: true }), ...attributes };
      const Attributes = Object.fromEntries(Object.entries(given).map(([key, value]) => [key, String(value)]));
      return createQueue(model, { QueueName: name, Attributes }).QueueUrl;
    },
    async sendMessage(queueName, body, options = {}) {
      const { delaySeconds, groupId, deduplicationId, messageAttributes, ...others } = options;
      assertKnown("", others, ["delaySeconds", "groupId", "deduplicationId", "messageAttributes"]);
      const answer = await sendMessage(model, {
        QueueUrl: queueNamed(model, queueName).url,
        MessageBody: body,
        DelaySeconds: delaySeconds,
        MessageGroupId: groupId,
        MessageDeduplicationId: deduplicationId,
        MessageAttributes: messageAttributes,
      });
      return { messageId: (answer as { MessageId: string }).MessageId };
    },
    messages(queueName) {
      const queue = queueNamed(model, queueName);
      return [...queue.messages.values()].map((message) => viewMessage(message, timeline.now()));
    },
  };
  const fetch: typeof server.fetch = (input, init) => server.fetch(input, init);
  return Object.defineProperties(fetch, Object.getOwnPropertyDescriptors(parts)) as MemorySqs;
}
