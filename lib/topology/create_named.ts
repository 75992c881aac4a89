import { stateOf } from "../broker.ts";
import { InvalidQueueError } from "../errors.ts";
import { send } from "../http/send.ts";
import { createQueue } from "../sqs/create_queue.ts";
import type { Broker, QueueAddress } from "../types.ts";
import { queueAddress } from "./queue_address.ts";

/** What a queue is created with. */
export interface CreationOptions {
  /** Attributes, beside the broker's `queueAttributes`. */
  readonly attributes?: Readonly<Record<string, string | number | boolean>>;
  /** Tags, beside the broker's `queueTags`. */
  readonly tags?: Readonly<Record<string, string>>;
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
}

/**
 * Creates a queue: a FIFO queue if its name says so.
 *
 * @param broker What `connect()` gave.
 * @param name The canonical name.
 * @param options Attributes and tags; they win over the broker's.
 * @throws {InvalidQueueError} If the attributes and the name disagree about FIFO.
 */
export async function createNamed(broker: Broker, name: string, options: CreationOptions): Promise<QueueAddress> {
  const { emit, options: { queueAttributes, queueTags } } = stateOf(broker);
  const fifo = String(name.endsWith(".fifo"));
  const { FifoQueue = fifo, ...attributes } = { ...queueAttributes, ...options.attributes };
  if (String(FifoQueue) !== fifo) {
    throw new InvalidQueueError(
      `Cannot create '${name}' with FifoQueue: ${FifoQueue} as the names of FIFO queues, and no others, end in '.fifo'`,
    );
  }
  const request = createQueue({
    queueName: name,
    // SQS refuses FifoQueue: false.
    attributes: fifo === "true" ? { ...attributes, FifoQueue } : attributes,
    tags: { ...queueTags, ...options.tags },
  });
  const { queueUrl } = await send(broker, request, options);
  emit({ type: "topology", operation: "create", resource: queueUrl });
  return queueAddress(name, queueUrl);
}
