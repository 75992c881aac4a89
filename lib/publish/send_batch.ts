import { asError } from "../as_error.ts";
import { type BrokerState, nowOf, stateOf } from "../broker.ts";
import { MAX_ATTRIBUTES } from "../codec/attributes.ts";
import type { AwsError } from "../errors.ts";
import { linkCause } from "../http/link_cause.ts";
import { entryError } from "../sqs/batch.ts";
import { asItCame, sendCheckedBatch } from "../sqs/send_checked.ts";
import { sendTo } from "../topology/send_to.ts";
import type { Broker } from "../types.ts";
import { sentPart } from "./answer.ts";
import type { SentPart } from "./options.ts";
import { fanoutFields, offload, type Part } from "./part.ts";

/** What a pointer and its attribute may weigh. */
const POINTER_BYTES = 4096;

/** What became of the parts of a batch. */
export interface BatchAnswer {
  /** One a part, in order. */
  readonly outcomes: readonly (SentPart | Error)[];
  /** The places of those that may be sent again. */
  readonly again: readonly number[];
}

/** What a part weighs in a request at the least: its body may go to the payload store to make room. */
export function leastSize(state: BrokerState, part: Part): number {
  return canStore(state, part) ? Math.min(part.size, part.extra + POINTER_BYTES) : part.size;
}

function canStore(state: BrokerState, { payload, store, message: { MessageAttributes = {} } }: Part): boolean {
  return !!state.options.payloads && !payload && (store || Object.keys(MessageAttributes).length < MAX_ATTRIBUTES);
}

/**
 * Sends up to ten parts for one queue or topic in a request. Bodies go to the payload store before: those that must, and
 * the largest of the others as long as all are too much for one request. It never rejects.
 */
export async function sendBatch(broker: Broker, parts: readonly Part[], signal?: AbortSignal): Promise<BatchAnswer> {
  const state = stateOf(broker);
  const { name, address } = parts[0].target;
  const outcomes: (SentPart | Error)[] = new Array(parts.length);
  const again: number[] = [];
  await makeRoom(broker, parts, outcomes, signal);
  const going: number[] = [];
  for (let index = 0; index < parts.length; index++) if (!outcomes[index]) going.push(index);
  if (!going.length) return { outcomes, again };
  const began = nowOf(state);
  try {
    signal?.throwIfAborted();
    for (const index of going) parts[index].begun = true;
    if (address) {
      const entries = going.map((index) => ({ Id: String(index), ...parts[index].message }));
      const answer = await sendTo(broker, address, sendCheckedBatch(address.url, entries, asItCame), { signal });
      for (const sent of answer.successful) outcomes[+sent.id] = read(state, parts[+sent.id], sent);
      for (const failure of answer.failed) {
        const error = outcomes[+failure.id] = entryError("SendMessageBatch", failure);
        linkCause(error, failure.cause);
        if (error.retryable) again.push(+failure.id);
      }
    } else {
      const messages = going.map((index) => fanoutFields(parts[index]));
      const answer = await state.options.fanout!.publish(broker, name, messages, { signal });
      answer.forEach((one, at) => {
        outcomes[going[at]] = one instanceof Error ? one : read(state, parts[going[at]], one);
      });
    }
  } catch (cause) {
    const error = asError(cause);
    // What is wrong with one may be said of all, by a queue or a server with limits of its own: alone, the others pass.
    if (
      address && going.length > 1 &&
      /^(?:BatchRequestTooLong|Invalid(?:MessageContents|ParameterValue))/.test((error as AwsError).awsCode)
    ) {
      for (const index of going) {
        const alone = await sendBatch(broker, [parts[index]], signal);
        outcomes[index] = alone.outcomes[0];
        if (alone.again.length) again.push(index);
      }
      return { outcomes, again };
    }
    for (const index of going) outcomes[index] = error;
  }
  if (address) {
    const failed = going.filter((index) => outcomes[index] instanceof Error).length;
    state.emit({ type: "publish", queue: name, count: going.length, failed, seconds: (nowOf(state) - began) / 1000 });
  }
  return { outcomes, again };
}

function read(...answer: Parameters<typeof sentPart>): SentPart | Error {
  try {
    return sentPart(...answer);
  } catch (error) {
    return error as Error;
  }
}

async function makeRoom(
  broker: Broker,
  parts: readonly Part[],
  outcomes: (SentPart | Error)[],
  signal?: AbortSignal,
): Promise<void> {
  const state = stateOf(broker);
  if (!state.options.payloads) return;
  const store = async (part: Part) => {
    try {
      await offload(broker, part, signal);
    } catch (error) {
      outcomes[parts.indexOf(part)] = asError(error);
    }
  };
  await Promise.all(parts.filter((part) => part.store).map(store));
  let excess = parts.reduce((sum, part) => sum + part.size, 0) - parts[0].target.limit;
  const largest: Part[] = [];
  for (const part of parts.filter((part) => canStore(state, part)).sort((a, b) => b.size - a.size)) {
    if (excess <= 0) break;
    excess -= part.size - leastSize(state, part);
    largest.push(part);
  }
  await Promise.all(largest.map(store));
}
