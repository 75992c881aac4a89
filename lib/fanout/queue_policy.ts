/**
 * A queue's access policy as text in, text out: our statement for a topic comes and goes, and all else stays as it is.
 *
 * @see {@link https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html}
 * @module
 */

/** What our statements' Sids begin with; the topic's ARN follows, as in those that AWS's console writes. */
const SID = "dashi-";

/** A policy, as far as it is looked at. */
interface Policy {
  readonly Statement?: unknown;
}

/**
 * Adds the statement that lets a topic send to a queue.
 *
 * @param text The queue's policy; undefined or empty for none.
 * @returns The new policy, or undefined if the statement stands in it already.
 * @throws {SyntaxError} If the policy can't be read. The message does not repeat it.
 */
export function allowTopic(text: string | undefined, topicArn: string, queueArn: string): string | undefined {
  const Sid = SID + topicArn;
  const wanted = {
    Sid,
    Effect: "Allow",
    Principal: { Service: "sns.amazonaws.com" },
    Action: "sqs:SendMessage",
    Resource: queueArn,
    Condition: { ArnEquals: { "aws:SourceArn": topicArn } },
  };
  const policy: Policy = text ? parse(text) : { Version: "2012-10-17", Statement: [] } as Policy;
  const statements = statementsOf(policy);
  const ours = statements.filter((statement) => sidOf(statement) === Sid);
  if (ours.length === 1 && canonical(ours[0]) === canonical(wanted)) return undefined;
  return JSON.stringify({ ...policy, Statement: [...statements.filter((one) => !ours.includes(one)), wanted] });
}

/**
 * Takes back what {@linkcode allowTopic} added.
 *
 * @param text The queue's policy; undefined or empty for none.
 * @returns The new policy, empty if nothing is left of it; undefined if there was no such statement.
 * @throws {SyntaxError} If the policy can't be read. The message does not repeat it.
 */
export function disallowTopic(text: string | undefined, topicArn: string): string | undefined {
  if (!text) return undefined;
  const policy = parse(text);
  const statements = statementsOf(policy);
  const rest = statements.filter((statement) => sidOf(statement) !== SID + topicArn);
  if (rest.length === statements.length) return undefined;
  return rest.length ? JSON.stringify({ ...policy, Statement: rest }) : "";
}

/** The ARNs of the topics that have a statement of ours. */
export function allowedTopics(text: string | undefined): string[] {
  if (!text) return [];
  return statementsOf(parse(text)).map(sidOf)
    .filter((sid) => sid?.startsWith(SID + "arn:"))
    .map((sid) => sid!.slice(SID.length));
}

function parse(text: string): Policy {
  let policy: unknown;
  try {
    policy = JSON.parse(text);
  } catch {
    throw new SyntaxError("Cannot read the queue's policy as it is not JSON");
  }
  if (typeof policy !== "object" || policy === null || Array.isArray(policy)) {
    throw new SyntaxError("Cannot read the queue's policy as it is not a JSON object");
  }
  return policy;
}

/** The statements: none, one that stands alone, or a list. */
function statementsOf({ Statement = [] }: Policy): readonly unknown[] {
  if (typeof Statement !== "object" || Statement === null) {
    throw new SyntaxError("Cannot read the queue's policy as its Statement is neither an object nor a list");
  }
  return Array.isArray(Statement) ? Statement : [Statement];
}

function sidOf(statement: unknown): string | undefined {
  const sid = (statement as { Sid?: unknown } | null)?.Sid;
  return typeof sid === "string" ? sid : undefined;
}

/** One text for all ways to write a statement: AWS may wrap a value in a list, or write `SQS:` in capitals. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return value.length === 1 ? canonical(value[0]) : `[${value.map(canonical)}]`;
  if (typeof value === "object" && value) {
    return `{${Object.entries(value).map(([key, held]) => `${JSON.stringify(key)}:${canonical(held)}`).sort()}}`;
  }
  return JSON.stringify(typeof value === "string" && /^sqs:/i.test(value) ? value.toLowerCase() : value);
}
