import { AccessDeniedQueueError, type AwsError, DoesNotExistQueueError, ReceiptExpiredError } from "../errors.ts";
import { type Fault, faultOf, firstLine } from "../http/answer.ts";
import { isRetryable } from "../http/retryable.ts";

/** What SQS said. */
interface Said extends Fault {
  readonly status: number;
  readonly requestId?: string | undefined;
  /** SQS's older name for the code. */
  readonly queryCode?: string;
  /** Whether the same request may succeed later, where its code does not tell. */
  readonly retryable?: boolean;
}

/** The class of error for what SQS said, and what to do about it. */
export function sqsError(action: string, said: Said): AwsError {
  const { status, requestId, awsCode, queryCode = "" } = said;
  const { retryable = isRetryable(status, awsCode) || isRetryable(status, queryCode) } = said;
  // A receipt handle has hundreds of characters, and the reason stands after it.
  const message = firstLine(said.message).replace(/\S{200,}/g, "…");
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

/** Strips what AWS puts before and after an error code: `com.amazonaws.sqs#QueueDoesNotExist:http://…`. */
export function bareCode(code: unknown): string {
  return typeof code === "string" ? firstLine(code).replace(/^(?:.*#)?(?:AWS\.SimpleQueueService\.)?|[:;].*/g, "") : "";
}
