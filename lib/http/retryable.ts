/**
 * Which failures a second try may mend: by AWS's error code first, as throttling comes as an ordinary 400.
 *
 * @module
 */

const RETRYABLE =
  /Throttl|^(?:Request(?:Timeout|LimitExceeded)|TooManyRequests|SlowDown|OverLimit|BandwidthLimit|PriorRequest|TransactionInProgress|Internal|ServiceUnavailable|IDPCommunication|OperationAborted|Conflict|QueueDeleted)/;

/** True if the same request may succeed later. */
export function isRetryable(status: number, awsCode: string): boolean {
  return status === 0 || status === 408 || status === 429 || status >= 500 || RETRYABLE.test(awsCode);
}

/** True if the keys have expired, which new keys mend. */
export function isExpired(awsCode: string): boolean {
  return /^(?:ExpiredToken|TokenRefresh)/.test(awsCode);
}

/** True if our clock may be the cause: a signature error is one only when it speaks of time. */
export function isSkewed(awsCode: string, message: string): boolean {
  return /^Request(?:TimeTooSkewed|InTheFuture|Expired)/.test(awsCode) ||
    /^(?:SignatureDoesNotMatch|InvalidSignature)/.test(awsCode) && /expired|not yet current|too skewed/i.test(message);
}

/** Full jitter: a random wait, in seconds, below a bound that doubles with each failure. */
export function backoffSeconds(failures: number, random: () => number, base = 0.1, most = 20): number {
  return random() * Math.min(most, base * 2 ** failures);
}
