import { AwsError, type AwsErrorDetails, DashiError } from "../errors.ts";

/**
 * What is known of what no later try mends in a subscription: SNS refused it, or SQS answered with a policy that can't be
 * read or changed. Undefined for what may pass later, and for what SQS says of the queue: that keeps its own class.
 */
export function refusalOf(error: unknown): AwsErrorDetails | undefined {
  if (error instanceof AwsError) return error.service === "sns" && !error.retryable ? error : undefined;
  if (!(error instanceof SyntaxError || error instanceof Error && error.constructor === DashiError)) return undefined;
  return { service: "sqs", action: "GetQueueAttributes", status: 200, awsCode: "InvalidPolicy", retryable: false };
}
