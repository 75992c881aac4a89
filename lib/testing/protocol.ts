import { type Input, isRecord } from "./input.ts";
import { uuidFrom } from "./random.ts";
import { invalid, SqsFault } from "./sqs_fault.ts";

/** What a request asks for. */
export interface Call {
  readonly action: string;
  readonly input: Input;
}

/** Reads a request of SQS's JSON protocol. */
export function readCall(request: Request, body: string): Call {
  const [, action] = /^AmazonSQS\.(\w+)$/.exec(request.headers.get("x-amz-target") ?? "") ?? [];
  if (!action || request.method !== "POST") {
    throw new SqsFault("UnknownOperationException", "The request names no action of SQS in X-Amz-Target.");
  }
  return { action, input: parse(body) };
}

function parse(body: string): Input {
  let input: unknown;
  try {
    input = JSON.parse(body || "{}");
  } catch {
    throw new SqsFault("SerializationException", "The body is not JSON.");
  }
  if (!isRecord(input)) throw invalid("The input must be an object.");
  return input;
}

/** What an answer needs to know of its time and place. */
export interface Answering {
  readonly now: number;
  readonly random: () => number;
}

/**
 * Whether a request is for another service: SNS's and STS's are forms, S3's are neither. They come here as one `fetch` is
 * all that a broker has.
 */
export function isForeign({ method, headers }: Request): boolean {
  return !headers.has("x-amz-target") && (method !== "POST" || !/json/.test(headers.get("content-type") ?? ""));
}

/** The answer to such a request: an error in XML, as those services write theirs, that nobody tries again. */
export function foreignAnswer(answering: Answering): Response {
  const message = "memorySqs() is an SQS and nothing else. For SNS, S3 and STS give the broker under test " +
    "'fanout', 'payloads', 'results' or 'credentials' of your own, or an emulator in place of memorySqs()";
  const error = `<Error><Type>Sender</Type><Code>NotImplemented</Code><Message>${message}</Message></Error>`;
  return answer(answering, 400, `<ErrorResponse>${error}</ErrorResponse>`, { "content-type": "text/xml" });
}

/** A good answer. */
export function goodAnswer(answering: Answering, output: unknown): Response {
  return answer(answering, 200, JSON.stringify(output));
}

/** An error as SQS answers it. */
export function faultAnswer(answering: Answering, fault: SqsFault): Response {
  const side = fault.status >= 500 ? "Receiver" : "Sender";
  return answer(answering, fault.status, JSON.stringify({ __type: fault.type, message: fault.message }), {
    "x-amzn-query-error": `${fault.queryCode};${side}`,
  });
}

/** Any answer, with the headers that all have. */
export function answer(
  { now, random }: Answering,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(body, {
    status,
    headers: {
      "content-type": "application/x-amz-json-1.0",
      "x-amzn-requestid": uuidFrom(random),
      date: new Date(now).toUTCString(),
      ...headers,
    },
  });
}
