import { stateOf } from "../broker.ts";
import { AwsError } from "../errors.ts";
import { send } from "../http/send.ts";
import { createQueue } from "../sqs/create_queue.ts";
import type { Broker, QueueAddress } from "../types.ts";
import { queueAddress } from "./queue_address.ts";

/** What a queue is created with. */
export interface CreationOptions {
  /** Attributes, beside the broker's `queueAttributes`. */
  readonly attributes?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** Tags, beside the broker's `queueTags`. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
  /** Is called before each try. */
  readonly onAttempt?: (() => void) | undefined;
}

/**
 * Creates a queue: a FIFO queue if its name says so.
 *
 * @param broker What `connect()` gave.
 * @param name The canonical name.
 * @param options Attributes and tags; they win over the broker's.
 * @returns Its address; undefined where somebody was faster, with other attributes.
 * @throws {ConfigError} If SQS does not take the name, or if it and the attributes disagree about FIFO.
 */
export async function createNamed(
  broker: Broker,
  name: string,
  options: CreationOptions,
): Promise<QueueAddress | undefined> {
  const { emit, options: { queueAttributes, queueTags } } = stateOf(broker);
  const { FifoQueue = name.endsWith(".fifo"), ...attributes } = { ...queueAttributes, ...options.attributes };
  const request = createQueue({
    queueName: name,
    // SQS takes no FifoQueue: false.
    attributes: String(FifoQueue) === "false" && !name.endsWith(".fifo") ? attributes : { ...attributes, FifoQueue },
    // As kombu does: with tags, be they none, IAM may ask for one more permission.
    tags: queueTags || options.tags ? { ...queueTags, ...options.tags } : undefined,
  });
  try {
    const { queueUrl } = await send(broker, request, options);
    emit({ type: "topology", operation: "create", resource: queueUrl });
    return queueAddress(name, queueUrl);
  } catch (error) {
    if (!(error instanceof AwsError && /QueueNameExists|QueueAlreadyExists/.test(error.awsCode))) throw error;
  }
}
