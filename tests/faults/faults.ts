/**
 * What can go wrong between a client and AWS, by name: for `faultFetch()` over a server in memory.
 *
 * @module
 */
import { faultFetch, type HttpCall, type HttpFault } from "../support/http_fault.ts";
import type { Clock, Fetch } from "../../lib/types.ts";

/** One thing that goes wrong. */
export interface NamedFault {
  readonly name: string;
  /** What happens to a request; undefined lets it pass. */
  readonly on: (call: HttpCall, now: number) => HttpFault | undefined;
  /** False if no retry mends it, so that a typed error is what the user must get. */
  readonly passes: boolean;
  /** True if the request is carried out although the client is told that it was not. */
  readonly carriedOut: boolean;
}

const ERROR = "com.amazonaws.sqs#";
const FRAMEWORK = "com.amazon.coral.service#";

function json(status: number, type: string, message = "no"): HttpFault {
  const headers = { "content-type": "application/x-amz-json-1.0" };
  return { type: "status", status, headers, body: JSON.stringify({ __type: type, message }) };
}

function stamp(at: number): string {
  return new Date(at).toISOString().replace(/[:-]|\.\d{3}/g, "");
}

/** AWS's clock is so many seconds ahead of ours: it refuses what was not signed within five minutes of its own time. */
function skew(seconds: number): NamedFault["on"] {
  return ({ request }, now) => {
    const theirs = now + seconds * 1000;
    const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(
      request.headers.get("x-amz-date") ?? "",
    )!.map(Number);
    const signed = Date.UTC(year, month - 1, day, hour, minute, second);
    if (Math.abs(signed - theirs) <= 300_000) return undefined;
    const when = seconds > 0
      ? `Signature expired: ${stamp(signed)} is now earlier than ${stamp(theirs - 300_000)}`
      : `Signature not yet current: ${stamp(signed)} is still later than ${stamp(theirs + 300_000)}`;
    const fault = json(403, `${FRAMEWORK}InvalidSignatureException`, when);
    return { ...fault, headers: { date: new Date(theirs).toUTCString() } } as HttpFault;
  };
}

const always = (fault: HttpFault) => () => fault;
const stopped = (name: string, fault: HttpFault): NamedFault => ({
  name,
  on: always(fault),
  passes: true,
  carriedOut: false,
});
const spoiled = (name: string, fault: HttpFault): NamedFault => ({
  name,
  on: always(fault),
  passes: true,
  carriedOut: true,
});
/** An answer that is none. Where AWS's own is empty nobody can tell, so those actions get none of it. */
const misread = (name: string, body: string): NamedFault => ({
  name,
  on: ({ action = "" }) => /^(?:Delete|Purge)Queue$/.test(action) ? undefined : { type: "status", status: 200, body },
  passes: true,
  carriedOut: false,
});
const final = (name: string, fault: HttpFault): NamedFault => ({
  name,
  on: always(fault),
  passes: false,
  carriedOut: false,
});

/** The faults that a later try gets past. */
export const PASSING: readonly NamedFault[] = [
  stopped("refused connection", { type: "network" }),
  spoiled("reset connection after it was carried out", { type: "lost-answer" }),
  spoiled("silence", { type: "slow", seconds: Infinity }),
  spoiled("half a body and a reset", { type: "truncated" }),
  spoiled("half a body as if it were all", { type: "cut" }),
  spoiled("latency of 5 s", { type: "slow", seconds: 5 }),
  spoiled("latency of 30 s", { type: "slow", seconds: 30 }),
  stopped("500", json(500, `${ERROR}InternalError`)),
  stopped("500 without a body", { type: "status", status: 500 }),
  stopped("502 of a proxy", { type: "html", status: 502 }),
  stopped("503", json(503, `${FRAMEWORK}ServiceUnavailableException`)),
  stopped("504 of a proxy", { type: "html", status: 504 }),
  stopped("429", { type: "status", status: 429, body: "Too Many Requests" }),
  stopped("RequestThrottled", json(400, `${ERROR}RequestThrottled`)),
  stopped("KmsThrottled", json(400, `${ERROR}KmsThrottled`)),
  stopped("200 with a page of HTML", { type: "html", status: 200 }),
  misread("200 with the wrong shape", '{"Messages":7,"Successful":7,"QueueUrl":7,"Attributes":7}'),
  misread("200 with null", "null"),
  {
    name: "200 with attributes left out",
    on: ({ action }) => action === "GetQueueAttributes" ? { type: "status", status: 200, body: "{}" } : undefined,
    passes: true,
    carriedOut: false,
  },
  { name: "a clock an hour ahead", on: skew(3600), passes: true, carriedOut: false },
  { name: "a clock an hour behind", on: skew(-3600), passes: true, carriedOut: false },
  stopped("ExpiredToken", json(403, `${FRAMEWORK}ExpiredTokenException`)),
];

/** The faults that no retry mends. */
export const FINAL: readonly NamedFault[] = [
  final("AccessDenied", json(403, `${FRAMEWORK}AccessDeniedException`)),
  final("QueueDoesNotExist", json(400, `${ERROR}QueueDoesNotExist`)),
  final("UnrecognizedClient", json(403, `${FRAMEWORK}UnrecognizedClientException`)),
  final("a wrong signature", json(403, `${FRAMEWORK}InvalidSignatureException`, "does not match")),
  final("a redirect", { type: "status", status: 307, headers: { location: "https://evil.example/" } }),
];

const xml = (status: number, code: string, headers: Record<string, string> = {}): HttpFault => ({
  type: "status",
  status,
  headers,
  body: `<ErrorResponse><Error><Code>${code}</Code><Message>no</Message></Error></ErrorResponse>`,
});

/** What may happen on the way to services that speak XML, the clock's own time aside. */
export const XML_FAULTS: readonly { readonly name: string; readonly fault: HttpFault }[] = [
  { name: "refused connection", fault: { type: "network" } },
  { name: "reset after it was carried out", fault: { type: "lost-answer" } },
  { name: "silence", fault: { type: "slow", seconds: Infinity } },
  { name: "half a body and a reset", fault: { type: "truncated" } },
  { name: "latency of 5 s", fault: { type: "slow", seconds: 5 } },
  { name: "latency of 30 s", fault: { type: "slow", seconds: 30 } },
  { name: "500", fault: xml(500, "InternalError") },
  { name: "502 of a proxy", fault: { type: "html", status: 502 } },
  { name: "503 SlowDown", fault: xml(503, "SlowDown") },
  { name: "429", fault: { type: "status", status: 429 } },
  { name: "400 Throttling", fault: xml(400, "Throttling") },
  { name: "400 ExpiredToken", fault: xml(400, "ExpiredToken") },
];

/**
 * A `fetch` that does so to the requests that are picked, by their place: 0 is the first that comes.
 */
export function faulty(
  inner: Fetch,
  clock: Clock,
  pick: (call: HttpCall, index: number) => NamedFault | undefined,
): Fetch & { readonly tried: () => number } {
  let tried = 0;
  const fetch = faultFetch(inner, (call) => {
    const fault = pick(call, call.sequence - 1)?.on(call, +clock.now());
    if (fault) tried++;
    return fault;
  }, clock);
  return Object.assign(fetch, { tried: () => tried });
}
