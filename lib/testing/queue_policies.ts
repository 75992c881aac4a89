/**
 * The JSON documents among a queue's attributes: who may use it, where its failed messages go, and whose it takes.
 *
 * @module
 */
import { type Input, isRecord } from "./input.ts";
import { type Model, queueByArn } from "./model.ts";
import type { QueueState } from "./queue.ts";
import { invalid, invalidAttribute, invalidValue, SqsFault } from "./sqs_fault.ts";

/** Statements of an access policy. */
export const MAX_STATEMENTS = 20;

/** Queues that a `RedriveAllowPolicy` may name. */
const MAX_SOURCES = 10;

/** The queue that an attribute is for. */
export interface PolicyOwner {
  readonly fifo: boolean;
  readonly arn: string;
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

/** Throws for an access policy that SQS does not take. Of its statements the effects alone are looked at. */
export function checkPolicy(value: string): void {
  const policy = parse(value);
  const statements = isRecord(policy) ? [policy.Statement ?? []].flat() : [];
  const whole = statements.every((one) => isRecord(one) && (one.Effect === "Allow" || one.Effect === "Deny"));
  if (statements.length === 0 || !whole) throw invalidAttribute("Policy");
  if (statements.length > MAX_STATEMENTS) {
    throw new SqsFault(
      "OverLimit",
      `${statements.length} statements were found in the submitted policy, max allowed is ${MAX_STATEMENTS}`,
    );
  }
}

/** Throws for a `RedrivePolicy` that SQS does not take. */
export function checkRedrive(model: Model, value: string, queue: PolicyOwner): void {
  const policy = parse(value);
  if (!isRecord(policy)) throw invalidAttribute("RedrivePolicy", "Redrive policy is not a valid JSON map.");
  const refuse = (reason: string) => invalidValue("RedrivePolicy", value, reason);
  const known = ["maxReceiveCount", "deadLetterTargetArn"];
  const missing = known.find((name) => policy[name] === undefined);
  if (missing) throw refuse(`Redrive policy does not contain mandatory attribute: ${missing}.`);
  if (Object.keys(policy).some((name) => !known.includes(name))) {
    throw refuse(`Only following attributes are supported: [${known.join(", ")}].`);
  }
  const count = Number(policy.maxReceiveCount);
  if (!Number.isInteger(count) || count < 1 || count > 1000) {
    throw refuse(
      `Invalid value for maxReceiveCount: ${policy.maxReceiveCount}, valid values are from 1 to 1000 both inclusive.`,
    );
  }
  const targetArn = String(policy.deadLetterTargetArn);
  const [scheme, , service, ...rest] = targetArn.split(":");
  if (scheme !== "arn" || rest.length !== 3) throw refuse("Dead-letter target ARN should be fully qualified ARN.");
  if (service !== "sqs") throw refuse("Only SQS queues are valid resources for deadLetterTargetArn.");
  const target = queueByArn(model, targetArn);
  if (!target) throw refuse("Dead letter target does not exist.");
  if (target.fifo !== queue.fifo) throw refuse("Dead-letter queue must be same type of queue as the source.");
  const allow = parse(target.attributes.RedriveAllowPolicy ?? "");
  if (isRecord(allow) && !allows(allow, queue.arn)) {
    throw invalid(`${queue.arn} is not allowed to use ${target.arn} as its dead-letter queue.`);
  }
}

function allows({ redrivePermission, sourceQueueArns }: Input, sourceArn: string): boolean {
  if (redrivePermission !== "byQueue") return redrivePermission !== "denyAll";
  return Array.isArray(sourceQueueArns) && sourceQueueArns.includes(sourceArn);
}

/** Throws for a `RedriveAllowPolicy` that SQS does not take. */
export function checkRedriveAllow(value: string): void {
  const policy = parse(value);
  const { redrivePermission, sourceQueueArns, ...others } = isRecord(policy) ? policy : {};
  const sources = sourceQueueArns ?? [];
  const wellFormed = ["allowAll", "denyAll", "byQueue"].includes(redrivePermission as string) &&
    Array.isArray(sources) && sources.every((arn) => typeof arn === "string") && Object.keys(others).length === 0;
  if (!wellFormed) {
    throw invalidAttribute(
      "RedriveAllowPolicy",
      "Amazon SQS can't create the redrive allow policy, as it’s in an unsupported format.",
    );
  }
  const refuse = (reason: string) =>
    invalidValue("RedriveAllowPolicy", value, `Amazon SQS can't create the redrive allow policy. ${reason}`);
  if (redrivePermission !== "byQueue" && sourceQueueArns !== undefined) {
    throw refuse("To specify one or more source queue ARNs, you must set redrivePermission to byQueue.");
  }
  if (redrivePermission === "byQueue" && sources.length === 0) {
    throw refuse(
      "When you specify the byQueue permission type, you must also specify one or more sourceQueueArns values.",
    );
  }
  if (sources.length > MAX_SOURCES) {
    throw refuse(`The maximum number of source queue ARNs you can specify is ${MAX_SOURCES}.`);
  }
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
