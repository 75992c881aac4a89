/**
 * The errors for answers that are errors, that can't be read, or that never came.
 *
 * @module
 */
import { AwsError, type AwsErrorDetails } from "../errors.ts";
import type { Service } from "../types.ts";
import { isRetryable } from "./retryable.ts";

/** What an error says of a redirect. It can't be followed: a signature is good for one host. */
export const REDIRECT = "which is never followed: check 'endpoint' and 'region'";

/** The advice for an answer that no AWS service gives. */
export const CHECK = "check that 'endpoint' is that of an AWS service";

/**
 * What an error may repeat of a server's words: the first line, as a message on a wrong signature goes on with the whole
 * request that was signed, session token and all; and no more of it than 1,000 characters, as a log has to take it.
 */
export function firstLine(words: string): string {
  return /.{0,1000}/.exec(words)![0];
}

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

/** What identifies an answer: its status, and AWS's id of the request. */
export function idsOf({ status, headers }: Response): { status: number; requestId: string | undefined } {
  return { status, requestId: headers.get("x-amzn-requestid") ?? headers.get("x-amz-request-id") ?? undefined };
}

/** An `AwsError` about a request. By default it is one without an answer (status 0) that may succeed later. */
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

/** The error for an answer that can't be read. It is retryable: the next try may bring a whole one. */
export function badAnswer(asked: Asked, response: Response, what: string): AwsError {
  const says = `gave an answer that can't be read as ${what} (status ${response.status}): ${CHECK}`;
  return faultOf(asked, says, "InvalidAnswer", idsOf(response));
}

/** The `AwsError` for an error that a service answered with. */
export function awsError(asked: Asked, response: Response, { awsCode, message }: Fault): AwsError {
  const details = { ...idsOf(response), retryable: isRetryable(response.status, awsCode) };
  return faultOf(asked, `failed with ${awsCode}: ${message}`, awsCode, details);
}
