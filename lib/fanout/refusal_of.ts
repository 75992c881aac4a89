import { AwsError, type AwsErrorDetails, DashiError } from "../errors.ts";

/**
 * The details of a failure that no later try mends: SNS refused the subscription, or the queue's policy can't be read or
 * changed. Undefined for one that may pass later, and for what SQS says of the queue, whose errors keep their class.
 */
export function refusalOf(error: unknown): AwsErrorDetails | undefined {
  if (error instanceof AwsError) return error.service === "sns" && !error.retryable ? error : undefined;
  if (!(error instanceof SyntaxError || error instanceof Error && error.constructor === DashiError)) return undefined;
  return { service: "sqs", action: "GetQueueAttributes", status: 200, awsCode: "InvalidPolicy", retryable: false };
}
