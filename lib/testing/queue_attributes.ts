import { type Input, textMap } from "./input.ts";
import type { Model } from "./model.ts";
import { checkPolicy, checkRedrive, checkRedriveAllow, type PolicyOwner } from "./queue_policies.ts";
import { invalid, invalidAttribute, SqsFault } from "./sqs_fault.ts";

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

/** Seconds for which SQS asks KMS once, which it shows only where they are others. */
const DEFAULT_REUSE = "300";

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

/** The checks of the attributes that are JSON. */
const DOCUMENTS: Readonly<Record<string, (model: Model, value: string, queue: PolicyOwner) => void>> = {
  Policy: (_, value) => checkPolicy(value),
  RedrivePolicy: checkRedrive,
  RedriveAllowPolicy: (_, value) => checkRedriveAllow(value),
};

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
  return READ_ONLY.includes(name) || isWritable(name);
}

function isWritable(name: string): boolean {
  return [RANGES, CHOICES, DOCUMENTS].some((table) => Object.hasOwn(table, name));
}

/** Throws for attributes that SQS does not take for such a queue. */
export function checkAttributes(model: Model, given: Readonly<Record<string, string>>, queue: PolicyOwner): void {
  for (const [name, value] of Object.entries(given)) {
    if (!queue.fifo && /^(?:DeduplicationScope|FifoThroughputLimit)$/.test(name)) {
      throw new SqsFault("InvalidAttributeName", `You can specify the ${name} only when FifoQueue is set to true.`);
    }
    if (!isWritable(name) || (!queue.fifo && Object.hasOwn(DEFAULT_FIFO_ATTRIBUTES, name))) {
      throw new SqsFault("InvalidAttributeName", `Unknown Attribute ${name}.`);
    }
    if (value === "" && !Object.hasOwn(RANGES, name) && name !== "FifoQueue") continue;
    if (!fits(name, value)) {
      throw invalidAttribute(name, name === "FifoQueue" ? "Modifying queue type is not supported." : undefined);
    }
    DOCUMENTS[name]?.(model, value, queue);
  }
  if (given.KmsMasterKeyId && given.SqsManagedSseEnabled === "true") {
    throw new SqsFault(
      "InvalidAttributeName",
      "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.",
    );
  }
}

function fits(name: string, value: string): boolean {
  const range = RANGES[name];
  if (range) return /^\d{1,9}$/.test(value) && Number(value) >= range[0] && Number(value) <= range[1];
  return CHOICES[name]?.test(value) ?? true;
}

/**
 * The attributes of a queue after a change: an empty text takes one away, and one kind of encryption ends the other.
 *
 * @throws {SqsFault} If they do not go together.
 */
export function changedAttributes(
  before: Readonly<Record<string, string>>,
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  const after = { ...before, ...given };
  if (given.KmsMasterKeyId) after.SqsManagedSseEnabled = "false";
  if (given.SqsManagedSseEnabled === "true") after.KmsMasterKeyId = after.KmsDataKeyReusePeriodSeconds = "";
  if (after.KmsDataKeyReusePeriodSeconds === DEFAULT_REUSE) after.KmsDataKeyReusePeriodSeconds = "";
  if (after.FifoThroughputLimit === "perMessageGroupId" && after.DeduplicationScope !== "messageGroup") {
    throw invalid("The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup");
  }
  return Object.fromEntries(Object.entries(after).filter(([, value]) => value !== ""));
}
