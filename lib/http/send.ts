/**
 * Sends a request: one try after the other, as long as another may help.
 *
 * @module
 */
import { type BrokerState, nowOf, pause, stateOf } from "../broker.ts";
import { has } from "../check.ts";
import { AwsError } from "../errors.ts";
import type { AwsBody, AwsRequest, Broker, CredentialProvider, Credentials, Endpoints } from "../types.ts";
import { idsOf } from "./answer.ts";
import { attemptOnce, errorOf, type Seen } from "./attempt.ts";
import { linkCause } from "./link_cause.ts";
import { redact } from "./redact.ts";
import { backoffSeconds, isExpired, isSkewed } from "./retryable.ts";

/** Options of {@linkcode send}. */
export interface SendOptions {
  /** Ends the waiting; the returned promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** The region, where it is not the broker's. */
  readonly region?: string | undefined;
  /** The keys, where they are not the broker's. */
  readonly credentials?: Credentials | CredentialProvider | undefined;
  /** Where the service is, where that is not the broker's `endpoint`. */
  readonly endpoint?: Endpoints | undefined;
  /** Tries, where they are not the broker's. */
  readonly maxAttempts?: number | undefined;
  /** Is called before each try, and before each request of a credential provider. */
  readonly onAttempt?: (() => void) | undefined;
}

/**
 * Signs a request with the broker's keys, sends it, tries it again where that helps, and gives the parsed answer.
 *
 * Each try has a deadline (`http.requestTimeout` to the headers, a long poll's wait added; at least as long again for
 * the body) and a signature of its own. Between tries it waits with full jitter. A skewed clock is corrected from the
 * answer's `Date` once, expired keys are asked for anew once.
 *
 * @param broker What `connect()` gave.
 * @param request What a builder made.
 * @param options Signal and overrides.
 * @returns What the request's parser makes of the answer.
 * @throws {AwsError} If AWS answers with an error, with nonsense, or not in time.
 * @throws {ConfigError} If the environment has no keys where no others were given, or the request would go to a host that
 * it must not go to.
 * @throws {CredentialsError} If a provider gives no keys.
 * @throws The signal's reason.
 * @see {@link https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html}
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
  has("parse")("request", request); // a builder that was not called has none
  const { signal } = options;
  const { service, action, target } = request;
  const queueUrl = target?.startsWith("arn:") ? undefined : target;
  // A stream can be read once.
  const once = request.body instanceof ReadableStream;
  const maxAttempts = once ? 1 : options.maxAttempts ?? state.maxAttempts;
  const mended: Mended = {};
  let before: AwsError | undefined;
  for (let attempt = 1;; attempt++) {
    signal?.throwIfAborted();
    const began = nowOf(state);
    const seen: Seen = { secrets: [] };
    let error: Error | undefined;
    try {
      const output: any = await attemptOnce(state, request, options, seen, mended.keys);
      // What a batch says of its entries becomes errors elsewhere.
      output?.failed?.map?.((failure: Error) => linkCause(redact(failure, seen.secrets), before));
      return output;
    } catch (cause) {
      error = redact(errorOf(request, seen, cause), seen.secrets);
      linkCause(error, before);
      if (signal?.aborted) throw signal.reason;
    } finally {
      // To look for secrets costs more than to sign, so it is done for a listener only.
      if (seen.sent && state.options.onEvent) {
        const { response, secrets } = seen;
        const seconds = (nowOf(state) - began) / 1000;
        const ids = response && redact(idsOf(response), secrets);
        state.emit({ type: "request", service, action, queueUrl, status: 0, ...ids, attempt, seconds, error });
      }
    }
    if (!seen.sent || !(error instanceof AwsError)) throw error;
    before = error;
    const mends = !once && mend(state, error, seen, mended);
    if (!mends && !(error.retryable && attempt < maxAttempts)) throw error;
    const delay = mends ? 0 : backoffSeconds(attempt, state.random);
    state.emit({ type: "retry", service, action, queueUrl, attempt, delay, error });
    if (delay) await pause(state.clock, delay, signal);
  }
}

/** What was put right so far. */
interface Mended {
  clock?: boolean;
  keys?: Credentials;
}

/** Between these instants AWS's clock may be: 2017 to 2128, in milliseconds. */
const EARLIEST = 1.5e12;
const LATEST = 5e12;

/** Puts right what one more try then passes: our clock, or the keys. Each once. */
function mend(
  state: BrokerState,
  { awsCode, message }: AwsError,
  { response, credentials }: Seen,
  mended: Mended,
): boolean {
  const theirs = Date.parse(response?.headers.get("date") ?? "");
  // A date that no clock of AWS shows would put ours out of reach of all later ones.
  if (!mended.clock && isSkewed(awsCode, message) && theirs > EARLIEST && theirs < LATEST) {
    state.clockOffset = theirs - nowOf(state);
    return mended.clock = true;
  }
  // Keys that are no provider's would be the same again.
  if (mended.keys || !isExpired(awsCode)) return false;
  return !!(mended.keys = credentials);
}
