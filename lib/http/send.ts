/**
 * Sends a request: signs it, bounds it in time, tries again what may be tried again, and reads the answer.
 *
 * @module
 */
import { type BrokerState, nowOf, pause, stateOf } from "../broker.ts";
import { AwsError, CredentialsError, DashiError } from "../errors.ts";
import type { AwsBody, AwsRequest, Broker, CredentialProvider, Credentials, Endpoints } from "../types.ts";
import { REDIRECT, requestIdOf } from "./answer.ts";
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
  /** Where the service is, where that is not the broker's `endpoint`. */
  readonly endpoint?: Endpoints;
  /** Seconds that the service may wait before it answers, added to the deadline: the wait of a long poll. */
  readonly wait?: number;
  /** Tries, where they are not the broker's. */
  readonly maxAttempts?: number;
  /** Is called before each try. */
  readonly onAttempt?: () => void;
}

/**
 * The region of a request: its own; the queue URL's, as AWS's host for a queue takes no other; the broker's; the
 * environment's; or the default.
 */
export function regionFor(state: BrokerState, own: string | undefined, target?: string): string {
  const { region } = state.options;
  const hosts = state.endpoint ? [region, regionIn(target)] : [regionIn(target), region];
  return own ?? hosts[0] ?? hosts[1] ?? environmentRegion() ?? DEFAULT_REGION;
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
  const queueUrl = target?.startsWith("arn:") ? undefined : target;
  // A stream can be read once.
  const once = request.body instanceof ReadableStream;
  const maxAttempts = once ? 1 : options.maxAttempts ?? state.maxAttempts;
  const mended: Mended = {};
  for (let attempt = 1;; attempt++) {
    signal?.throwIfAborted();
    const began = nowOf(state);
    const seen: Seen = { status: 0, secrets: [] };
    let error: Error | undefined;
    try {
      return await attemptOnce(state, request, options, seen, mended.keys);
    } catch (cause) {
      error = redact(cause instanceof DashiError ? cause : noAnswer(request, seen, cause), seen.secrets);
      if (signal?.aborted) throw signal.reason;
    } finally {
      if (seen.sent) {
        const seconds = (nowOf(state) - began) / 1000;
        const { status, requestId } = seen;
        state.emit({ type: "request", service, action, queueUrl, status, attempt, seconds, requestId, error });
      }
    }
    if (!seen.sent || !(error instanceof AwsError)) throw error;
    const mends = !once && mend(state, error, seen, mended);
    if (!mends && !(error.retryable && attempt < maxAttempts)) throw error;
    const delay = mends ? 0 : backoffSeconds(attempt, state.random);
    state.emit({ type: "retry", service, action, queueUrl, attempt, delay, error });
    if (delay) await pause(state.clock, delay, signal);
  }
}

/** What is seen of one try. */
interface Seen {
  status: number;
  sent?: boolean;
  date?: string | null;
  requestId?: string;
  /** Keys that a provider gave. */
  credentials?: Credentials;
  /** What no error may show. */
  secrets: string[];
}

