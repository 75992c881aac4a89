/**
 * Sends a request: signs it, bounds it in time, tries again what may be tried again, and reads the answer.
 *
 * @module
 */
import { type BrokerState, nowOf, pause, stateOf } from "../broker.ts";
import { AwsError, CredentialsError, DashiError } from "../errors.ts";
import type { AwsBody, AwsRequest, Broker, CredentialProvider, Credentials, Endpoints } from "../types.ts";
import { faultOf, REDIRECT, requestIdOf } from "./answer.ts";
import { setDeadline } from "./deadline.ts";
import { DEFAULT_REGION, environmentRegion, regionIn } from "./endpoint.ts";
import { backoffSeconds, isExpired, isSkewed } from "./retryable.ts";
import { signParts } from "./sign.ts";

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
  return own ?? (state.endpoint ? region ?? regionIn(target) : regionIn(target) ?? region) ?? environmentRegion() ??
    DEFAULT_REGION;
}

/**
 * Signs a request with the broker's keys, sends it, tries it again where that helps, and gives the parsed answer.
 *
 * Each try has a deadline (`http.requestTimeout` to the headers, at least as long again for the body) and a signature of its
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
        const { status, requestId } = redact(seen, seen.secrets);
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

/** How many times a request's own time a credential provider has: it may ask services in turn, each of them again. */
const KEYS_TIMES = 6;

async function attemptOnce<Output>(
  state: BrokerState,
  request: AwsRequest<Output, AwsBody>,
  options: SendOptions,
  seen: Seen,
  rejected: Credentials | undefined,
): Promise<Output> {
  const { signal, wait = 0 } = options;
  const { requestTimeout } = state;
  const region = regionFor(state, options.region, request.target);
  const controller = new AbortController();
  let forgetDeadline = () => {};
  let stop!: (reason: unknown) => void;
  const stopped = new Promise<never>((_, reject) => {
    stop = (reason) => {
      reject(reason);
      controller.abort(reason);
    };
  });
  const abort = () => stop(signal!.reason);
  signal?.addEventListener("abort", abort);

  /** One deadline for headers and body: whoever has sent the headers by then has as long again for the body. */
  let more = requestTimeout;
  const over = () => {
    if (seen.status && more) {
      more = 0;
      return requestTimeout;
    }
    const seconds = requestTimeout + (seen.status ? 0 : wait);
    stop(faultOf(request, `got no whole answer within ${seconds} s: it may still be carried out`, "Timeout"));
  };
  const work = async (): Promise<Output> => {
    if (typeof (options.credentials ?? state.credentials) === "function") {
      const seconds = KEYS_TIMES * requestTimeout;
      const says = `got no keys of its credential provider within ${seconds} s`;
      forgetDeadline = setDeadline(state, seconds, () => stop(faultOf(request, says, "CredentialsTimeout")));
    }
    const { url, init, authorization } = await signParts(request, {
      credentials: await keysFor(state, options, seen, region, rejected),
      region,
      endpoint: options.endpoint ?? state.endpoint,
      now: nowOf(state) + state.clockOffset,
      allowInsecure: state.allowInsecure,
      signal: controller.signal,
    });
    seen.secrets.push(authorization.slice(-64));
    controller.signal.throwIfAborted();
    forgetDeadline();
    options.onAttempt?.();
    state.requests++;
    seen.sent = true;
    forgetDeadline = setDeadline(state, requestTimeout + wait, over);
    const response = await (state.options.http?.fetch ? state.fetch(new Request(url, init)) : fetch(url, init));
    seen.status = response.status;
    seen.requestId = requestIdOf(response);
    seen.date = response.headers.get("date");
    // A browser shows no more of it. Where more is known, the parser tells it: S3 names the bucket's region.
    if (response.type === "opaqueredirect") {
      throw faultOf(request, `was answered with a redirect, ${REDIRECT}`, "Redirect", { retryable: false });
    }
    return await request.parse(response);
  };

  try {
    // Lets go when the signal fires, also where what is called hears it not. The race handles what loses it.
    return await Promise.race([stopped, work()]);
  } finally {
    forgetDeadline();
    signal?.removeEventListener("abort", abort);
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

function noAnswer(request: AwsRequest<unknown, AwsBody>, seen: Seen, cause: unknown): Error {
  // What failed before the request left is a bug or a provider's own failure, and stays as it is.
  if (!seen.sent) return cause instanceof Error ? cause : new DashiError(String(cause));
  const { status, requestId } = seen;
  // A runtime may show a URL with a signature in its query.
  const reason = (cause instanceof Error ? cause.message : String(cause)).replace(/\?[^\s)"']*/g, "");
  return faultOf(request, `got no whole answer: ${reason}`, "NetworkError", { status, requestId }, {
    cause: new Error(reason),
  });
}

/** Takes out what a server may have repeated of the keys and the signature: in its words, its code or its request id. */
function redact<T extends object>(seen: T, secrets: readonly string[]): T {
  for (let at = seen as any; typeof at === "object" && at; at = at.cause) {
    for (const secret of secrets) {
      // A short one is an emulator's dummy, which may be a word of the message.
      if (secret.length < 16) continue;
      for (const form of [secret, encodeURIComponent(secret)]) {
        for (const key of ["message", "stack", "awsCode", "requestId"]) {
          if (at[key]?.includes?.(form)) at[key] = at[key].replaceAll(form, "…");
        }
      }
    }
  }
  return seen;
}

/** Between these instants AWS's clock may be: 2017 to 2128, in milliseconds. */
const EARLIEST = 1.5e12;
const LATEST = 5e12;

/** Puts right what one more try then passes: our clock, or the keys. Each once. */
function mend(
  state: BrokerState,
  { awsCode, message }: AwsError,
  { date, credentials }: Seen,
  mended: Mended,
): boolean {
  const theirs = Date.parse(date ?? "");
  // A date that no clock of AWS shows would put ours out of reach of all later ones.
  if (!mended.clock && isSkewed(awsCode, message) && theirs > EARLIEST && theirs < LATEST) {
    state.clockOffset = theirs - nowOf(state);
    return mended.clock = true;
  }
  // Keys that are no provider's would be the same again.
  if (mended.keys || !isExpired(awsCode)) return false;
  return !!(mended.keys = credentials);
}
