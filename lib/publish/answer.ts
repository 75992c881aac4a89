/**
 * What became of a message and its parts.
 *
 * @module
 */
import type { BrokerState } from "../broker.ts";
import { damageOf } from "../codec/md5.ts";
import { PublishError } from "../errors.ts";
import type { WireSent } from "../sqs/send_checked.ts";
import type { FanoutReceipt } from "../types.ts";
import type { Draft } from "./draft.ts";
import type { PublishResult, SentPart } from "./options.ts";
import type { Part, Target } from "./part.ts";

/**
 * Reads what SQS or SNS said of a part.
 *
 * @throws {IntegrityError} If a checksum differs: the message is in the queue, but is not what it should be.
 */
export function sentPart(state: BrokerState, part: Part, answer: WireSent | FanoutReceipt): SentPart {
  const { target: { name }, message, payload } = part;
  const fanned = "topic" in answer;
  const damage = !fanned && state.options.checkMd5 !== false &&
    damageOf(answer, name, message.MessageBody, message.MessageAttributes ?? {});
  if (damage) throw damage;
  const { sequenceNumber, ...sent } = fanned
    ? answer
    : { queue: name, messageId: answer.MessageId, sequenceNumber: answer.SequenceNumber };
  return { ...sent, ...(sequenceNumber && { sequenceNumber }), ...(payload && { payload: payload.location }) };
}

/** Sums up a message: `outcomes` has what each of its targets said, or why it said nothing. */
export function summary(
  { outgoing: { messageId, fanout } }: Draft,
  targets: readonly Pick<Target, "name">[],
  outcomes: readonly (SentPart | Error)[],
): PublishResult {
  const sent: SentPart[] = [];
  const failed: { queue?: string; topic?: string; error: Error }[] = [];
  outcomes.forEach((outcome, index) => {
    if (!(outcome instanceof Error)) sent.push(outcome);
    else failed.push({ [fanout ? "topic" : "queue"]: targets[index].name, error: outcome });
  });
  const payload = sent.find((part) => part.payload)?.payload;
  const result = {
    messageId: sent.length === 1 ? sent[0].messageId : messageId,
    sent,
    ...(payload && { payload }),
  };
  if (!failed.length) return result;
  const cause = failed[0].error;
  const error = outcomes.length === 1 ? cause : new PublishError(
    `Cannot publish to ${failed.length} of ${outcomes.length} queues: ${cause.message}`,
    { sent, failed },
    { cause },
  );
  return { ...result, error };
}
