import { type Input, isRecord, textMap } from "./input.ts";
import { type Model, queueByArn } from "./model.ts";
import type { QueueState } from "./queue.ts";
import { invalid, invalidValue, SqsFault } from "./sqs_fault.ts";

/** What a queue has that was made without attributes. */
export const DEFAULT_ATTRIBUTES: Readonly<Record<string, string>> = {
  VisibilityTimeout: "30",
  MaximumMessageSize: "1048576",
  MessageRetentionPeriod: "345600",
  DelaySeconds: "0",
  ReceiveMessageWaitTimeSeconds: "0",
  SqsManagedSseEnabled: "true",
};

/** What a FIFO queue has besides. */
export const DEFAULT_FIFO_ATTRIBUTES: Readonly<Record<string, string>> = {
  FifoQueue: "true",
  ContentBasedDeduplication: "false",
  DeduplicationScope: "queue",
  FifoThroughputLimit: "perQueue",
};

const RANGES: Readonly<Record<string, readonly [least: number, most: number]>> = {
  VisibilityTimeout: [0, 43_200],
  MaximumMessageSize: [1024, 1_048_576],
  MessageRetentionPeriod: [60, 1_209_600],
  DelaySeconds: [0, 900],
  ReceiveMessageWaitTimeSeconds: [0, 20],
  KmsDataKeyReusePeriodSeconds: [60, 86_400],
};

const CHOICES: Readonly<Record<string, RegExp>> = {
  FifoQueue: /^true$/,
  ContentBasedDeduplication: /^(?:true|false)$/,
  SqsManagedSseEnabled: /^(?:true|false)$/,
  DeduplicationScope: /^(?:queue|messageGroup)$/,
  FifoThroughputLimit: /^(?:perQueue|perMessageGroupId)$/,
  KmsMasterKeyId: /^.*$/,
};

const DOCUMENTS = ["Policy", "RedrivePolicy", "RedriveAllowPolicy"];

const READ_ONLY = [
  "QueueArn",
  "CreatedTimestamp",
  "LastModifiedTimestamp",
  "ApproximateNumberOfMessages",
  "ApproximateNumberOfMessagesNotVisible",
  "ApproximateNumberOfMessagesDelayed",
];

/** Attributes as a queue keeps them: SQS takes `True` for `true`. */
export function readAttributes(input: Input): Record<string, string> {
  const attributes = textMap(input, "Attributes");
  for (const [name, value] of Object.entries(attributes)) {
    if (/^(?:true|false)$/i.test(value)) attributes[name] = value.toLowerCase();
  }
  return attributes;
}

/** True for an attribute that can be read. */
export function isAttribute(name: string): boolean {
  return READ_ONLY.includes(name) || DOCUMENTS.includes(name) || Object.hasOwn(RANGES, name) ||
    Object.hasOwn(CHOICES, name);
}

/** Throws for attributes that SQS does not take for such a queue. */
export function checkAttributes(
  model: Model,
  attributes: Readonly<Record<string, string>>,
  queue: { readonly fifo: boolean; readonly arn: string },
): void {
  for (const [name, value] of Object.entries(attributes)) {
    const known = isAttribute(name) && !READ_ONLY.includes(name) &&
      (queue.fifo || !Object.hasOwn(DEFAULT_FIFO_ATTRIBUTES, name));
    if (!known) throw new SqsFault("InvalidAttributeName", `Unknown Attribute ${name}.`);
    if (value === "" && !Object.hasOwn(RANGES, name) && name !== "FifoQueue") continue;
    if (!fits(name, value)) {
      throw new SqsFault("InvalidAttributeValue", `Invalid value for the parameter ${name}.`);
    }
    if (name === "RedrivePolicy") checkRedrive(model, value, queue);
  }
}

function fits(name: string, value: string): boolean {
  const range = RANGES[name];
  if (range) return /^\d{1,9}$/.test(value) && Number(value) >= range[0] && Number(value) <= range[1];
  return CHOICES[name]?.test(value) ?? isRecord(parse(value));
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** Where messages go that were received too often. */
export interface Redrive {
  readonly deadLetterTargetArn: string;
  readonly maxReceiveCount: number;
}

/** The redrive policy of a queue, if it has one. */
export function redriveOf(queue: QueueState): Redrive | undefined {
  const policy = parse(queue.attributes.RedrivePolicy ?? "");
  if (!isRecord(policy)) return undefined;
  return {
    deadLetterTargetArn: String(policy.deadLetterTargetArn),
    maxReceiveCount: Number(policy.maxReceiveCount),
  };
}

function checkRedrive(model: Model, value: string, queue: { readonly fifo: boolean; readonly arn: string }): void {
  const { deadLetterTargetArn, maxReceiveCount } = parse(value) as Record<string, unknown>;
  const refuse = (reason: string) => invalidValue("RedrivePolicy", value, reason);
  if (deadLetterTargetArn === undefined || maxReceiveCount === undefined) {
    throw refuse("Redrive policy does not contain mandatory attribute: maxReceiveCount and deadLetterTargetArn.");
  }
  const count = Number(maxReceiveCount);
  if (!Number.isInteger(count) || count < 1 || count > 1000) {
    throw refuse("Invalid value for maxReceiveCount: it must be from 1 to 1000.");
  }
  const target = queueByArn(model, String(deadLetterTargetArn));
  if (!target) throw refuse("Dead letter target does not exist.");
  if (target.fifo !== queue.fifo) throw refuse("Dead-letter queue must be same type of queue as the source.");
  const allow = parse(target.attributes.RedriveAllowPolicy ?? "");
  if (!isRecord(allow)) return;
  const named = Array.isArray(allow.sourceQueueArns) && allow.sourceQueueArns.includes(queue.arn);
  if (allow.redrivePermission === "denyAll" || (allow.redrivePermission === "byQueue" && !named)) {
    throw invalid(`${queue.arn} is not allowed to use ${target.arn} as its dead-letter queue.`);
  }
}
