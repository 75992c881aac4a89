import { type BrokerState, once, pause, stateOf } from "../broker.ts";
import { DashiError } from "../errors.ts";
import { getQueueAttributes } from "../sqs/get_queue_attributes.ts";
import { setQueueAttributes } from "../sqs/set_queue_attributes.ts";
import { sendTo } from "../topology/send_to.ts";
import { share } from "../topology/share.ts";
import type { Broker, QueueAddress } from "../types.ts";

/** How often a policy is written before it is given up. */
const MAX_WRITES = 6;

/** A queue's ARN and policy, as SQS has them now. */
export interface QueueAccess {
  readonly arn: string;
  readonly policy?: string;
}

/**
 * Reads a queue's ARN and policy.
 *
 * @throws {DashiError} If the answer has no ARN, which every queue has.
 */
export async function readAccess(broker: Broker, queue: QueueAddress, signal?: AbortSignal): Promise<QueueAccess> {
  const request = getQueueAttributes({ queueUrl: queue.url, attributeNames: ["QueueArn", "Policy"] });
  const { attributes: { QueueArn: arn, Policy: policy } } = await sendTo(broker, queue, request, { signal });
  // A policy that names no queue would be written.
  if (!arn) throw new DashiError(`'${queue.name}' has no ARN`);
  return { arn, policy };
}

/**
 * Changes a queue's policy. SQS has no compare-and-set, so the policy is read right before it is written, and again
 * after a moment: where somebody else wrote in between, over our change, the change is made again upon theirs.
 *
 * @param broker What `connect()` gave.
 * @param queue Whose policy.
 * @param edit Gives the new policy, or undefined if it is as it should be.
 * @param signal Ends the waiting.
 * @throws {DashiError} If the change does not last.
 */
export function editPolicy(
  broker: Broker,
  queue: QueueAddress,
  edit: (access: QueueAccess) => string | undefined,
  signal?: AbortSignal,
): Promise<QueueAccess> {
  const state = stateOf(broker);
  return alone(state, `policy ${queue.url}`, signal, async () => {
    for (let written = 0; written < MAX_WRITES; written++) {
      const access = await readAccess(broker, queue, signal);
      const policy = edit(access);
      if (policy === undefined) return access;
      await sendTo(broker, queue, setQueueAttributes({ queueUrl: queue.url, attributes: { Policy: policy } }), {
        signal,
      });
      state.emit({ type: "topology", operation: "policy", resource: access.arn });
      // Longer than others take between their reading and their writing, and not in step with them.
      await pause(state.clock, 0.1 * 2 ** written * (1 + state.random()), signal);
      signal?.throwIfAborted();
    }
    throw new DashiError(
      `Cannot change the policy of '${queue.name}' as ${MAX_WRITES} changes did not last: somebody else keeps writing it`,
    );
  });
}

/** One at a time under a key, for all callers of the broker. */
async function alone<T>(
  state: BrokerState,
  key: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  while (state.pending.has(key)) {
    // Waits for the work under way, whatever comes of it: there is some, so this begins none.
    await share(state, key, signal, () => Promise.resolve({})).catch(() => signal?.throwIfAborted());
  }
  return await once(state, key, work);
}
