import { type Input, optionalInteger, optionalText, text, textMap, texts } from "../input.ts";
import { arnOf, type Model, queueNamed, queueOf, urlOf } from "../model.ts";
import { createQueueState, delayMessages, type QueueState, removeMessage, wake } from "../queue.ts";
import {
  changedAttributes,
  checkAttributes,
  DEFAULT_ATTRIBUTES,
  DEFAULT_FIFO_ATTRIBUTES,
  isAttribute,
  readAttributes,
} from "../queue_attributes.ts";
import { redriveOf } from "../queue_policies.ts";
import { invalid, invalidValue, missing, SqsFault } from "../sqs_fault.ts";
import { checkTags } from "./tags.ts";

/** Milliseconds for which a deleted queue's name is taken, and between two purges. */
const MINUTE = 60_000;
/** How many that come later may come before a message: with no bound one would wait for as long as others come. */
const SHUFFLED = 1000;

/** CreateQueue: the same again gives the same URL. */
export function createQueue(model: Model, input: Input): { QueueUrl: string } {
  const name = text(input, "QueueName");
  const attributes = readAttributes(input);
  const fifo = attributes.FifoQueue === "true";
  if (!/^[A-Za-z0-9_-]{1,80}$/.test(fifo ? name.replace(/\.fifo$/, "") : name) || name.length > 80) {
    throw invalid("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length");
  }
  if (fifo && !name.endsWith(".fifo")) {
    throw invalid(
      "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.",
    );
  }
  const now = model.timeline.now();
  const arn = arnOf(model, name);
  checkAttributes(model, attributes, { fifo, arn });
  const existing = model.queues.get(name);
  if (existing) {
    const wanted = changedAttributes(existing.attributes, attributes);
    const other = Object.keys(attributes).find((key) => wanted[key] !== existing.attributes[key]);
    if (other === undefined) return { QueueUrl: existing.url };
    throw new SqsFault(
      "QueueNameExists",
      `A queue already exists with the same name and a different value for attribute ${other}`,
    );
  }
  if (now - (model.deletedAt.get(name) ?? -Infinity) < MINUTE) {
    throw new SqsFault(
      "QueueDeletedRecently",
      "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
    );
  }
  const tags = textMap(input, "tags");
  checkTags(tags);
  const queue = createQueueState({
    name,
    url: urlOf(model, name),
    arn,
    fifo,
    attributes: changedAttributes({ ...DEFAULT_ATTRIBUTES, ...(fifo && DEFAULT_FIFO_ATTRIBUTES) }, attributes),
    tags: new Map(Object.entries(tags)),
    createdAt: now,
    rank: () => ++model.counter + (model.order === "random" ? SHUFFLED * model.random() : 0),
  });
  model.queues.set(name, queue);
  return { QueueUrl: queue.url };
}

/** DeleteQueue. */
export function deleteQueue(model: Model, input: Input): unknown {
  const queue = queueOf(model, input);
  queue.deleted = true;
  model.queues.delete(queue.name);
  model.deletedAt.set(queue.name, model.timeline.now());
  wake(queue);
  return {};
}

/** GetQueueUrl. */
export function getQueueUrl(model: Model, input: Input): unknown {
  const name = text(input, "QueueName");
  const owner = optionalText(input, "QueueOwnerAWSAccountId") ?? model.accountId;
  return { QueueUrl: queueNamed(model, owner === model.accountId ? name : "").url };
}

/** ListQueues. */
export function listQueues(model: Model, input: Input): unknown {
  const prefix = optionalText(input, "QueueNamePrefix") ?? "";
  const { urls, NextToken } = page(input, [...model.queues.values()].filter(({ name }) => name.startsWith(prefix)));
  return urls.length > 0 ? { QueueUrls: urls, NextToken } : {};
}

/** ListDeadLetterSourceQueues. */
export function listDeadLetterSourceQueues(model: Model, input: Input): unknown {
  const { arn } = queueOf(model, input);
  const sources = [...model.queues.values()].filter((queue) => redriveOf(queue)?.deadLetterTargetArn === arn);
  const { urls, NextToken } = page(input, sources);
  return { queueUrls: urls, NextToken };
}

/** Queue URLs by name, as many as were asked for. A token is given only where MaxResults is. */
function page(input: Input, queues: QueueState[]): { urls: string[]; NextToken?: string } {
  const most = optionalInteger(input, "MaxResults", 1, 1000);
  const token = optionalText(input, "NextToken");
  if (token !== undefined && most === undefined) {
    throw invalidValue("NextToken", token, "It goes with MaxResults only.");
  }
  const after = token === undefined ? "" : readToken(token);
  const rest = queues.filter(({ name }) => name > after).sort((a, b) => a.name < b.name ? -1 : 1);
  const shown = rest.slice(0, most ?? 1000);
  const more = most !== undefined && rest.length > shown.length;
  return { urls: shown.map(({ url }) => url), NextToken: more ? btoa(shown.at(-1)!.name) : undefined };
}

function readToken(token: string): string {
  try {
    return atob(token);
  } catch {
    throw invalid("Invalid or expired next token.");
  }
}

/** GetQueueAttributes: those that were asked for, and of these the ones that the queue has. */
export function getQueueAttributes(model: Model, input: Input): unknown {
  const queue = queueOf(model, input);
  const names = texts(input, "AttributeNames");
  const unknown = names.find((name) => name !== "All" && !isAttribute(name));
  if (unknown !== undefined) throw new SqsFault("InvalidAttributeName", `Unknown Attribute ${unknown}.`);
  const states = [...queue.messages.values()];
  const hidden = states.filter(({ visibleAt }) => visibleAt > model.timeline.now()).length;
  const all: Record<string, string> = {
    QueueArn: queue.arn,
    ApproximateNumberOfMessages: String(states.length - hidden),
    ApproximateNumberOfMessagesNotVisible: String(queue.inFlight),
    ApproximateNumberOfMessagesDelayed: String(hidden - queue.inFlight),
    CreatedTimestamp: String(Math.floor(queue.createdAt / 1000)),
    LastModifiedTimestamp: String(Math.floor(queue.modifiedAt / 1000)),
    ...queue.attributes,
  };
  const asked = Object.entries(all).filter(([name]) => names.includes("All") || names.includes(name));
  return asked.length > 0 ? { Attributes: Object.fromEntries(asked) } : {};
}

/** SetQueueAttributes: for FIFO queues a new delay is also that of the messages that are there. */
export function setQueueAttributes(model: Model, input: Input): unknown {
  const queue = queueOf(model, input);
  const attributes = readAttributes(input);
  if (Object.keys(attributes).length === 0) throw missing("Attribute.Name");
  checkAttributes(model, attributes, queue);
  queue.attributes = changedAttributes(queue.attributes, attributes);
  queue.modifiedAt = model.timeline.now();
  if (queue.fifo && attributes.DelaySeconds !== undefined) delayMessages(queue, model.timeline.now());
  queue.nextExpiry = 0; // the retention may be shorter now
  return {};
}

/** PurgeQueue: once in 60 seconds. */
export function purgeQueue(model: Model, input: Input): unknown {
  const queue = queueOf(model, input);
  const now = model.timeline.now();
  if (now - queue.purgedAt < MINUTE) {
    throw new SqsFault(
      "PurgeQueueInProgress",
      `Only one PurgeQueue operation on ${queue.name} is allowed every 60 seconds.`,
    );
  }
  queue.purgedAt = now;
  for (const message of [...queue.messages.values()]) removeMessage(queue, message);
  queue.sent.clear();
  return {};
}
