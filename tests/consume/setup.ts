/**
 * What the tests of this folder share: a model of SQS with a queue `q`, a broker at it, and a check that nothing is left.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  connect,
  type ConnectOptions,
  consume,
  type ConsumeOptions,
  type CredentialProvider,
  type DashiEvent,
  type Deliveries,
  type Delivery,
  type EagerPayloads,
  json,
  type LeaveUndecodable,
} from "@dashi/sqs";
import { type Fault, type FaultCall, memorySqs, type MemorySqsOptions } from "@dashi/sqs/testing";

export interface SetUpOptions extends MemorySqsOptions {
  /** Attributes of `q`. */
  readonly attributes?: Readonly<Record<string, number | string | boolean>>;
  /** More options of the broker. */
  readonly connect?: Partial<ConnectOptions>;
  /** The name of the queue. Default: `q`. */
  readonly queue?: string;
}

/** The events that may have a type: some share a shape. */
type EventOf<E extends DashiEvent, T> = E extends { type: infer K } ? T extends K ? E : never : never;

/** A model of SQS with a queue, and a broker at it. */
export function setUp(options: SetUpOptions = {}) {
  const { queue: name = "q", attributes, connect: own, ...model } = options;
  const sqs = memorySqs(model);
  sqs.createQueue(name, attributes);
  const events: DashiEvent[] = [];
  const broker = connect({
    ...sqs.connectOptions,
    codec: json(),
    onEvent: (event) => events.push(event),
    ...own,
  });
  const { clock } = sqs;
  const began = +clock.now();
  let sent = 0;
  return {
    sqs,
    clock,
    broker,
    events,
    /** Virtual seconds since the beginning. */
    seconds: () => (+clock.now() - began) / 1000,
    /** The events of one type. */
    of: <T extends DashiEvent["type"]>(type: T) =>
      events.filter((event) => event.type === type) as EventOf<DashiEvent, T>[],
    /** Sends numbered messages. */
    async fill(count: number, queue = name, more: Parameters<typeof sqs.sendMessage>[2] = {}) {
      for (let n = 0; n < count; n++) {
        const fifo = queue.endsWith(".fifo") ? { groupId: "g", deduplicationId: `${sent++}` } : {};
        await sqs.sendMessage(queue, JSON.stringify({ n }), { ...fifo, ...more });
      }
    },
    /** How many messages are in a state. */
    count: (state: "visible" | "inFlight" | "delayed", queue = name) =>
      sqs.messages(queue).filter((message) => message.state === state).length,
    /** The inputs of the requests of one action. */
    inputs: (action: string) =>
      sqs.requests.list.filter((request) => request.action === action).map(({ input }) => input as Input),
    /** Does the work in virtual time; fails for a rejection that nobody handles and for a wait that is left. */
    async run<T>(work: () => Promise<T>): Promise<T> {
      const unhandled: unknown[] = [];
      const note = (event: PromiseRejectionEvent) => {
        event.preventDefault();
        unhandled.push(event.reason);
      };
      globalThis.addEventListener("unhandledrejection", note);
      try {
        const result = await clock.run(work);
        await clock.settle();
        assert.deepEqual(unhandled, [], "a rejection that nobody handled");
        assert.deepEqual(clock.waits, [], "something still waits");
        return result;
      } finally {
        globalThis.removeEventListener("unhandledrejection", note);
      }
    },
  };
}

/** The input of a request, as the tests read it. */
export type Input = Readonly<Record<string, any>>;

/** The number in a body that `fill` wrote. */
export const numberOf = (delivery: Delivery<unknown>): number => (delivery.body as { n: number }).n;

/** A provider of keys that throws where it is told to. */
export const keysUnless = (fails: () => boolean): CredentialProvider => () => {
  if (fails()) throw new TypeError("the secret store is out of reach");
  return Promise.resolve({ accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" });
};

/** Fails every request of an action, or those that `which` picks. */
export const failing = (action: string, fault: Fault, which: (call: FaultCall) => boolean = () => true) => {
  return (call: FaultCall): Fault | undefined => call.action === action && which(call) ? fault : undefined;
};

/** What SQS answers to one who may not. */
export const DENIED: Fault = { type: "error", code: "com.amazon.coral.service#AccessDeniedException" };
/** What SQS answers to entries whose messages are no longer the consumer's. */
export const REFUSED: Fault = {
  type: "failed-entries",
  ids: () => true,
  code: "MessageNotInflight",
  senderFault: true,
};
/** A failure that passes. */
export const DOWN: Fault = { type: "error", code: "InternalError", status: 500 };

/** All that the deliveries give, once they are closed. */
export async function all<D>(deliveries: Deliveries<D>): Promise<D[]> {
  const list = await Array.fromAsync(deliveries);
  await deliveries.closed;
  return list;
}

/** Takes `count` messages and gives them to `work` inside of the loop. */
export async function taking(
  { broker, fill }: Pick<ReturnType<typeof setUp>, "broker" | "fill">,
  count: number,
  work: (deliveries: Delivery<unknown>[]) => Promise<unknown>,
  options: ConsumeOptions & LeaveUndecodable & EagerPayloads = {},
): Promise<void> {
  await fill(count);
  const held: Delivery<unknown>[] = [];
  const deliveries = consume(broker, "q", { prefetch: 100, ...options });
  for await (const delivery of deliveries) {
    held.push(delivery);
    if (held.length < count) continue;
    await work(held);
    break;
  }
  await deliveries.closed;
}
