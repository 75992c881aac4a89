/**
 * Sends a request: signs it, bounds it in time, tries again what may be tried again, and reads the answer.
 *
 * @module
 */
import { type BrokerState, nowOf, pause, stateOf } from "../broker.ts";
import { AwsError, CredentialsError, DashiError } from "../errors.ts";
import type { AwsBody, AwsRequest, Broker, CredentialProvider, Credentials } from "../types.ts";
import { requestIdOf } from "./answer.ts";
import { DEFAULT_REGION, environmentRegion, regionIn } from "./endpoint.ts";
import { backoffSeconds, isExpired, isSkewed } from "./retryable.ts";
import { sign } from "./sign.ts";

/** Options of {@linkcode send}. */
export interface SendOptions {
  /** Ends the waiting; the returned promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** The region, where it is not the broker's. */
  readonly region?: string;
  /** The keys, where they are not the broker's. */
  readonly credentials?: Credentials | CredentialProvider;
  /** Seconds that the service may wait before it answers, added to the deadline: the wait of a long poll. */
  readonly wait?: number;
  /** Tries, where they are not the broker's. */
  readonly maxAttempts?: number;
  /** Is called before each try. */
  readonly onAttempt?: () => void;
}

/** The region of a request: its own, the queue URL's, the broker's, the environment's, or the default. */
export function regionFor(
  state: BrokerState,
  own: string | undefined,
  target?: string,
): string {
  return own ?? state.options.region ?? regionIn(target) ?? environmentRegion() ?? DEFAULT_REGION;
}

/**
 * Signs a request with the broker's keys, sends it, tries it again where that helps, and gives the parsed answer.
 *
 * Each try has a deadline (`http.requestTimeout` to the headers, as long again for the body) and a signature of its
 * own. Between tries it waits with full jitter. A skewed clock is corrected from the answer's `Date` once, expired keys
 * are asked for anew once.
 *
 * @param broker What `connect()` gave.
 * @param request What a builder made.
 * @param options Signal and overrides.
 * @returns What the request's parser makes of the answer.
 * @throws {AwsError} If AWS answers with an error, with nonsense, or not in time.
 * @throws {CredentialsError} If there are no keys.
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { connect, send } from "@dashi/sqs";
 * import { createQueue, listQueues } from "@dashi/sqs/sqs";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const sqs = memorySqs();
 * const broker = connect(sqs.connectOptions);
 * await send(broker, createQueue({ queueName: "orders" }));
 * const { queueUrls } = await send(broker, listQueues());
 * assert.equal(queueUrls.length, 1);
 * ```
 */
export async function send<Output>(
  broker: Broker,
  request: AwsRequest<Output, AwsBody>,
  options: SendOptions = {},
): Promise<Output> {
  const state = stateOf(broker);
  const { signal } = options;
  const { service, action, target } = request;
  const maxAttempts = request.body instanceof ReadableStream ? 1 : options.maxAttempts ?? state.maxAttempts;
  const mended = { clock: false, keys: undefined as Credentials | undefined };
  for (let attempt = 1;; attempt++) {
    signal?.throwIfAborted();
    const began = nowOf(state);
    const seen: Seen = { status: 0 };
    let error: Error | undefined;
    try {
      return await attemptOnce(state, request, options, seen, mended.keys);
    } catch (cause) {
      if (signal?.aborted) throw signal.reason;
      error = cause instanceof DashiError ? cause : noAnswer(request, seen, cause);
    } finally {
      if (seen.sent) {
        state.emit({
          type: "request",
          service,
          action,
          queueUrl: target,
          status: seen.status,
          attempt,
          seconds: (nowOf(state) - began) / 1000,
          requestId: seen.requestId,
          error,
        });
      }
    }
    if (!(error instanceof AwsError)) throw error;
    const mends = mend(state, error, seen, mended);
    if (!mends && !(error.retryable && attempt < maxAttempts)) throw error;
    const delay = mends ? 0 : backoffSeconds(attempt, state.random);
    state.emit({ type: "retry", service, action, queueUrl: target, attempt, delay, error });
    if (delay) await pause(state.clock, delay, signal);
  }
}

/** What is seen of one try. */
interface Seen {
  status: number;
  sent?: boolean;
  date?: string | null;
  requestId?: string;
  credentials?: Credentials;
}

