import { type Input, isRecord, text, texts } from "../input.ts";
import { type Model, queueOf } from "../model.ts";
import type { QueueState } from "../queue.ts";
import { MAX_STATEMENTS } from "../queue_policies.ts";
import { invalidValue, missing, SqsFault } from "../sqs_fault.ts";

/** The actions that others than the owner may be let do. */
const SHAREABLE =
  /^(?:\*|ChangeMessageVisibility|DeleteMessage|GetQueueAttributes|GetQueueUrl|ListDeadLetterSourceQueues|PurgeQueue|ReceiveMessage|SendMessage)$/;
/** The most actions of a permission. */
const MAX_ACTIONS = 7;

/** AddPermission: a statement of the queue's policy, by its label. */
export function addPermission(model: Model, input: Input): unknown {
  const queue = queueOf(model, input);
  const label = text(input, "Label");
  const accounts = texts(input, "AWSAccountIds");
  const actions = texts(input, "Actions");
  if (accounts.length === 0) throw missing("AWSAccountIds");
  if (actions.length === 0) throw missing("ActionName");
  if (actions.length > MAX_ACTIONS) {
    throw new SqsFault("OverLimit", `${actions.length} Actions were found, maximum allowed is ${MAX_ACTIONS}.`);
  }
  const unknown = actions.find((action) => !SHAREABLE.test(action));
  if (unknown !== undefined) {
    const reason = "Please refer to the appropriate WSDL for a list of valid actions.";
    throw invalidValue("ActionName", `SQS:${unknown}`, reason);
  }
  const { policy, statements } = policyOf(queue);
  if (statements.some(({ Sid }) => Sid === label)) throw invalidValue("Label", label, "Already exists.");
  if (statements.length >= MAX_STATEMENTS) {
    const found = statements.length + 1;
    throw new SqsFault("OverLimit", `${found} Statements were found, maximum allowed is ${MAX_STATEMENTS}.`);
  }
  const statement = {
    Sid: label,
    Effect: "Allow",
    Principal: { AWS: oneOrMore(accounts.map((account) => `arn:aws:iam::${account}:root`)) },
    Action: oneOrMore(actions.map((action) => `SQS:${action}`)),
    Resource: queue.arn,
  };
  queue.attributes.Policy = JSON.stringify({ ...policy, Statement: [...statements, statement] });
  return {};
}

/** RemovePermission. */
export function removePermission(model: Model, input: Input): unknown {
  const queue = queueOf(model, input);
  const label = text(input, "Label");
  const { policy, statements } = policyOf(queue);
  const rest = statements.filter(({ Sid }) => Sid !== label);
  if (rest.length === statements.length) throw invalidValue("Label", label, "can't find label.");
  if (rest.length > 0) queue.attributes.Policy = JSON.stringify({ ...policy, Statement: rest });
  else delete queue.attributes.Policy;
  return {};
}

/** A queue's policy and its statements, of which there may be one that is no list. */
function policyOf(queue: QueueState): { policy: Input; statements: Input[] } {
  const given: unknown = JSON.parse(queue.attributes.Policy ?? "{}");
  const policy = isRecord(given) ? given : {};
  const statements = [policy.Statement ?? []].flat().filter(isRecord);
  return { policy: { Version: "2008-10-17", Id: `${queue.arn}/SQSDefaultPolicy`, ...policy }, statements };
}

function oneOrMore(values: readonly string[]): string | readonly string[] {
  return values.length === 1 ? values[0] : values;
}
