/**
 * What the tests of Celery's tasks share.
 *
 * @module
 */
import {
  type Broker,
  connect,
  type ConnectOptions,
  type DashiEvent,
  json,
  kombu,
  type ResultStore,
  type TaskMeta,
} from "@dashi/sqs";
import { task } from "@dashi/sqs/celery";
import { type MemorySqs, memorySqs, type MemorySqsOptions } from "@dashi/sqs/testing";

/** Tasks as an app in Python has them. */
export const add = task<[x: number, y: number], number>("app.add");
export const notify = task<[what: unknown], void>("app.notify");

/** Options of a worker that ends when the queue is empty. */
export const once = { untilEmpty: true, waitTimeSeconds: 0 } as const;

/** A task's message, decoded. */
export interface TaskMessage {
  readonly headers: Record<string, any>;
  readonly properties: Record<string, any>;
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly args: readonly unknown[];
  readonly kwargs: Record<string, unknown>;
  readonly embed: Record<string, any>;
}

/** An SQS in memory with a broker, and what happened. */
export interface Setting {
  readonly sqs: MemorySqs;
  readonly broker: Broker;
  readonly events: DashiEvent[];
  /** The events of tasks, as `state task`. */
  states(): string[];
  /** The messages that a queue holds. */
  read(queue: string): Promise<TaskMessage[]>;
}

/** Makes an SQS with queues. */
export function setUp(
  queues: string[] = ["celery"],
  options: MemorySqsOptions & { connect?: ConnectOptions } = {},
): Setting {
  const { connect: own, ...model } = options;
  const sqs = memorySqs(model);
  for (const queue of queues) sqs.createQueue(queue);
  const events: DashiEvent[] = [];
  const broker = connect({ ...sqs.connectOptions, ...own, onEvent: (event) => events.push(event) });
  return {
    sqs,
    broker,
    events,
    states: () => events.flatMap((event) => event.type === "task" ? [`${event.state} ${event.task}`] : []),
    read: (queue) => Promise.all(sqs.messages(queue).map(({ body }) => readMessage(body))),
  };
}

/** Decodes a task's message. */
export async function readMessage(body: string): Promise<TaskMessage> {
  const decoded = await kombu().decode({ body, messageAttributes: {} });
  const [args, kwargs, embed] = decoded.body as [unknown[], Record<string, unknown>, Record<string, unknown>];
  const { headers = {}, properties = {}, contentType, contentEncoding } = decoded;
  return { headers, properties, contentType, contentEncoding, args, kwargs, embed };
}

/** A result store in memory. */
export function memoryResults(): ResultStore & { readonly kept: Map<string, TaskMeta> } {
  const kept = new Map<string, TaskMeta>();
  const idOf = (call: { id: string } | string) => typeof call === "string" ? call : call.id;
  return {
    kept,
    meta: (call) => Promise.resolve(kept.get(idOf(call))),
    get: (call) => Promise.resolve(kept.get(idOf(call))?.result as never),
    store: (call, meta) => Promise.resolve(void kept.set(idOf(call), structuredClone(meta))),
    forget: (call) => Promise.resolve(void kept.delete(idOf(call))),
  };
}

/** Sends a message that is written by hand. */
export async function sendRaw(sqs: MemorySqs, queue: string, message: Record<string, unknown>): Promise<void> {
  const { body } = await json().encode({
    body: { headers: {}, properties: {}, "content-type": "application/json", "content-encoding": "utf-8", ...message },
    headers: {},
    properties: {},
    exchange: "",
    routingKey: queue,
    messageId: "1",
  });
  await sqs.sendMessage(queue, body);
}

/** Puts names in the place of ids, in the order in which they come, and leaves out what differs each time. */
export function anonymous<T>(value: T): T {
  const names = new Map<string, string>();
  const text = JSON.stringify(value, (key, inner) => key === "delivery_tag" || key === "reply_to" ? undefined : inner);
  return JSON.parse(text.replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, (id) => {
    if (!names.has(id)) names.set(id, `id ${names.size + 1}`);
    return names.get(id)!;
  }));
}
