/**
 * Tells whether a body is a pointer of an Amazon SQS Extended Client library: of today's or of the older one. Cheap: it
 * looks at the beginning alone.
 *
 * @param body The body, SNS envelope removed.
 * @returns True for a pointer, whether or not it is well formed.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-s3-messages.html}
 */
export function looksLikePointer(body: string): boolean {
  return /^\s*\[\s*"(?:software\.amazon\.payloadoffloading\.PayloadS3Pointer|com\.amazon\.sqs\.javamessaging\.MessageS3Pointer)"/
    .test(body);
}
