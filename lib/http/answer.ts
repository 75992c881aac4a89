/**
 * Reads answers of AWS's JSON protocol.
 *
 * @module
 */
import { AwsError } from "../errors.ts";
import type { Service } from "../types.ts";
import { isRetryable } from "./retryable.ts";

/** What is said of a redirect: a signature is good for one host. */
export const REDIRECT = "which is never followed: check 'endpoint' and 'region'";

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

/** AWS's id of the request. */
export function requestIdOf(response: Response): string | undefined {
  const { headers } = response;
  return headers.get("x-amzn-requestid") ?? headers.get("x-amz-request-id") ?? undefined;
}

/** The error for an answer that can't be understood: one try more may bring a whole one. */
export function badAnswer(
  asked: Asked,
  response: Response,
  what: string,
  options?: ErrorOptions,
): AwsError {
  const { service, action } = asked;
  return new AwsError(
    `Cannot read the answer to ${service} ${action} as ${what} (status ${response.status}): ` +
      "check that 'endpoint' is that of an AWS service",
    {
      service,
      action,
      status: response.status,
      awsCode: "InvalidAnswer",
      requestId: requestIdOf(response),
      retryable: true,
    },
    options,
  );
}

/** The `AwsError` for an answer with an error in it. */
export function awsError(asked: Asked, response: Response, fault: Fault): AwsError {
  const { service, action } = asked;
  const { awsCode } = fault;
  return new AwsError(`${service} ${action} failed with ${awsCode}: ${fault.message}`, {
    service,
    action,
    status: response.status,
    awsCode,
    requestId: requestIdOf(response),
    retryable: isRetryable(response.status, awsCode),
  });
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
  const text = await response.text();
  let json: unknown;
  try {
    // An action without output may be answered with no body; from any other, nothing is not an empty answer.
    json = text === "" && response.ok && mayBeEmpty ? {} : JSON.parse(text);
  } catch (cause) {
    if (response.ok) {
      throw badAnswer(asked, response, describe(text), { cause });
    }
  }
  if (response.ok) return json;
  const fields = (json ?? {}) as Record<string, unknown>;
  const queryCode = bareCode(response.headers.get("x-amzn-query-error"));
  const awsCode = bareCode(fields.__type) || bareCode(fields.code) || queryCode ||
    bareCode(response.headers.get("x-amzn-errortype")) || `Http${response.status}`;
  const said = fields.message ?? fields.Message;
  // After its first line a message on a wrong signature repeats the request that was signed, session token and all.
  const message = typeof said === "string"
    ? said.replace(/\n.*/s, "")
    : response.status >= 300 && response.status < 400
    ? `it is a redirect, ${REDIRECT}`
    : json
    ? "no message"
    : `${describe(text)}, so check that 'endpoint' is that of an AWS service`;
  throw toError({ awsCode, message, queryCode });
}

/** Says what a body is that should have been JSON, without repeating it. */
function describe(text: string): string {
  if (text === "") return "it is empty";
  if (/^\s*<(?:!doctype|html)/i.test(text)) return "it is an HTML page";
  return /^\s*</.test(text) ? "it is XML" : "it is not whole JSON";
}