async function attemptOnce<Output>(
  state: BrokerState,
  request: AwsRequest<Output, AwsBody>,
  options: SendOptions,
  seen: Seen,
  rejected: Credentials | undefined,
): Promise<Output> {
  const { signal, wait = 0 } = options;
  const region = regionFor(state, options.region, request.target);
  seen.credentials = await keysFor(state, options, region, rejected);
  const controller = new AbortController();
  const abort = () => controller.abort(signal!.reason);
  signal?.addEventListener("abort", abort);
  try {
    const signed = await sign(request, {
      credentials: seen.credentials,
      region,
      endpoint: state.endpoint,
      now: nowOf(state) + state.clockOffset,
      allowInsecure: state.allowInsecure,
      signal: controller.signal,
    });
    options.onAttempt?.();
    state.requests++;
    seen.sent = true;
    const seconds = state.requestTimeout + wait;
    const response = await within(state, seconds, controller, request, () => state.fetch(signed));
    seen.status = response.status;
    seen.requestId = requestIdOf(response);
    seen.date = response.headers.get("date");
    return await within(state, state.requestTimeout, controller, request, () => request.parse(response));
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** Bounds a step in time, also where what it calls does not hear its signal. */
async function within<T>(
  state: BrokerState,
  seconds: number,
  controller: AbortController,
  { service, action }: AwsRequest<unknown, AwsBody>,
  step: () => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const deadline = pause(state.clock, seconds, over.signal).then(() => {
    if (over.signal.aborted) return undefined as never;
    const error = new AwsError(
      `${service} ${action} got no whole answer within ${seconds} s: it may still be carried out`,
      {
        service,
        action,
        status: 0,
        awsCode: "Timeout",
        retryable: true,
      },
    );
    controller.abort(error);
    throw error;
  });
  const aborted = new Promise<never>((_, reject) => {
    controller.signal.addEventListener("abort", () => reject(controller.signal.reason), { signal: over.signal });
    if (controller.signal.aborted) reject(controller.signal.reason);
  });
  aborted.catch(() => {});
  deadline.catch(() => {});
  const work = step();
  work.catch(() => {});
  try {
    return await Promise.race([work, deadline.then(() => aborted), aborted]);
  } finally {
    over.abort();
  }
}

async function keysFor(
  state: BrokerState,
  options: SendOptions,
  region: string,
  rejected: Credentials | undefined,
): Promise<Credentials> {
  const given = options.credentials ?? state.credentials;
  const keys = typeof given === "function"
    ? await given({
      region,
      endpoint: state.endpoint,
      fetch: state.fetch,
      clock: state.clock,
      random: state.random,
      signal: options.signal,
      emit: state.emit,
      rejected,
    })
    : given;
  if (!keys?.accessKeyId || !keys.secretAccessKey) {
    throw new CredentialsError("Cannot sign as the credential provider gave no access key");
  }
  return keys;
}

function noAnswer(
  { service, action }: AwsRequest<unknown, AwsBody>,
  seen: Seen,
  cause: unknown,
): Error {
  if (!seen.sent) return cause instanceof Error ? cause : new DashiError(String(cause));
  return new AwsError(`${service} ${action} got no whole answer: ${reasonOf(cause)}`, {
    service,
    action,
    status: seen.status,
    awsCode: "NetworkError",
    requestId: seen.requestId,
    retryable: true,
  }, { cause: cause instanceof Error ? new Error(reasonOf(cause)) : undefined });
}

/** What a runtime says of a failed fetch, without a URL's query, which may hold a signature. */
function reasonOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.replace(/\?[^\s)"']*/g, "");
}

/** Puts right what one more try then passes: our clock, or the keys. Each once. */
function mend(
  state: BrokerState,
  error: AwsError,
  seen: Seen,
  mended: { clock: boolean; keys: Credentials | undefined },
): boolean {
  if (!mended.clock && isSkewed(error.awsCode, error.message)) {
    mended.clock = true;
    const theirs = Date.parse(seen.date ?? "");
    if (Number.isNaN(theirs)) return false;
    state.clockOffset = theirs - nowOf(state);
    return true;
  }
  if (!mended.keys && isExpired(error.awsCode)) {
    mended.keys = seen.credentials;
    return true;
  }
  return false;
}
