import { pause, runtimeClock } from "../broker.ts";
import type { Clock } from "../types.ts";

/** Turns of the promise queue within which no sleep is over that takes any time. */
const TURNS = 16;

/**
 * Waits for what must not be over before an answer is there. The clock of a test may sleep for no time at all, to skip
 * waits between tries: the runtime's timer takes its place then.
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
