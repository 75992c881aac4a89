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
 * The answer to a request without X-Amz-Target, so for another service, as one `fetch` is all that a broker has: an error
 * in XML, as SNS, S3 and STS write theirs, that nobody tries again.
 */
export function foreignAnswer(answering: Answering): Response {
  const error = "<Code>NotImplemented</Code><Message>memorySqs() is no SNS, S3 or STS: pass a stub of 'fanout', " +
    "'payloads', 'results' or 'credentials'</Message>";
  return answer(answering, 400, `<Error>${error}</Error>`);
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
