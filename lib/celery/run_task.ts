import { type BrokerState, pause } from "../broker.ts";
import { TimeLimitExceeded } from "../errors.ts";
import { onAbort } from "../on_abort.ts";

/** How a run ended. */
export type Outcome =
  | { readonly type: "returned"; readonly value: unknown }
  | { readonly type: "threw"; readonly error: unknown }
  /** The message is no longer ours, so that somebody else runs the task; or the worker waits no longer. */
  | { readonly type: "lost" };

/** Options of {@linkcode runTask}. */
export interface RunTaskOptions {
  /** Fires the handler's signal. */
  readonly controller: AbortController;
  /** Fires when the message is no longer ours, or the worker waits no longer. */
  readonly lost: AbortSignal;
  /** Seconds until the signal fires. */
  readonly softTimeLimit?: number | undefined;
  /** Seconds until the run has failed. */
  readonly timeLimit?: number | undefined;
}

/**
 * Runs a handler within its time limits. One that does not hear its signal goes on after the hard limit, as nothing can
 * stop it, but what it gives then is of no interest.
 */
export async function runTask(state: BrokerState, run: () => unknown, options: RunTaskOptions): Promise<Outcome> {
  const { controller, lost, softTimeLimit, timeLimit } = options;
  const over = new AbortController();
  let callOff!: () => void;
  const outcomes: Promise<Outcome>[] = [
    (async () => await run())().then(
      (value) => ({ type: "returned", value }),
      (error) => ({ type: "threw", error }),
    ),
    new Promise((resolve) => {
      const give = () => {
        resolve({ type: "lost" }); // before the handler hears it, and throws
        controller.abort(lost.reason);
      };
      callOff = onAbort(lost, give);
    }),
  ];
  const limit = async (seconds: number, soft: boolean): Promise<Outcome> => {
    await pause(state.clock, seconds, over.signal);
    const error = new TimeLimitExceeded(seconds, soft);
    if (!over.signal.aborted) controller.abort(error);
    return { type: "threw", error };
  };
  if (softTimeLimit !== undefined) void limit(softTimeLimit, true);
  if (timeLimit !== undefined) outcomes.push(limit(timeLimit, false));
  const outcome = await Promise.race(outcomes);
  over.abort();
  callOff();
  return outcome;
}
