/**
 * Reads answers of AWS's JSON protocol.
 *
 * @module
 */
import { AwsError, type AwsErrorDetails } from "../errors.ts";
import type { Service } from "../types.ts";
import { isRetryable } from "./retryable.ts";

/** What is said of a redirect: a signature is good for one host. */
export const REDIRECT = "which is never followed: check 'endpoint' and 'region'";

const CHECK = "check that 'endpoint' is that of an AWS service";

/** What an error answer said. */
export interface Fault {
  readonly awsCode: string;
  readonly message: string;
}

/** Which action of which service a response answers. */
export interface Asked {
  readonly service: Service;
  readonly action: string;
}

/** What tells an answer from others: its status, and AWS's id of the request. */
export function idsOf({ status, headers }: Response): { status: number; requestId: string | undefined } {
  return { status, requestId: headers.get("x-amzn-requestid") ?? headers.get("x-amz-request-id") ?? undefined };
}

/** An `AwsError` on a request. Without details no answer came, and the same request may succeed later. */
export function faultOf(
  { service, action }: Asked,
  says: string,
  awsCode: string,
  details?: Partial<AwsErrorDetails>,
  options?: ErrorOptions,
  Class: typeof AwsError = AwsError,
): AwsError {
  return new Class(
    `${service} ${action} ${says}`,
    { service, action, status: 0, awsCode, retryable: true, ...details },
    options,
  );
}

/** The error for an answer that can't be understood: one try more may bring a whole one. */
export function badAnswer(asked: Asked, response: Response, what: string, options?: ErrorOptions): AwsError {
  const says = `gave an answer that can't be read as ${what} (status ${response.status}): ${CHECK}`;
  return faultOf(asked, says, "InvalidAnswer", idsOf(response), options);
}

/** The `AwsError` for an answer with an error in it. */
export function awsError(asked: Asked, response: Response, { awsCode, message }: Fault): AwsError {
  const details = { ...idsOf(response), retryable: isRetryable(response.status, awsCode) };
  return faultOf(asked, `failed with ${awsCode}: ${message}`, awsCode, details);
}

/** Strips what AWS puts before and after an error code: `com.amazonaws.sqs#QueueDoesNotExist:http://…`. */
function bareCode(code: unknown): string {
  return typeof code === "string"
    ? code.replace(/^(?:.*#)?(?:AWS\.SimpleQueueService\.)?/, "").replace(/[:;].*$/s, "")
    : "";
}

/**
 * Reads a JSON answer.
 *
 * @returns The parsed body of a good answer.
 * @throws {AwsError} For an error answer, made by `toError`; for HTML, nothing or half of a body, as not readable.
 */
export async function readJson(
  response: Response,
  asked: Asked,
  toError: (fault: Fault & { queryCode: string }) => Error,
  mayBeEmpty = false,
): Promise<unknown> {
  const { ok, status, headers } = response;
  const text = await response.text();
  let json: unknown;
  try {
    // An action without output may be answered with no body; from any other, nothing is not an empty answer.
    json = text === "" && ok && mayBeEmpty ? {} : JSON.parse(text);
  } catch (cause) {
    if (ok) throw badAnswer(asked, response, describe(text), { cause });
  }
  if (ok) return json;
  const { __type, code, message: said, Message = said } = (json ?? {}) as Record<string, unknown>;
  const queryCode = bareCode(headers.get("x-amzn-query-error"));
  const awsCode = bareCode(__type) || bareCode(code) || queryCode || bareCode(headers.get("x-amzn-errortype")) ||
    `Http${status}`;
  // After its first line a message on a wrong signature repeats the request that was signed, session token and all.
  const message = typeof Message === "string"
    ? Message.replace(/\n.*/s, "")
    : status >= 300 && status < 400
    ? `it is a redirect, ${REDIRECT}`
    : json
    ? "no message"
    : `${describe(text)}: ${CHECK}`;
  throw toError({ awsCode, message, queryCode });
}

/** Says what a body is that should have been JSON, without repeating it. */
function describe(text: string): string {
  if (text === "") return "it is empty";
  if (/^\s*<(?:!doctype|html)/i.test(text)) return "it is an HTML page";
  return /^\s*</.test(text) ? "it is XML" : "it is not whole JSON";
}
