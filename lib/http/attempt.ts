/**
 * One try of a request.
 *
 * @module
 */
import { asError } from "../as_error.ts";
import { awsNow, type BrokerState } from "../broker.ts";
import { assertKeys, refuse } from "../check.ts";
import { CredentialsError, DashiError } from "../errors.ts";
import { onAbort } from "../on_abort.ts";
import type { AwsBody, AwsRequest, CredentialContext, CredentialProvider, Credentials } from "../types.ts";
import { unlessAborted } from "../unless_aborted.ts";
import { faultOf, firstLine, idsOf, REDIRECT } from "./answer.ts";
import { regionFor } from "./endpoint.ts";
import type { SendOptions } from "./send.ts";
import { setDeadline } from "./set_deadline.ts";
import { signParts } from "./sign.ts";

/** What is seen of one try. */
export interface Seen {
  sent?: boolean;
  /** What was answered, its headers at least. */
  response?: Response;
  /** Keys that a provider gave. */
  credentials?: Credentials;
  /** What no error may show. */
  secrets: string[];
}

/** How many times a request's own time a credential provider has: it may ask services in turn, each of them again. */
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

  /** One deadline for headers and body: whoever has sent the headers by then has as long again for the body. */
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
      // A role is assumed where the broker is, however many regions its queues are in.
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
    if (!response?.headers?.get) refuse("http.fetch()", "a Response", response);
    seen.response = response;
    // A browser shows no more of it. Where more is known, the parser tells it: S3 names the bucket's region.
    if (response.type === "opaqueredirect") {
      throw faultOf(request, `was answered with a redirect, ${REDIRECT}`, "Redirect", { retryable: false });
    }
    return await request.parse(response);
  };

  try {
    // Lets go when the signal fires, also where what is called hears it not.
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

/** The error of a try: where no other tells more, that no whole answer came. */
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
