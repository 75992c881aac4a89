import { AwsError, DashiError } from "../errors.ts";

/**
 * True for what no later try mends in a subscription: SNS refused it, or the queue's policy can't be read. What may pass
 * later, and what SQS says of the queue, keeps its own class.
 */
export function isRefusal(error: unknown): error is Error {
  return error instanceof SyntaxError || error instanceof Error && error.constructor === DashiError ||
    error instanceof AwsError && error.service === "sns" && !error.retryable;
}
