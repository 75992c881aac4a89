import type { Clock } from "@dashi/sqs";

/** A clock that is wrong by some milliseconds, which may change: it was set, or the machine slept. */
export function wrongClock(clock: Clock, by: () => number): Clock {
  return {
    now: () => new Date(+clock.now() + by()),
    sleep: (seconds, signal) => clock.sleep(seconds, signal),
  };
}
