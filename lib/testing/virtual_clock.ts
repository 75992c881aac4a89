import type { Clock } from "../types.ts";
import { realSleep, type Timeline } from "./timeline.ts";

/** Options of {@linkcode VirtualClock.run}. */
export interface RunOptions {
  /** The most virtual seconds that the work may take. Default: 86,400, a day. */
  readonly limit?: number | undefined;
}

/** Something that waits on a {@linkcode VirtualClock}. */
export interface Wait {
  /** What waits, such as `a sleep of 20 s`. */
  readonly label: string;
  /** When its time is over. */
  readonly until: Date;
}

/**
 * A clock that stands still until it is told to go. Hand it to `connect()` as `clock`, and hours pass in milliseconds.
 *
 * @example Time that passes when the test says so
 * ```ts
 * import assert from "node:assert/strict";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const { clock } = memorySqs({ start: new Date("2030-01-01T00:00:00Z") });
 * let woken = false;
 * clock.sleep(60).then(() => woken = true);
 * await clock.advance(59);
 * assert.equal(woken, false);
 * await clock.advance(1);
 * assert.equal(woken, true);
 * assert.equal(clock.now().toISOString(), "2030-01-01T00:01:00.000Z");
 * ```
 */
export interface VirtualClock extends Clock {
  /** The current instant. */
  now(): Date;
  /**
   * Resolves when so many seconds of virtual time are over.
   *
   * @throws The signal's reason, as soon as it is aborted.
   */
  sleep(seconds: number, signal?: AbortSignal): Promise<void>;
  /**
   * Lets so many seconds pass: everything that falls due happens in its order, and after each of it the promise work
   * that it sets off comes to rest before the next.
   */
  advance(seconds: number): Promise<void>;
  /**
   * Does a piece of work, and lets time pass whenever all that is left to do is to wait for it. A test needs no sleeps
   * then, and takes as long as the code that it runs.
   *
   * @returns What the work returned.
   * @throws What the work threw; an `Error` that names what waits if it takes more virtual seconds than the limit, or
   * if it waits for something that is not on this clock.
   */
  run<T>(work: () => Promise<T>, options?: RunOptions): Promise<T>;
  /** Resolves when no promise work is left that needs no time to pass. */
  settle(): Promise<void>;
  /** What waits on the clock now, the next first; the model's own waits are left out. */
  readonly waits: readonly Wait[];
}

/** Looks, a millisecond or more apart, that {@linkcode VirtualClock.run} takes at work that waits for something else. */
const PATIENCE = 4000;

/** Makes the clock that users see of virtual time. */
export function createClock(timeline: Timeline): VirtualClock {
  return {
    now: () => new Date(timeline.now()),
    sleep(seconds, signal) {
      return new Promise<void>((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const abort = () => {
          cancel();
          reject(signal!.reason);
        };
        const cancel = timeline.at(timeline.now() + seconds * 1000, `a sleep of ${seconds} s`, false, () => {
          signal?.removeEventListener("abort", abort);
          resolve();
        });
        signal?.addEventListener("abort", abort, { once: true });
      });
    },
    async advance(seconds) {
      if (!(seconds >= 0 && seconds < Infinity)) {
        throw new RangeError(`Cannot advance the clock as 'seconds' must be a number of 0 or more: it is ${seconds}`);
      }
      const end = timeline.now() + seconds * 1000;
      await timeline.settle();
      for (let next = timeline.next(); next && next.due <= end; next = timeline.next()) {
        timeline.step();
        await timeline.settle();
      }
      timeline.goTo(end);
      await timeline.settle();
    },
    run: (work, options) => run(timeline, work, options),
    settle: () => timeline.settle(),
    get waits() {
      return timeline.timers().filter(({ internal }) => !internal).map(({ label, due }) => ({
        label,
        until: new Date(due),
      }));
    },
  };
}

async function run<T>(
  timeline: Timeline,
  work: () => Promise<T>,
  { limit = 86_400 }: RunOptions = {},
): Promise<T> {
  const end = timeline.now() + limit * 1000;
  let over = false;
  const result = (async () => await work())();
  const mark = () => {
    over = true;
    timeline.touch();
  };
  result.then(mark, mark);
  let stuck = 0;
  for (;;) {
    await timeline.settle();
    if (over) return result;
    const next = timeline.next();
    if (next && next.due > end) {
      throw new Error(`Cannot go on as the work took more than ${limit} s of virtual time: ${whatWaits(timeline)}`);
    }
    if (next) {
      stuck = 0;
      timeline.step();
      continue;
    }
    if (++stuck > PATIENCE) {
      throw new Error(`Cannot go on as the work waits for something that is not on the clock: ${whatWaits(timeline)}`);
    }
    await realSleep(1);
  }
}

function whatWaits(timeline: Timeline): string {
  const timers = timeline.timers();
  if (timers.length === 0) return "nothing waits on the clock";
  const shown = timers.slice(0, 5).map(({ label, due }) => `${label}, due in ${(due - timeline.now()) / 1000} s`);
  return `${timers.length} waiting: ${shown.join("; ")}${timers.length > 5 ? "; ..." : ""}`;
}
