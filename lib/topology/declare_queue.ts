import { remember, stateOf } from "../broker.ts";
import { assertKnown, assertOptions, assertText, assertWithin, each, has, is, refuse } from "../check.ts";
import { ConfigError, DoesNotExistQueueError } from "../errors.ts";
import { listQueueTags } from "../sqs/list_queue_tags.ts";
import type { Broker, QueueAddress } from "../types.ts";
import { canonicalName } from "./canonical_name.ts";
import { createNamed } from "./create_named.ts";
import { forgetQueue } from "./forget_queue.ts";
import { queueAttributes } from "./queue_attributes.ts";
import { resolveQueue } from "./resolve_queue.ts";
import { sendTo } from "./send_to.ts";

/** Options of {@linkcode declareQueue}. */
export interface DeclareQueueOptions {
  /** Attributes by SQS's names, such as `{ VisibilityTimeout: 60 }`. They win over the broker's `queueAttributes`. */
  readonly attributes?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** Tags. They win over the broker's `queueTags`. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** Where messages go after `maxReceiveCount` receives (1 to 1,000): a queue that is there already, by name or URL. */
  readonly deadLetter?: { readonly queue: string; readonly maxReceiveCount: number } | undefined;
  /** Only looks whether the queue is there. Default: false. */
  readonly passive?: boolean | undefined;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
}

/** A queue that is there. */
export interface DeclaredQueue {
  /** The name that was given. */
  readonly name: string;
  /** Its URL. */
  readonly url: string;
  /** Its ARN. */
  readonly arn: string;
}

/**
 * Creates a queue, unless it is there. A name with `.fifo` at its end makes a FIFO queue.
 *
 * A queue that is there must have the attributes, the dead-letter queue and the tags that this call names; the broker's
 * `queueAttributes` and `queueTags` count for new queues only. A dead-letter queue that is missing is made only if the
 * broker has `createMissing`. Predefined queues are never created; their attributes are compared all the same.
 *
 * @param broker What `connect()` gave.
 * @param name The queue's name, without the prefix.
 * @param options What the queue is to be like.
 * @returns Its name, URL and ARN.
 * @throws {ConfigError} If an argument is wrong, or if the queue is there and differs: the message says in what.
 * @throws {DoesNotExistQueueError} If it is `passive` and there is none, or if the dead-letter queue is missing.
 * @throws {UndefinedQueueError} If there are predefined queues and it is none of them.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { connect, declareQueue } from "@dashi/sqs";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const broker = connect(memorySqs().connectOptions);
 * await declareQueue(broker, "orders-dead");
 * const { arn } = await declareQueue(broker, "orders", {
 *   attributes: { VisibilityTimeout: 60 },
 *   deadLetter: { queue: "orders-dead", maxReceiveCount: 5 },
 * });
 * assert.match(arn, /:orders$/);
 * ```
 */
