/**
 * A queue's own visibility timeout and redrive policy: read once and kept for a while.
 *
 * @module
 */
import { nowOf, remember } from "../broker.ts";
import { AccessDeniedQueueError } from "../errors.ts";
import { getQueueAttributes } from "../sqs/get_queue_attributes.ts";
import { sendTo } from "../topology/send_to.ts";
import type { QueueAddress } from "../types.ts";
import type { Consumer, Lane } from "./consumer.ts";
import * as DEFAULTS from "./defaults.ts";
import { GOOD_FOR } from "./figures.ts";

interface Known {
  readonly until: number;
  /** Undefined where reading was denied. */
  readonly attributes?: Readonly<Record<string, string>>;
  readonly error?: Error;
}

function read(consumer: Consumer, lane: Lane, address: QueueAddress): Known | Promise<Known> {
  const { state } = consumer;
  const known = state.attributes.get(address.url) as Known | undefined;
  if (known && known.until > nowOf(state)) return known;
  return (lane.reading ??= ask(consumer, address).finally(() => lane.reading = undefined)) as Promise<Known>;
}

async function ask(consumer: Consumer, address: QueueAddress): Promise<Known> {
  const { state, broker, onAttempt, polling: { signal } } = consumer;
  const attributeNames = ["VisibilityTimeout", "RedrivePolicy"];
  const request = getQueueAttributes({ queueUrl: address.url, attributeNames });
  const known: Omit<Known, "until"> = await sendTo(broker, address, request, { onAttempt, signal }).catch((error) => {
    if (error instanceof AccessDeniedQueueError) return { error };
    throw error;
  });
  const fresh = { ...known, until: nowOf(state) + GOOD_FOR * 1000 };
  remember(state.attributes, address.url, fresh);
  return fresh;
}

/** The queue's visibility timeout; where it can't be read, one that each receive then carries. */
export async function visibilityOf(
  consumer: Consumer,
  lane: Lane,
  address: QueueAddress,
): Promise<{ timeout: number; sendTimeout?: number }> {
  const { attributes, error } = await read(consumer, lane, address);
  const timeout = Number(attributes?.VisibilityTimeout);
  if (timeout >= 0) return { timeout };
  consumer.state.emit({
    type: "visibility-unknown",
    queue: lane.name,
    visibilityTimeout: DEFAULTS.visibilityTimeout,
    error: error ?? new Error("no VisibilityTimeout"),
  });
  return { timeout: DEFAULTS.visibilityTimeout, sendTimeout: DEFAULTS.visibilityTimeout };
}

/** True if the queue hands messages on to a dead-letter queue, or nobody may know; a promise where it must be asked. */
export function hasRedrivePolicy(consumer: Consumer, lane: Lane): boolean | Promise<boolean> {
  const has = ({ attributes }: Known) => !attributes || !!attributes.RedrivePolicy;
  const known = read(consumer, lane, lane.address!);
  return known instanceof Promise ? known.then(has) : has(known);
}
