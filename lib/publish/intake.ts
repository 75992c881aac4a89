/**
 * The way of a message from the input into its lanes: checked, routed, and written in its turn.
 *
 * @module
 */
import { asError } from "../as_error.ts";
import { remember, stateOf } from "../broker.ts";
import { refuse } from "../check.ts";
import type { AwsError } from "../errors.ts";
import type { Broker } from "../types.ts";
import { summary } from "./answer.ts";
import { type Draft, draft } from "./draft.ts";
import type { Lanes, Load } from "./lanes.ts";
import {
  assertPublishOptions,
  type PublishInput,
  type PublishOptions,
  type PublishResult,
  type SentPart,
} from "./options.ts";
import { locate, type Part, type Target, write } from "./part.ts";

/** A message that was read and not yet yielded. */
export interface Slot {
  loads: Load[];
  result?: PublishResult;
}

/** Takes inputs in, for one `publishAll`. */
export interface Intake {
  /** Takes an input in; what becomes of it comes into its slot. Waits only for queues that it is the first to go to. */
  admit(slot: Slot, input: PublishInput): Promise<void> | undefined;
  /** Whether a codec is at work. */
  writing(): boolean;
}

/**
 * Opens the intake.
 *
 * @param broker What `connect()` gave.
 * @param options What all messages have in common.
 * @param lanes Where messages go once they are written.
 * @param progress Is called when one was written late.
 */
export function openIntake(broker: Broker, options: PublishOptions, lanes: Lanes, progress: () => void): Intake {
  const state = stateOf(broker);
  const targets = new Map<string, Target>();
  let writing: Promise<void> | undefined; // codecs at work, chained so that messages keep their order

  function admit(slot: Slot, input: PublishInput): Promise<void> | undefined {
    let message: Draft;
    try {
      if (typeof input !== "object" || !input) refuse("messages", "objects with a 'body'", input);
      const { body, ...own } = input;
      assertPublishOptions(own);
      // What is undefined is not given, and must not hide what all have in common.
      for (const [key, value] of Object.entries(own)) if (value === undefined) delete own[key as keyof typeof own];
      const elsewhere = (own.queue ?? own.exchange) !== undefined;
      const shared = elsewhere ? { ...options, queue: undefined, exchange: undefined, routingKey: undefined } : options;
      message = draft(state, body, { ...shared, ...own });
    } catch (error) {
      slot.result = { messageId: crypto.randomUUID(), sent: [], error: asError(error) };
      return;
    }
    const { names, outgoing: { fanout } } = message;
    const keys = names.map((name) => `${fanout} ${name}`);
    const found = keys.map((key) => targets.get(key));
    if (!found.includes(undefined)) return place(slot, message, found as Target[]);
    return Promise.all(names.map((name, index) => found[index] ?? locate(broker, name, fanout, options.signal))).then(
      (found) => {
        found.forEach((target, index) => {
          // What SQS refuses for good it refuses again; a provider without keys may have some for the next message.
          if (!target.error || (target.error as AwsError).retryable === false) remember(targets, keys[index], target);
        });
        place(slot, message, found);
      },
    );
  }

  function place(slot: Slot, message: Draft, found: readonly Target[]): undefined {
    const fail = (error: unknown) => {
      slot.result = { messageId: message.outgoing.messageId, sent: [], error: asError(error) };
    };
    const enter = (parts: readonly Part[]) => {
      const outcomes: (SentPart | Error)[] = found.map((target) => target.error!);
      let left = parts.length;
      if (!left) slot.result = summary(message, found, outcomes);
      slot.loads = parts.map((part) => ({
        part,
        waiting: true,
        tries: 0,
        settle(outcome) {
          outcomes[found.indexOf(part.target)] = outcome;
          if (!--left) slot.result = summary(message, found, outcomes);
        },
      }));
      for (const load of slot.loads) lanes.add(load);
    };
    try {
      const parts = write(state, message, found.filter(({ error }) => !error));
      if (!writing && !(parts instanceof Promise)) return void enter(parts);
      const before = writing;
      const turned = Promise.resolve(parts).then((parts) => () => enter(parts), (error) => () => fail(error));
      const mine = turned.then(async (next) => {
        await before;
        next();
        if (writing === mine) writing = undefined;
        progress();
      });
      writing = mine;
    } catch (error) {
      fail(error);
    }
  }

  return { admit, writing: () => !!writing };
}
