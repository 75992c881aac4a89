import { type Input, text } from "./input.ts";
import { bringUpTo, type QueueState } from "./queue.ts";
import { invalidValue, SqsFault } from "./sqs_fault.ts";
import type { Timeline } from "./timeline.ts";

/** All that the model of SQS is at an instant. */
export interface Model {
  readonly timeline: Timeline;
  readonly random: () => number;
  readonly region: string;
  readonly accountId: string;
  readonly order: "random" | "fifo";
  readonly inFlightLimit: number;
  readonly queues: Map<string, QueueState>;
  /** When queues were deleted, by name. */
  readonly deletedAt: Map<string, number>;
  readonly moveTasks: MoveTask[];
  /** Numbers FIFO messages, and ranks messages where the order is not random. */
  counter: number;
}

/** A task that moves the messages of a dead-letter queue. */
export interface MoveTask {
  readonly handle: string;
  readonly sourceArn: string;
  readonly destinationArn?: string;
  readonly rate?: number;
  readonly toMove: number;
  readonly startedAt: number;
  status: "RUNNING" | "COMPLETED" | "CANCELLED" | "FAILED";
  failureReason?: string;
  moved: number;
  /** Calls off its next step. */
  stop(): void;
}

/** What an API action does. `client` is set where a long poll ends with its client. */
export type Action = (model: Model, input: Input, client?: AbortSignal) => unknown;

/** The place of the next FIFO message: twenty digits that grow. */
export function nextSequenceNumber(model: Model): string {
  return "1" + String(++model.counter).padStart(19, "0");
}

/** The URL of a queue by its name. */
export function urlOf(model: Model, name: string): string {
  return `https://sqs.${model.region}.amazonaws.com/${model.accountId}/${name}`;
}

/** The ARN of a queue by its name. */
export function arnOf(model: Model, name: string): string {
  return `arn:aws:sqs:${model.region}:${model.accountId}:${name}`;
}

/** The error for a queue that is not there. */
export function noSuchQueue(): SqsFault {
  return new SqsFault("QueueDoesNotExist", "The specified queue does not exist.");
}

/** The queue of a name, up to date. */
export function queueNamed(model: Model, name: string): QueueState {
  const queue = model.queues.get(name);
  if (!queue) throw noSuchQueue();
  bringUpTo(queue, model.timeline.now());
  return queue;
}

/** The queue that a request's QueueUrl names, whatever the URL's host. */
export function queueOf(model: Model, input: Input): QueueState {
  const url = text(input, "QueueUrl");
  if (!URL.canParse(url)) throw invalidValue("QueueUrl", url, "It must be the URL of a queue.");
  const [account, name, ...rest] = new URL(url).pathname.split("/").slice(1);
  if (!name || rest.length > 0) {
    throw new SqsFault("InvalidAddress", `The address ${url} is not valid for this endpoint.`);
  }
  if (account !== model.accountId) throw noSuchQueue();
  return queueNamed(model, name);
}

/** The queue of an ARN, if there is one. */
export function queueByArn(model: Model, arn: string): QueueState | undefined {
  for (const queue of model.queues.values()) {
    if (queue.arn !== arn) continue;
    bringUpTo(queue, model.timeline.now());
    return queue;
  }
}
