import { assertOptions, assertWithin, type Check, is, refuse, within } from "../check.ts";
import { DashiError } from "../errors.ts";
import { instant, record } from "./signature.ts";

/** Options of {@linkcode retry}. */
export interface RetryOptions {
  /** Seconds until the next run, 0 or more. Default: Celery's `default_retry_delay`, 180. */
  readonly countdown?: number | undefined;
  /** When to run next, instead of `countdown`: a `Date`, or ISO 8601, which is UTC without a zone. */
  readonly eta?: Date | string | undefined;
  /**
   * Waits this many seconds before the first retry, twice as long before each next one, instead of `countdown`: Celery's
   * `retry_backoff`. `true` is 1.
   */
  readonly backoff?: number | true | undefined;
  /** The longest such wait in seconds, 0 or more. Default: 600. */
  readonly backoffMax?: number | undefined;
  /** Takes a random part of such a wait, so that not all come back at once. Default: true. */
  readonly jitter?: boolean | undefined;
  /** Retries until the task has failed, 0 or more; `Infinity` for no end. Default: Celery's `max_retries`, 3. */
  readonly max?: number | undefined;
  /** Why: what the task fails with when `max` is passed, and what its state `RETRY` shows. */
  readonly error?: unknown;
  /** Other positional arguments for the next run. */
  readonly args?: readonly unknown[] | undefined;
  /** Other arguments by name for the next run. */
  readonly kwargs?: Readonly<Record<string, unknown>> | undefined;
}

/** The defaults of {@linkcode retry}: code, docs and tests read them here. */
export const RETRY_DEFAULTS = { countdown: 180, max: 3, backoffMax: 600 } as const;

const CHECKS = /* @__PURE__ */ (() => {
  const seconds = within(0, 1e10, true);
  return {
    countdown: seconds,
    eta: instant,
    backoff: (path, value) => value === true || seconds(path, value),
    backoffMax: seconds,
    jitter: is("boolean"),
    max: (path, value) => value === Infinity || assertWithin(path, value, 0, Infinity),
    error: () => {},
    args: (path, value) => Array.isArray(value) || refuse(path, "an array", value),
    kwargs: record,
  } satisfies Record<keyof RetryOptions, Check>;
})();

/** What {@linkcode retry} gives. */
export class Retry extends DashiError {
  /** The class's own name. */
  override readonly name: string = "Retry";
  /** How to retry. */
  readonly options: RetryOptions;

  /** Made by `retry()`. */
  constructor(options: RetryOptions) {
    super("The task is to be retried", { cause: options.error });
    this.options = options;
  }
}

/**
 * Asks for a task to be run again later: throw what it gives in a handler of {@linkcode serveTasks}. The task is sent
 * again with the same id and one more retry, then this message is acked: Celery's `self.retry()`.
 *
 * @param options When, and how often at the most: see {@linkcode RetryOptions}.
 * @returns An error to throw.
 * @throws {ConfigError} If an option is wrong.
 * @see {@link https://docs.celeryq.dev/en/stable/userguide/tasks.html#retrying}
 *
 * @example Usage
 * ```ts
 * import { retry, type TaskHandler } from "@dashi/sqs/celery";
 *
 * const fetchPage: TaskHandler = async (task, url: string) => {
 *   const response = await fetch(url, { signal: task.signal });
 *   if (response.status >= 500) throw retry({ backoff: 2, max: 5, error: new Error(`${response.status}`) });
 *   return await response.text();
 * };
 * ```
 */
export function retry(options: RetryOptions = {}): Error {
  assertOptions<RetryOptions>("", options, CHECKS);
  const { countdown, eta } = options;
  if (countdown !== undefined && eta !== undefined) refuse("eta", "left out where 'countdown' is given", eta);
  return new Retry(options);
}

/** Seconds until the next run. */
export function retryDelay(options: RetryOptions, retries: number, random: () => number): number {
  const { countdown, backoff, backoffMax = RETRY_DEFAULTS.backoffMax, jitter = true } = options;
  if (countdown !== undefined || backoff === undefined) return countdown ?? RETRY_DEFAULTS.countdown;
  const most = Math.min(backoffMax, Number(backoff) * 2 ** retries);
  return jitter ? random() * most : most;
}
