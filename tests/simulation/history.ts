/**
 * What is seen of a program while it is played: what the rules are held against.
 *
 * @module
 */
import type { DashiEvent, Deliveries, Delivery, PublishResult } from "@dashi/sqs";
import type { MemorySqs, MessageView } from "@dashi/sqs/testing";
import type { ConsumerPlan, Program } from "./program.ts";
import type { Ledger } from "./tap.ts";

/** A verb that was called, and what came of it. */
export interface Said {
  readonly verb: string;
  /** Whether the delivery's signal had fired before. */
  readonly late: boolean;
  /** Whether the consumer was closed before. */
  readonly closed: boolean;
  readonly at: number;
  done?: boolean;
  error?: unknown;
}

/** A delivery that was given to a handler. */
export interface Given {
  readonly run?: Run;
  readonly delivery: Delivery<any>;
  readonly queue: string;
  readonly messageId: string;
  readonly handle: string;
  readonly at: number;
  /** What SQS had of it then. */
  readonly view?: MessageView;
  /** What else SQS had of its group before it. */
  readonly before: readonly MessageView[];
  /** Those of its consumer that were unsettled then, itself included. */
  readonly unsettled: number;
  /** Whether its consumer had been told to end. */
  readonly ended: boolean;
  readonly said: Said[];
  /** What was seen of its signal, a second after another had it. */
  unheard?: boolean;
  /** How the handler of `forEach` has ended. */
  handled?: "returned" | "threw";
  /** Broke the loop in its hands. */
  broken?: boolean;
}

/** A consumer and what was seen of it. */
export interface Run {
  readonly plan: ConsumerPlan;
  readonly deliveries: Deliveries<any>;
  readonly given: Given[];
  /** No other has its broker. */
  readonly own: boolean;
  readonly began: number;
  ended?: number;
  /** Handovers that its broker had told of by then. */
  handovers?: number;
  looped?: number;
  closed?: number;
  error?: unknown;
}

/** A publisher's input and its result. */
export interface Published {
  readonly n: number;
  readonly queue: string;
  readonly result?: PublishResult;
}

/** A payload in the store. */
export interface Payload {
  readonly n: number;
  readonly text: string;
  /** When it was removed, and whether its message was in a queue then. */
  removed?: { readonly at: number; readonly orphaned: boolean; readonly undone: boolean };
}

/** All that was seen. */
export interface History {
  readonly program: Program;
  readonly sqs: MemorySqs;
  readonly ledger: Ledger;
  readonly events: readonly (DashiEvent & { readonly broker: number; readonly at: number })[];
  readonly runs: readonly Run[];
  readonly given: readonly Given[];
  readonly published: readonly Published[];
  /** Publishers that were neither broken nor aborted: how many inputs and results. */
  readonly counted: readonly { readonly inputs: number; readonly results: number }[];
  readonly payloads: ReadonlyMap<string, Payload>;
  /** What verbs other than a delivery's threw. */
  readonly thrown: readonly unknown[];
  readonly unhandled: readonly unknown[];
  /** What waits on the clock at the end. */
  readonly waits: readonly string[];
  /** Queues that others were asked before, again and again. */
  readonly starved: readonly string[];
  /** Why the program did not come to its end. */
  readonly stuck?: unknown;
}

/** What users throw and abort with here: it is theirs. */
export class OfTheUser extends Error {}

/** True for a delivery that its user still has: no verb of it is confirmed, and its signal has not fired. */
export function isHeld({ said, delivery, handled }: Given): boolean {
  return !delivery.signal.aborted && !handled &&
    !said.some(({ verb, done, error }) => verb !== "extend" && (done || error));
}
