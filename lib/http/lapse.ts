import { pause, runtimeClock } from "../broker.ts";
import type { Clock } from "../types.ts";

/** A sleep that is over within so many turns of the promise queue took no time at all. */
const TURNS = 16;

/**
 * Waits until a deadline. Tests may give a clock that sleeps for no time at all, to skip the waits between tries. A
 * deadline on it would be over before any answer, so the runtime's timer is used instead.
 *
 * @param clock The broker's.
 * @param seconds How long.
 * @param signal Ends the wait.
 */
export async function lapse(clock: Clock, seconds: number, signal: AbortSignal): Promise<void> {
  let slept = false;
  const asleep = pause(clock, seconds, signal).then(() => {
    slept = true;
  });
  for (let turn = 0; turn < TURNS && !slept; turn++) await null;
  return slept ? pause(runtimeClock, seconds, signal) : asleep;
}
