/**
 * One try of a request.
 *
 * @module
 */
import { asError } from "../as_error.ts";
import { awsNow, type BrokerState } from "../broker.ts";
import { assertKeys, has } from "../check.ts";
import { CredentialsError, DashiError } from "../errors.ts";
import { onAbort } from "../on_abort.ts";
import type { AwsBody, AwsRequest, CredentialContext, CredentialProvider, Credentials } from "../types.ts";
import { unlessAborted } from "../unless_aborted.ts";
import { faultOf, firstLine, idsOf, REDIRECT } from "./answer.ts";
import { regionFor } from "./endpoint.ts";
import type { SendOptions } from "./send.ts";
import { setDeadline } from "./set_deadline.ts";
import { signParts } from "./sign.ts";

/** What is known of one try, filled in as it goes on: it is wanted where the try fails, too. */
export interface Seen {
  sent?: boolean;
  /** The answer. Its headers are there; its body may never come. */
  response?: Response;
  /** The keys, if a provider gave them. */
  credentials?: Credentials;
  /** Keys and signature, which no error or event may show. */
  secrets: string[];
}

/** A credential provider has this many times the time of a request: it may ask several services, each more than once. */
const KEYS_TIMES = 6;

/** Signs a request, sends it and reads its answer, once, in its time and as long as its signal allows. */
export async function attemptOnce<Output>(
  state: BrokerState,
  request: AwsRequest<Output, AwsBody>,
  options: SendOptions,
  seen: Seen,
  rejected: Credentials | undefined,
): Promise<Output> {
  const { signal, credentials = state.credentials } = options;
  const { requestTimeout } = state;
  const region = regionFor(options.region, request.target, state.options.region);
  const controller = new AbortController();
  let forgetDeadline = () => {};
  const callOff = signal && onAbort(signal, () => controller.abort(signal.reason));

  // One deadline for headers and body. If the headers are there when it ends, the body gets as long again.
  let seconds = requestTimeout + (request.wait ?? 0);
  let answering: Response | undefined;
  const over = () => {
    if (answering !== seen.response) {
      answering = seen.response;
      return seconds = requestTimeout;
    }
    controller.abort(
      faultOf(request, `got no whole answer within ${seconds} s: it may still be carried out`, "Timeout"),
    );
  };
  const count = () => {
    options.onAttempt?.();
    state.requests++;
  };
  const work = async (): Promise<Output> => {
    if (typeof credentials === "function") {
      const most = KEYS_TIMES * requestTimeout;
      const says = `got no keys of its credential provider within ${most} s`;
      forgetDeadline = setDeadline(state, most, () => controller.abort(faultOf(request, says, "CredentialsTimeout")));
    }
    const { url, init } = await signParts(request, {
      // The broker's region, not the queue's: a role is assumed in one region for queues in many.
      credentials: await keysFor(state, credentials, seen, count, {
        region: state.options.region ?? region,
        signal,
        rejected,
      }),
      region,
      endpoint: options.endpoint ?? state.endpoint,
      now: awsNow(state),
      allowInsecure: state.allowInsecure,
      signal: controller.signal,
    });
    seen.secrets.push(init.headers.authorization.slice(-64)); // the signature
    controller.signal.throwIfAborted();
    forgetDeadline();
    count();
    seen.sent = true;
    forgetDeadline = setDeadline(state, seconds, over);
    const response = await (state.options.http?.fetch ? state.fetch(new Request(url, init)) : fetch(url, init));
    has("get")("http.fetch().headers", response?.headers); // before it counts as an answer
    seen.response = response;
    // All that a browser shows of a redirect. Elsewhere the parser says more: S3 names the bucket's region.
    if (response.type === "opaqueredirect") {
      throw faultOf(request, `was answered with a redirect, ${REDIRECT}`, "Redirect", { retryable: false });
    }
    return await request.parse(response);
  };

  try {
    // Stops waiting when the signal fires, even if what was called does not listen to it.
    return await unlessAborted(work(), controller.signal);
  } finally {
    forgetDeadline();
    callOff?.();
  }
}

async function keysFor(
  { endpoint, fetch, clock, random, emit }: BrokerState,
  given: Credentials | CredentialProvider,
  seen: Seen,
  count: () => void,
  asking: Pick<CredentialContext, "region" | "signal" | "rejected">,
): Promise<Credentials> {
  const counted: typeof fetch = (request, init) => {
    count();
    return fetch(request, init);
  };
  const keys = typeof given === "function"
    ? seen.credentials = await given({ ...asking, endpoint, fetch: counted, clock, random, emit })
    : given;
  try {
    assertKeys("credentials", keys);
  } catch {
    throw new CredentialsError("Cannot sign as the credential provider gave no keys, or not as text");
  }
  seen.secrets.push(keys.secretAccessKey, keys.sessionToken ?? "");
  return keys;
}

/** The error of a try that failed: ours as it is, anything else as "no whole answer" once the request has left. */
export function errorOf(request: AwsRequest<unknown, AwsBody>, seen: Seen, cause: unknown): Error {
  if (cause instanceof DashiError) return cause;
  // What failed before the request left is a bug or a provider's own failure, and stays as it is.
  if (!seen.sent) return asError(cause);
  const { response } = seen;
  // Node says why a fetch failed in its cause alone; where it is several addresses that failed, in its code.
  const { message = cause, cause: why } = Object(cause);
  const more = why?.message || why?.code;
  // A runtime may show a URL with a signature in its query.
  const reason = firstLine(`${asError(message).message}${more ? `: ${more}` : ""}`.replace(/\?[^\s)"']*/g, ""));
  return faultOf(request, `got no whole answer: ${reason}`, "NetworkError", {
    ...response && idsOf(response),
    // What the runtime forbids (Deno, Node), or Workers have no more of, it does not let through a second later.
    retryable: !/--allow-net|subrequests/.test(reason),
  }, { cause: new Error(reason) });
}