export async function declareQueue(
  broker: Broker,
  name: string,
  options: DeclareQueueOptions = {},
): Promise<DeclaredQueue> {
  const { queues } = stateOf(broker);
  assertText("queue", name);
  // A misspelt one would make a queue without its dead-letter queue, for good.
  assertOptions<DeclareQueueOptions>("", options, {
    attributes: is("object"),
    tags: each(is("string")),
    deadLetter: assertDeadLetter,
    passive: is("boolean"),
    signal: has("throwIfAborted"),
  });
  const { tags, passive = false, signal } = options;
  if (!passive && /^https?:\/\//i.test(name)) refuse("queue", "a name, as a URL names a queue that is there", name);
  forgetQueue(broker, name);
  const attributes = passive ? {} : await attributesOf(broker, name, options);
  let queue: QueueAddress;
  let isNew = false;
  try {
    queue = await resolveQueue(broker, name, { signal, create: false });
  } catch (error) {
    if (passive || !(error instanceof DoesNotExistQueueError)) throw error;
    const made = await createNamed(broker, canonicalName(broker, name), { attributes, tags, signal });
    if (made) remember(queues, made.name, made);
    isNew = !!made;
    // Where somebody was faster, it must be what we want.
    queue = made ?? await resolveQueue(broker, name, { signal, create: false });
  }
  const compared = isNew ? [] : Object.keys(attributes);
  const found = await queueAttributes(broker, queue, ["QueueArn", ...compared], { signal });
  if (!isNew && !passive) {
    const foundTags = tags
      ? (await sendTo(broker, queue, listQueueTags({ queueUrl: queue.url }), { signal })).tags
      : {};
    assertAlike(name, [
      ...differences("", attributes, found),
      ...differences("tag ", tags ?? {}, foundTags),
    ]);
  }
  return Object.freeze({ name, url: queue.url, arn: found.QueueArn });
}

/** Neither of the two has a default. */
function assertDeadLetter(path: string, value: unknown): void {
  is("object")(path, value);
  const { queue, maxReceiveCount, ...others } = value as Record<string, unknown>;
  assertKnown(path, others, ["queue", "maxReceiveCount"]);
  assertText(`${path}.queue`, queue);
  assertWithin(`${path}.maxReceiveCount`, maxReceiveCount, 1, 1000);
}

/** The attributes that the options ask for, the dead-letter queue's among them. */
async function attributesOf(
  broker: Broker,
  name: string,
  options: DeclareQueueOptions,
): Promise<Record<string, string | number | boolean>> {
  const { attributes = {}, deadLetter, signal } = options;
  if (!deadLetter) return attributes;
  const { queue, maxReceiveCount } = deadLetter;
  if ("RedrivePolicy" in attributes) refuse("attributes.RedrivePolicy", "unset beside 'deadLetter'", "set");
  const target = await resolveQueue(broker, queue, { signal });
  if (target.fifo !== name.endsWith(".fifo")) {
    refuse("deadLetter.queue", `a ${target.fifo ? "standard" : "FIFO"} queue as '${name}' is one`, queue);
  }
  const { QueueArn } = await queueAttributes(broker, target, ["QueueArn"], { signal });
  return { ...attributes, RedrivePolicy: JSON.stringify({ deadLetterTargetArn: QueueArn, maxReceiveCount }) };
}

function assertAlike(name: string, differing: readonly string[]): void {
  if (!differing.length) return;
  throw new ConfigError(
    `Cannot declare the queue '${name}' as it is there and differs: ${differing.join(", ")}; ` +
      "setQueueAttributes() and tagQueue() of @dashi/sqs/sqs change a queue",
  );
}

/** Says what is not as wanted. */
function differences(
  kind: string,
  wanted: Readonly<Record<string, string | number | boolean>>,
  found: Readonly<Record<string, string>>,
): string[] {
  return Object.keys(wanted)
    .filter((key) => !(isUnset(wanted[key]) && isUnset(found[key])) && plain(wanted[key]) !== plain(found[key]))
    .map((key) => `${kind}${key} is ${show(found[key])} and not ${show(wanted[key])}`);
}

/** SQS leaves out what is not set, and what would be false. */
function isUnset(value: string | number | boolean | undefined): boolean {
  return value === undefined || value === "" || String(value) === "false";
}

function show(value: string | number | boolean | undefined): string {
  if (value === undefined || value === "") return "unset";
  const text = String(value);
  return text.length > 200 ? `${text.slice(0, 197)}...` : text;
}

/** A value for comparing: documents such as policies without regard to order, and to whether numbers are quoted. */
function plain(value: unknown): string {
  if (typeof value === "string" && value.startsWith("{")) {
    try {
      return plain(JSON.parse(value));
    } catch {
      return value;
    }
  }
  if (Array.isArray(value)) return `[${value.map(plain)}]`;
  if (typeof value === "object" && value !== null) {
    return `{${Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}:${plain(item)}`).sort()}}`;
  }
  return String(value);
}
