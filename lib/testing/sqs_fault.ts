/** SQS's older names of its errors, where they are not the same: what stands in `x-amzn-query-error`. */
const QUERY_CODES: Readonly<Record<string, string>> = {
  QueueDoesNotExist: "AWS.SimpleQueueService.NonExistentQueue",
  QueueNameExists: "QueueAlreadyExists",
  InvalidParameterValueException: "InvalidParameterValue",
  MissingRequiredParameterException: "MissingParameter",
  UnknownOperationException: "InvalidAction",
};

/** Errors whose older name is the new one with a prefix. */
const PREFIXED =
  /^(?:BatchEntryIdsNotDistinct|BatchRequestTooLong|EmptyBatchRequest|InvalidBatchEntryId|MessageNotInflight|PurgeQueueInProgress|QueueDeletedRecently|TooManyEntriesInBatchRequest|UnsupportedOperation)$/;

/** Errors that are no 400. */
const STATUSES: Readonly<Record<string, number>> = {
  PurgeQueueInProgress: 403,
  ResourceNotFoundException: 404,
  UnknownOperationException: 404,
};

/** Errors that come from AWS's framework and not from SQS: their type has another namespace. */
const FRAMEWORK = /Exception$/;

/** An error as SQS answers it. */
export class SqsFault extends Error {
  override readonly name = "SqsFault";
  /** The code of the JSON protocol, without its namespace. */
  readonly awsCode: string;
  /** The HTTP status. */
  readonly status: number;

  /** Makes one from its code and message. */
  constructor(awsCode: string, message: string, status = STATUSES[awsCode] ?? 400) {
    super(message);
    this.awsCode = awsCode;
    this.status = status;
  }

  /** The code with its namespace, as it stands in `__type`. */
  get type(): string {
    if (this.awsCode.includes("#")) return this.awsCode;
    const own = !FRAMEWORK.test(this.awsCode) || this.awsCode === "ResourceNotFoundException";
    return `${own ? "com.amazonaws.sqs" : "com.amazon.coral.service"}#${this.awsCode}`;
  }

  /** The code of the older query protocol, which batch entries carry too. */
  get queryCode(): string {
    const code = this.awsCode.replace(/^.*#/, "");
    return QUERY_CODES[code] ?? (PREFIXED.test(code) ? `AWS.SimpleQueueService.${code}` : code);
  }
}

/** The error for a parameter with a value that SQS does not take. */
export function invalidValue(parameter: string, value: unknown, reason: string): SqsFault {
  return new SqsFault(
    "InvalidParameterValueException",
    `Value ${value} for parameter ${parameter} is invalid. Reason: ${reason}`,
  );
}

/** The error for a value of a queue's attribute. */
export function invalidAttribute(name: string, reason?: string): SqsFault {
  const why = reason === undefined ? "" : ` Reason: ${reason}`;
  return new SqsFault("InvalidAttributeValue", `Invalid value for the parameter ${name}.${why}`);
}

/** The error for parameters that do not go together. */
export function invalid(message: string): SqsFault {
  return new SqsFault("InvalidParameterValueException", message);
}

/** The error for a parameter that is not there. */
export function missing(parameter: string): SqsFault {
  return new SqsFault(
    "MissingRequiredParameterException",
    `The request must contain the parameter ${parameter}.`,
  );
}
