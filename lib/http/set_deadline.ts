/**
 * Bounds requests in time. One wait serves all that are under way: a timer for each costs more than its signature.
 *
 * @module
 */
import { type BrokerState, inWorkers, nowOf, pause } from "../broker.ts";
import { type Linked, LinkedList } from "../linked_list.ts";
import { lapse } from "./lapse.ts";

/** One deadline. */
interface Deadline extends Linked<Deadline> {
  /** When it is over, in milliseconds. */
  at: number;
  /** Its length in milliseconds: no more may ever be left of it, though the clock is set back. */
  readonly most: number;
  /** Called when it is over; may return seconds to wait on. */
  readonly over: () => number | void;
}

/** The deadlines of one broker, and the one wait that serves them. */
interface Deadlines {
  readonly all: LinkedList<Deadline>;
  /** When the wait ends, in milliseconds. */
  next: number;
  /** Ends the wait. */
  timer?: AbortController;
}

const shared = new WeakMap<BrokerState, Deadlines>();

function deadlinesOf(state: BrokerState): Deadlines {
  // An invocation of a Worker takes its timers with it when it ends: none may wait on another's.
  let deadlines = inWorkers() ? undefined : shared.get(state);
  if (!deadlines) shared.set(state, deadlines = { all: new LinkedList(), next: Infinity });
  return deadlines;
}

/**
 * Sets a deadline.
 *
 * @param state The broker's.
 * @param seconds From now.
 * @param over Called when they are over. If it returns seconds, it is called again after those.
 * @returns Takes it back.
 */
export function setDeadline(state: BrokerState, seconds: number, over: () => number | void): () => void {
  const deadlines = deadlinesOf(state);
  const most = seconds * 1000;
  const deadline: Deadline = { at: nowOf(state) + most, most, over };
  deadlines.all.add(deadline);
  if (deadline.at < deadlines.next) void watch(state, deadlines);
  return () => {
    deadlines.all.delete(deadline);
    if (deadlines.all.size) return;
    deadlines.next = Infinity;
    deadlines.timer?.abort(null); // the default reason has a stack, which costs
  };
}

async function watch(state: BrokerState, deadlines: Deadlines): Promise<void> {
  deadlines.timer?.abort(null);
  const { signal } = deadlines.timer = new AbortController();
  for (let now = nowOf(state);;) {
    let next = Infinity;
    for (const deadline of deadlines.all) {
      // A clock that was set back adds nothing to it.
      deadline.at = Math.min(deadline.at, now + deadline.most);
      if (deadline.at <= now) deadline.at = now + (deadline.over() ?? Infinity) * 1000;
      next = Math.min(next, deadline.at);
    }
    deadlines.next = next;
    if (signal.aborted || next === Infinity) return;
    await lapse(state.clock, (next - now) / 1000, signal);
    // After a standstill what was answered meanwhile is read before anything is given up.
    if (nowOf(state) > next + 1000) await pause(state.clock, 0.1, signal);
    if (signal.aborted) return;
    // A clock that stands still, or an early timer, makes no deadline wait twice.
    now = Math.max(nowOf(state), next);
  }
}
