/**
 * What every SQS request has in common: AWS's JSON protocol and its errors.
 *
 * @module
 */
import type * as v from "valibot";
import { AccessDeniedQueueError, type AwsError, DoesNotExistQueueError, ReceiptExpiredError } from "../errors.ts";
import { badAnswer, type Fault, faultOf, idsOf, readJson } from "../http/answer.ts";
import { isRetryable } from "../http/retryable.ts";
import type { AwsRequest, StandardSchemaV1 } from "../types.ts";

/** The input of an action: fields that are undefined are left out. */
type Input = { readonly QueueUrl?: string; readonly SourceArn?: string } & Readonly<Record<string, unknown>>;

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
    target: input.QueueUrl ?? input.SourceArn,
    async parse(response) {
      const json = await readJson(
        response,
        asked,
        (fault) => sqsError(action, idsOf(response), fault),
        !schema,
      );
      if (!schema) return;
      // As Standard Schema has it, since all of valibot's own way would be in the bundle, too.
      const { issues } = schema["~standard"].validate(json) as StandardSchemaV1.Result<unknown>;
      if (issues) throw badAnswer(asked, response, `its '${issues[0].message}' is not what SQS answers`);
      return read!(json);
    },
  };
}

/**
 * The class of error for what SQS said, and what to do about it.
 *
 * @param fault The code of the JSON protocol, SQS's older name for it, and its message.
 */
export function sqsError(
  action: string,
  answer: { readonly status: number; readonly requestId?: string; readonly retryable?: boolean },
  fault: Fault & { readonly queryCode?: string },
): AwsError {
  const { awsCode, queryCode = "" } = fault;
  const { status, requestId, retryable = isRetryable(status, awsCode) || isRetryable(status, queryCode) } = answer;
  // A receipt handle has hundreds of characters, and the reason stands after it.
  const message = fault.message.replace(/\S{200,}/g, "…");
  const [, advice, Class] =
    ADVICE.find(([code, , , text]) => (code.test(awsCode) || code.test(queryCode)) && (!text || text.test(message))) ??
      [];
  const says = `failed with ${awsCode}: ${message}${
    advice ? ` (${advice.replace("%", action.replace(/Batch$/, ""))})` : ""
  }`;
  return faultOf({ service: "sqs", action }, says, awsCode, { status, requestId, retryable }, undefined, Class);
}

const RECEIPT = "the message is visible again, gone, or was received by another consumer since";

/** By error code: what to do, the class, and what the message must speak of. */
const ADVICE: readonly [RegExp, string, (typeof AwsError)?, RegExp?][] = [
  [
    /NonExistentQueue|QueueDoesNotExist/,
    "'createMissing' or declareQueue() makes it, and 'region' and the account must be the queue's",
    DoesNotExistQueueError,
  ],
  [
    /^KmsAccessDenied/,
    "the credentials need kms:GenerateDataKey and kms:Decrypt on the queue's key",
    AccessDeniedQueueError,
  ],
  [/^(AccessDenied|NotAuthorized)/, "the credentials need sqs:% on this queue", AccessDeniedQueueError],
  [/ReceiptHandleIsInvalid|MessageNotInflight/, RECEIPT, ReceiptExpiredError],
  [/^InvalidParameterValue/, RECEIPT, ReceiptExpiredError, /receipt ?handle/i],
  [/^InvalidParameterValue/, "s3Payloads() as 'payloads' of connect() stores larger ones", undefined, /shorter than/],
  [/^(ExpiredToken|TokenRefresh)/, "the session token is over; a provider such as defaultChain() renews it"],
  [
    /UnrecognizedClient|InvalidClientTokenId|InvalidAccessKeyId|AuthenticationToken|Signature|^OptInRequired/,
    "check the access key, its secret, the session token and this machine's clock",
  ],
  [/QueueNameExists|QueueAlreadyExists/, "it has other attributes, which setQueueAttributes() changes"],
];
