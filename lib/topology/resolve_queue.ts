import { remember, stateOf } from "../broker.ts";
import { assertText, show } from "../check.ts";
import { DoesNotExistQueueError, UndefinedQueueError } from "../errors.ts";
import { send } from "../http/send.ts";
import { getQueueUrl } from "../sqs/get_queue_url.ts";
import type { Broker, PredefinedQueue, QueueAddress } from "../types.ts";
import { canonicalName } from "./canonical_name.ts";
import { createNamed } from "./create_named.ts";
import { givenAddress, queueAddress } from "./queue_address.ts";
import { share } from "./share.ts";

/** Options of {@linkcode resolveQueue}. */
export interface ResolveQueueOptions {
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
  /** Whether a missing queue is created. Default: the broker's `createMissing`. */
  readonly create?: boolean | undefined;
  /** Is called before each try of a request; a caller who shares the look-up of another one is not. */
  readonly onAttempt?: (() => void) | undefined;
}

/**
 * Finds a queue: a URL is taken as it is; a name is looked up among the predefined queues, or asked of SQS once
 * (GetQueueUrl, never ListQueues) and remembered, with ten thousand others at the most.
 *
 * The address has the name that was given; for a URL, the last part of its path or the name it is predefined under.
 *
 * @param broker What `connect()` gave.
 * @param nameOrUrl A queue's name, without the prefix, or its URL.
 * @param options Signal, and whether to create the queue.
 * @returns The queue's URL, and how to sign for it.
 * @throws {ConfigError} If SQS does not take the name: at most 80 letters, digits, `-` and `_`, prefix and `.fifo` counted.
 * @throws {UndefinedQueueError} If there are predefined queues and it is none of them.
 * @throws {DoesNotExistQueueError} If there is no such queue and it is not to be created.
 */
export async function resolveQueue(
  broker: Broker,
  nameOrUrl: string,
  options: ResolveQueueOptions = {},
): Promise<QueueAddress> {
  const state = stateOf(broker);
  assertText("queue", nameOrUrl);
  const { queues, options: { predefinedQueues, createMissing = false } } = state;
  const { signal, create = createMissing } = options;
  const isUrl = /^https?:\/\//i.test(nameOrUrl);
  const key = predefinedQueues
    ? predefinedName(broker, nameOrUrl, predefinedQueues)
    : isUrl
    ? nameOrUrl
    : canonicalName(broker, nameOrUrl);
  let found = queues.get(key);
  if (!found) {
    if (predefinedQueues) found = givenAddress(predefinedQueues[key].url, key, predefinedQueues[key]);
    else if (isUrl) found = givenAddress(nameOrUrl);
    else {
      const work = () => lookUp(broker, key, create, options);
      found = await share(state, `queue ${create} ${key}`, signal, work);
    }
    remember(queues, key, found);
  }
  const { name, url, predefined } = found;
  return isUrl || name === nameOrUrl ? found : queueAddress(nameOrUrl, url, predefined);
}

/** The name that a queue is predefined under: the literal, the canonical one, or that of the entry with the URL. */
function predefinedName(
  broker: Broker,
  nameOrUrl: string,
  predefined: Readonly<Record<string, PredefinedQueue>>,
): string {
  const known = Object.keys(predefined);
  const name = [nameOrUrl, canonicalName(broker, nameOrUrl)].find((name) => Object.hasOwn(predefined, name)) ??
    known.find((name) => predefined[name].url === nameOrUrl);
  if (name !== undefined) return name;
  throw new UndefinedQueueError(
    `Cannot use the queue ${show(nameOrUrl)} as it is not in 'predefinedQueues': known are ${known.join(", ")}`,
  );
}

async function lookUp(
  broker: Broker,
  name: string,
  create: boolean,
  options: Pick<ResolveQueueOptions, "signal" | "onAttempt">,
): Promise<QueueAddress> {
  const ask = async () => queueAddress(name, (await send(broker, getQueueUrl({ queueName: name }), options)).queueUrl);
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof DoesNotExistQueueError)) throw error;
    if (!create) {
      throw new DoesNotExistQueueError(`Cannot find the queue '${name}': ${error.message}`, error, { cause: error });
    }
  }
  return await createNamed(broker, name, options) ?? await ask(); // of whoever was faster: theirs is the queue
}
