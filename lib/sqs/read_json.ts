import { type Asked, badAnswer, CHECK, idsOf, REDIRECT } from "../http/answer.ts";
import { bareCode, sqsError } from "./sqs_error.ts";

/**
 * Reads an answer of AWS's JSON protocol.
 *
 * @returns The parsed body of a good answer.
 * @throws {AwsError} For an error answer, of its own class; for HTML, nothing or half of a body, as not readable.
 */
export async function readJson(
  response: Response,
  asked: Asked,
  mayBeEmpty: boolean,
): Promise<unknown> {
  const { ok, status, headers } = response;
  const text = await response.text();
  let json: unknown;
  try {
    // An action without output may be answered with no body; from any other, nothing is not an empty answer.
    json = text === "" && ok && mayBeEmpty ? {} : JSON.parse(text);
  } catch {
    // The runtime's own words may repeat what the answer holds.
    if (ok) throw badAnswer(asked, response, describe(text));
  }
  if (ok) return json;
  const { __type, code, message: said, Message = said } = (json ?? {}) as Record<string, unknown>;
  const queryCode = bareCode(headers.get("x-amzn-query-error"));
  const awsCode = bareCode(__type) || bareCode(code) || queryCode || bareCode(headers.get("x-amzn-errortype")) ||
    `Http${status}`;
  const message = typeof Message === "string"
    ? Message
    : status >= 300 && status < 400
    ? `it is a redirect, ${REDIRECT}`
    : json
    ? "no message"
    : `${describe(text)}: ${CHECK}`;
  throw sqsError(asked.action, { ...idsOf(response), awsCode, message, queryCode });
}

/** Says what a body is that should have been JSON, without repeating it. */
function describe(text: string): string {
  if (text === "") return "it is empty";
  if (/^\s*<(?:!doctype|html)/i.test(text)) return "it is an HTML page";
  return /^\s*</.test(text) ? "it is XML" : "it is not whole JSON";
}
