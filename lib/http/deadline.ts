/**
 * Bounds requests in time. One wait serves all that are under way: a timer for each costs more than its signature.
 *
 * @module
 */
import { type BrokerState, inWorkers, nowOf } from "../broker.ts";
import { type Linked, LinkedList } from "../linked_list.ts";
import { lapse } from "./lapse.ts";

/** What is to end in time. */
interface Deadline extends Linked<Deadline> {
  /** When it is over, in milliseconds. */
  at: number;
  /** Is told that it is over; may give it some seconds more. */
  readonly over: () => number | void;
}

/** The deadlines that one wait serves. */
interface Deadlines {
  readonly all: LinkedList<Deadline>;
  /** What the wait ends at, in milliseconds. */
  next: number;
  /** Ends the wait. */
  timer?: AbortController;
}

const shared = new WeakMap<BrokerState, Deadlines>();

function noDeadlines(): Deadlines {
  return { all: new LinkedList(), next: Infinity };
}

function deadlinesOf(state: BrokerState): Deadlines {
  // An invocation of a Worker takes its timers with it when it ends: none may wait on another's.
  if (inWorkers()) return noDeadlines();
  let deadlines = shared.get(state);
  if (!deadlines) shared.set(state, deadlines = noDeadlines());
  return deadlines;
}

/**
 * Sets a deadline.
 *
 * @param state The broker's.
 * @param seconds From now.
 * @param over Is called when they are over; seconds that it gives are waited for, too.
 * @returns Takes it back.
 */
export function setDeadline(state: BrokerState, seconds: number, over: () => number | void): () => void {
  const deadlines = deadlinesOf(state);
  const deadline: Deadline = { at: nowOf(state) + seconds * 1000, over };
  deadlines.all.add(deadline);
  if (deadline.at < deadlines.next) void watch(state, deadlines);
  return () => {
    deadlines.all.delete(deadline);
    if (!deadlines.all.size) halt(deadlines);
  };
}

function halt(deadlines: Deadlines): void {
  deadlines.next = Infinity;
  deadlines.timer?.abort(null); // the default reason has a stack, which costs
}

async function watch(state: BrokerState, deadlines: Deadlines): Promise<void> {
  halt(deadlines);
  const { signal } = deadlines.timer = new AbortController();
  for (let now = nowOf(state);;) {
    let next = Infinity;
    for (const deadline of deadlines.all) {
      if (deadline.at <= now) deadline.at = now + (deadline.over() ?? Infinity) * 1000;
      next = Math.min(next, deadline.at);
    }
    deadlines.next = next;
    if (signal.aborted || next === Infinity) return;
    await lapse(state.clock, (next - now) / 1000, signal);
    if (signal.aborted) return;
    // A clock that stands still, or an early timer, makes no deadline wait twice.
    now = Math.max(nowOf(state), next);
  }
}
