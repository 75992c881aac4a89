/**
 * What every SQS request has in common: AWS's JSON protocol and its errors.
 *
 * @module
 */
import * as v from "valibot";
import { AccessDeniedQueueError, AwsError, DoesNotExistQueueError, ReceiptExpiredError } from "../errors.ts";
import { badAnswer, type Fault, readJson, requestIdOf } from "../http/answer.ts";
import { isRetryable } from "../http/retryable.ts";
import type { AwsRequest } from "../types.ts";

/** The input of an action: fields that are undefined are left out. */
type Input = { readonly QueueUrl?: string } & Readonly<Record<string, unknown>>;

/**
 * Builds a request of SQS's JSON protocol.
 *
 * @param action The API action.
 * @param input The JSON input.
 * @param schema What a good answer must look like; without it the action has no output.
 * @param read Makes the output of a good answer.
 */
export function sqsRequest(action: string, input: Input): AwsRequest<void>;
export function sqsRequest<Schema extends v.GenericSchema, Output>(
  action: string,
  input: Input,
  schema: Schema,
  read: (answer: v.InferOutput<Schema>) => Output,
): AwsRequest<Output>;
export function sqsRequest(
  action: string,
  input: Input,
  schema?: v.GenericSchema,
  read?: (answer: unknown) => unknown,
): AwsRequest<unknown> {
  const asked = { service: "sqs", action } as const;
  return {
    ...asked,
    method: "POST",
    path: "/",
    query: {},
    headers: { "content-type": "application/x-amz-json-1.0", "x-amz-target": `AmazonSQS.${action}` },
    body: JSON.stringify(input),
    target: input.QueueUrl,
    async parse(response) {
      const json = await readJson(response, asked, (fault) => sqsError(action, response, fault), !schema);
      if (!schema) return;
      const checked = v.safeParse(schema, json);
      if (!checked.success) {
        throw badAnswer(asked, response, `its '${v.getDotPath(checked.issues[0]) ?? ""}' is not what SQS answers`);
      }
      return read!(checked.output);
    },
  };
}

const DENIED =
  /^(?:AccessDenied.*|.*UnrecognizedClient.*|InvalidClientTokenId|InvalidAccessKeyId|MissingAuthenticationToken.*|NotAuthorized.*|OptInRequired|KmsAccessDenied)$/;

/**
 * The class of error for what SQS said, and what to do about it.
 *
 * @param fault The code of the JSON protocol, SQS's older name for it, and its message.
 */
export function sqsError(
  action: string,
  response: Response,
  fault: Fault & { readonly queryCode?: string },
): AwsError {
  const { awsCode, message, queryCode = "" } = fault;
  const codes = [awsCode, queryCode];
  let Class = AwsError;
  let advice = "";
  if (codes.some((code) => /NonExistentQueue$|QueueDoesNotExist$/.test(code))) {
    Class = DoesNotExistQueueError;
    advice = ": declareQueue() makes it, and 'region' and the account must be the queue's";
  } else if (codes.some((code) => DENIED.test(code))) {
    Class = AccessDeniedQueueError;
    advice = `: the credentials need sqs:${action.replace(/Batch$/, "")} on this queue`;
  } else if (
    codes.some((code) => /ReceiptHandleIsInvalid$|MessageNotInflight$/.test(code)) ||
    (/InvalidParameterValue/.test(codes.join()) && /receipt ?handle/i.test(message))
  ) {
    Class = ReceiptExpiredError;
    advice = ": the message is visible again or was received by another consumer since";
  }
  return new Class(`sqs ${action} failed with ${awsCode}: ${message}${advice}`, {
    service: "sqs",
    action,
    status: response.status,
    awsCode,
    requestId: requestIdOf(response),
    retryable: codes.some((code) => isRetryable(response.status, code)),
  });
}