/** What was put right so far. */
interface Mended {
  clock?: boolean;
  keys?: Credentials;
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
  const controller = new AbortController();
  const abort = () => controller.abort(signal!.reason);
  signal?.addEventListener("abort", abort);
  try {
    const keys = () => keysFor(state, options, seen, region, rejected);
    const credentials = await within(state, Infinity, controller, request, keys);
    const signed = await sign(request, {
      credentials,
      region,
      endpoint: options.endpoint ?? state.endpoint,
      now: nowOf(state) + state.clockOffset,
      allowInsecure: state.allowInsecure,
      signal: controller.signal,
    });
    seen.secrets.push(signed.headers.get("authorization")!.slice(-64));
    signal?.throwIfAborted();
    options.onAttempt?.();
    state.requests++;
    seen.sent = true;
    const seconds = state.requestTimeout + wait;
    const response = await within(state, seconds, controller, request, () => state.fetch(signed));
    seen.status = response.status;
    seen.requestId = requestIdOf(response);
    seen.date = response.headers.get("date");
    // Where more is known, the parser tells it: S3 names the bucket's region.
    if (response.type === "opaqueredirect") throw redirected(request);
    return await within(state, state.requestTimeout, controller, request, () => request.parse(response));
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** Bounds a step in time and lets go of it when the signal fires, also where what it calls hears neither. */
async function within<T>(
  state: BrokerState,
  seconds: number,
  controller: AbortController,
  { service, action }: AwsRequest<unknown, AwsBody>,
  step: () => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const { signal } = controller;
  const deadline = async (): Promise<never> => {
    await pause(state.clock, seconds, over.signal);
    if (!over.signal.aborted) {
      const details = { service, action, status: 0, awsCode: "Timeout", retryable: true };
      controller.abort(
        new AwsError(
          `${service} ${action} got no whole answer within ${seconds} s: it may still be carried out`,
          details,
        ),
      );
    }
    throw signal.reason;
  };
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { signal: over.signal });
    if (signal.aborted) reject(signal.reason);
  });
  try {
    // The race handles what loses it, so nothing that fails late goes unhandled.
    const bounds = seconds < Infinity ? [aborted, deadline()] : [aborted];
    return await Promise.race([...bounds, Promise.resolve().then(step)]);
  } finally {
    over.abort();
  }
}

async function keysFor(
  state: BrokerState,
  options: SendOptions,
  seen: Seen,
  region: string,
  rejected: Credentials | undefined,
): Promise<Credentials> {
  const { endpoint, fetch, clock, random, emit } = state;
  const { signal } = options;
  const given = options.credentials ?? state.credentials;
  const keys = typeof given === "function"
    ? seen.credentials = await given({ region, endpoint, fetch, clock, random, signal, emit, rejected })
    : given;
  if (!keys?.accessKeyId || !keys.secretAccessKey) {
    throw new CredentialsError("Cannot sign as the credential provider gave no access key");
  }
  seen.secrets.push(keys.secretAccessKey, keys.sessionToken ?? "");
  return keys;
}

/** The error for a redirect of which a browser shows no more than that. */
function redirected({ service, action }: AwsRequest<unknown, AwsBody>): AwsError {
  return new AwsError(`${service} ${action} was answered with a redirect, ${REDIRECT}`, {
    service,
    action,
    status: 0,
    awsCode: "Redirect",
    retryable: false,
  });
}

function noAnswer({ service, action }: AwsRequest<unknown, AwsBody>, seen: Seen, cause: unknown): Error {
  // What failed before the request left is a bug or a provider's own failure, and stays as it is.
  if (!seen.sent) return cause instanceof Error ? cause : new DashiError(String(cause));
  const { status, requestId } = seen;
  // A runtime may show a URL with a signature in its query.
  const reason = (cause instanceof Error ? cause.message : String(cause)).replace(/\?[^\s)"']*/g, "");
  const details = { service, action, status, awsCode: "NetworkError", requestId, retryable: true };
  return new AwsError(`${service} ${action} got no whole answer: ${reason}`, details, { cause: new Error(reason) });
}

/** Takes out what a server may have repeated of the keys and the signature. */
function redact<E extends Error>(error: E, secrets: readonly string[]): E {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    for (const secret of secrets) {
      // A short one is an emulator's dummy, which may be a word of the message.
      if (secret.length < 16) continue;
      for (const form of [secret, encodeURIComponent(secret)]) {
        if (at.message.includes(form)) at.message = at.message.replaceAll(form, "…");
        if (at.stack?.includes(form)) at.stack = at.stack.replaceAll(form, "…");
      }
    }
  }
  return error;
}

/** Puts right what one more try then passes: our clock, or the keys. Each once. */
function mend(state: BrokerState, error: AwsError, seen: Seen, mended: Mended): boolean {
  const theirs = Date.parse(seen.date ?? "");
  if (!mended.clock && isSkewed(error.awsCode, error.message) && theirs) {
    mended.clock = true;
    state.clockOffset = theirs - nowOf(state);
    return true;
  }
  // Keys that are no provider's would be the same again.
  if (!mended.keys && isExpired(error.awsCode) && seen.credentials) {
    mended.keys = seen.credentials;
    return true;
  }
  return false;
}
