import { createHeap } from "./heap.ts";

/** A point in virtual time at which something happens. */
export interface Timer {
  /** When, in milliseconds. */
  readonly due: number;
  /** What it is, for people. */
  readonly label: string;
  /** True for what happens inside of the model, such as a long poll that waits for messages. */
  readonly internal: boolean;
}

/** Virtual time and what is to happen in it. What {@linkcode createClock} shows to users is built on it. */
export interface Timeline {
  /** The current instant in milliseconds. */
  now(): number;
  /** Has something happen later. The function that it returns calls it off. */
  at(due: number, label: string, internal: boolean, happen: () => void): () => void;
  /** The next timer, if there is one that ever comes. */
  next(): Timer | undefined;
  /** Goes to the next timer and has it happen. */
  step(): void;
  /** Goes to an instant before the next timer. */
  goTo(instant: number): void;
  /** All timers in their order. */
  timers(): Timer[];
  /** Notes that something happened, so that {@linkcode settle} goes on looking. */
  touch(): void;
  /**
   * Notes work that runs outside of the event loop, such as a signature. The function that it returns ends it, and gives
   * false if the work was over or taken for lost.
   */
  begin(): () => boolean;
  /** Resolves when no promise work is left that needs no time to pass. */
  settle(): Promise<void>;
}

/** Turns of the event loop without news after which all promise work counts as settled. */
const QUIET_TURNS = 12;
/** Real milliseconds after which work outside of the event loop is taken for lost. */
const PATIENCE = 600;
/** The most of them that one turn counts for: a process that was not let run was not waiting. */
const MOST_A_TURN = 5;

/** The runtime's own, before a test runner's fake timers take their place: nothing would move those. */
const real = {
  setTimeout: globalThis.setTimeout,
  setImmediate: (globalThis as { setImmediate?: (done: () => void) => void }).setImmediate,
  now: globalThis.performance.now.bind(globalThis.performance),
};

interface Entry extends Timer {
  readonly order: number;
  readonly happen: () => void;
  over: boolean;
}

/** Makes virtual time that begins at an instant, in milliseconds. */
export function createTimeline(start: number): Timeline {
  let now = start;
  let order = 0;
  let touched = 0;
  const work = new Set<object>();
  const timers = createHeap<Entry>(
    (a, b) => a.due < b.due || (a.due === b.due && a.order < b.order),
    (entry) => entry.over,
  );

  function next(): Entry | undefined {
    const entry = timers.peek();
    return entry && entry.due < Infinity ? entry : undefined;
  }

  return {
    now: () => now,
    next,
    at(due, label, internal, happen) {
      const entry: Entry = { due: Math.max(due, now), label, internal, order: order++, happen, over: false };
      timers.push(entry);
      touched++;
      return () => {
        entry.over = true;
        touched++;
      };
    },
    step() {
      const entry = next();
      if (!entry) return;
      timers.pop();
      now = entry.due;
      entry.over = true;
      touched++;
      entry.happen();
    },
    goTo(instant) {
      now = Math.max(now, instant);
    },
    timers: () => timers.live().sort((a, b) => a.due - b.due || a.order - b.order),
    touch() {
      touched++;
    },
    begin() {
      const token = {};
      work.add(token);
      touched++;
      return () => {
        touched++;
        return work.delete(token);
      };
    },
    async settle() {
      let seen = touched;
      let waited = 0;
      for (let quiet = 0; quiet < QUIET_TURNS;) {
        const began = real.now();
        await turn();
        if (touched !== seen) {
          seen = touched;
          quiet = 0;
          waited = 0;
        } else if (work.size === 0) {
          quiet++;
        } else if ((waited += Math.min(MOST_A_TURN, real.now() - began)) > PATIENCE) {
          work.clear();
        }
      }
    },
  };
}

/** One turn of the event loop: everything that is ready to run has run then. */
function turn(): Promise<void> {
  const { setImmediate, setTimeout } = real;
  return new Promise((resolve) => setImmediate ? setImmediate(resolve) : setTimeout(resolve, 0));
}

/** Waits in real time. */
export function realSleep(milliseconds: number): Promise<void> {
  const { setTimeout } = real;
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
