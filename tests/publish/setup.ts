/**
 * What the tests of this folder share: a model of SQS with three queues and a broker at it, for one message and for many.
 *
 * @module
 */
import { kombu } from "../../lib/codec/kombu.ts";
import { text } from "../../lib/codec/text.ts";
import { connect } from "../../lib/connect.ts";
import type { PublishInput, PublishOptions } from "../../lib/publish/options.ts";
import { publish } from "../../lib/publish/publish.ts";
import type { PublishAllOptions } from "../../lib/publish/publish_all.ts";
import { publishMany } from "../../lib/publish/publish_many.ts";
import { type FaultHook, memorySqs } from "../../lib/testing/mod.ts";
import type { Broker, ConnectOptions, DashiEvent, Fanout, FanoutMessage } from "../../lib/types.ts";

type Sent = Record<string, unknown> & { MessageBody: string };

/** A broker for publish(). */
export function setUp(options: ConnectOptions = {}, queues = ["orders", "audit", "jobs.fifo"]) {
  const sqs = memorySqs();
  for (const name of queues) sqs.createQueue(name, name.endsWith(".fifo") ? { FifoQueue: true } : {});
  const events: DashiEvent[] = [];
  const broker = connect({ ...sqs.connectOptions, onEvent: (event) => events.push(event), ...options });
  const inputs = (action = "SendMessage") =>
    sqs.requests.list.filter((request) => request.action === action).map(({ input }) => input as Sent);
  return {
    sqs,
    broker,
    events,
    inputs,
    /** The fields and the envelope of the only message that was sent. */
    async sent(body: unknown, options: PublishOptions) {
      await publish(broker, body, options);
      const input = inputs().at(-1)!;
      const decoded = await kombu().decode({ body: input.MessageBody, messageAttributes: {} });
      return { input, ...decoded };
    },
    warnings: () => events.filter((event) => event.type === "warning").length,
  };
}

/** Exchanges of each type, and what is bound to them. */
export const topology = {
  exchanges: {
    news: { type: "topic" },
    lost: { type: "direct", unroutableQueue: "audit" },
    mixed: { type: "direct" },
    loud: { type: "fanout" },
  },
  bindings: [
    { exchange: "news", queue: "orders", routingKey: "#" },
    { exchange: "news", queue: "audit", routingKey: "*.b" },
    { exchange: "mixed", queue: "orders", routingKey: "k" },
    { exchange: "mixed", queue: "jobs.fifo", routingKey: "k" },
  ],
} as const;

/** An entry of a batch, as SQS gets it. */
export interface Entry {
  readonly Id: string;
  readonly MessageBody: string;
  readonly MessageGroupId?: string;
  readonly MessageDeduplicationId?: string;
}

/** A broker for publishAll(), whose bodies are text. */
export function setUpAll(options: ConnectOptions = {}) {
  const sqs = memorySqs();
  for (const name of ["orders", "audit", "jobs.fifo"]) sqs.createQueue(name);
  const events: DashiEvent[] = [];
  const broker = connect({ ...sqs.connectOptions, codec: text(), onEvent: (event) => events.push(event), ...options });
  /** The bodies of each batch. */
  const batches = () =>
    sqs.requests.list.filter(({ action }) => action === "SendMessageBatch")
      .map(({ input }) => (input as unknown as { Entries: Entry[] }).Entries);
  const many = (messages: Iterable<PublishInput> | AsyncIterable<PublishInput>, options?: PublishAllOptions) =>
    sqs.clock.run(() => publishMany(broker, messages, { queue: "orders", ...options }));
  return {
    sqs,
    broker,
    events,
    batches,
    bodies: () => batches().map((entries) => entries.map((entry) => entry.MessageBody).join(" ")),
    many,
    held: (queue: string) => sqs.messages(queue).map(({ body }) => body),
  };
}

/** Messages with the bodies "0", "1" and so on. */
export const numbered = (count: number, own: Partial<PublishInput> = {}): PublishInput<string>[] =>
  Array.from({ length: count }, (_, i) => ({ ...own, body: String(i) }));

/** Fails entries by their body, the first so many times. */
export function failing(times: Record<string, number>, senderFault = false): FaultHook {
  const left = { ...times };
  const fails = (entry: Readonly<Record<string, unknown>>) =>
    (left[entry.MessageBody as string] ?? 0) > 0 && !!left[entry.MessageBody as string]--;
  return ({ action }) =>
    action === "SendMessageBatch" ? { type: "failed-entries", ids: fails, senderFault } : undefined;
}

/** Exchanges whose topics keep what they are sent. */
export function memoryFanout(limit = 262_144) {
  const messages: FanoutMessage[] = [];
  const fanout: Partial<Fanout> = {
    declare: (_broker, exchange) => Promise.resolve(`arn:aws:sns:us-east-1:1:${exchange}`),
    limit: () => Promise.resolve(limit),
    publish: (_broker: Broker, exchange, batch) => {
      messages.push(...batch);
      return Promise.resolve(
        batch.map((_, i) => ({ topic: `arn:aws:sns:us-east-1:1:${exchange}`, messageId: `m${i}` })),
      );
    },
  };
  return { fanout: fanout as Fanout, messages };
}
