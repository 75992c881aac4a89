/**
 * Which failures a second try may mend: by AWS's error code first, as throttling comes as an ordinary 400.
 *
 * @module
 */

const RETRYABLE =
  /^(?:.*Throttl.*|RequestTimeout(?:Exception)?|RequestLimitExceeded|TooManyRequests(?:Exception)?|SlowDown|OverLimit|BandwidthLimitExceeded|PriorRequestNotComplete|TransactionInProgressException|InternalError|InternalFailure|InternalErrorException|ServiceUnavailable(?:Exception)?|IDPCommunicationError|OperationAborted|ConflictException)$/;

/** Codes that say that keys are too old, which new keys mend. */
const EXPIRED = /^(?:ExpiredToken(?:Exception)?|TokenRefreshRequired)$/;

/** Codes that say that our clock is off. */
const SKEWED =
  /^(?:RequestTimeTooSkewed|RequestInTheFuture|RequestExpired|SignatureDoesNotMatch|InvalidSignatureException)$/;

/** True if the same request may succeed later. */
export function isRetryable(status: number, awsCode: string): boolean {
  return status === 0 || status === 408 || status === 429 || status >= 500 || RETRYABLE.test(awsCode);
}

/** True if the keys have expired. */
export function isExpired(awsCode: string): boolean {
  return EXPIRED.test(awsCode);
}

/** True if the clock may be the cause: a signature error is one only when it speaks of time. */
export function isSkewed(awsCode: string, message: string): boolean {
  return SKEWED.test(awsCode) &&
    (awsCode.startsWith("Request") || /expired|not yet current|too skewed/i.test(message));
}

/** Full jitter: a random wait, in seconds, below a bound that doubles with each failure. */
export function backoffSeconds(failures: number, random: () => number, base = 0.1, most = 20): number {
  return random() * Math.min(most, base * 2 ** Math.min(failures, 30));
}
