/**
 * A message on the wire, and its attributes.
 *
 * @module
 */

/** A value of an SQS or SNS message attribute, plain: a string, a number, or bytes. */
export type PlainAttributeValue = string | number | bigint | Uint8Array;

/** SQS's typed form of a message attribute. `DataType` is `String`, `Number` or `Binary`, with an optional `.suffix`. */
export interface TypedAttributeValue {
  /** `String`, `Number` or `Binary`, with an optional `.suffix`. */
  readonly DataType: string;
  /** The value of a String or a Number. */
  readonly StringValue?: string | undefined;
  /** Bytes, or their base64 text as on the wire. */
  readonly BinaryValue?: Uint8Array | string | undefined;
}

/** A message attribute that a user passes in. */
export type MessageAttributeInput = PlainAttributeValue | TypedAttributeValue;

/** A message attribute on SQS's JSON wire: bytes in base64. */
export interface WireAttribute {
  /** `String`, `Number` or `Binary`, with an optional `.suffix`. */
  readonly DataType: string;
  /** The value of a string or number. */
  readonly StringValue?: string;
  /** The value of bytes, in base64. */
  readonly BinaryValue?: string;
}

/** A message as SQS's ReceiveMessage gives it. */
export interface SqsMessage {
  /** SQS's id of the message, the same in every receive. */
  readonly MessageId: string;
  /** What settles this receive of the message; it is another in the next one. */
  readonly ReceiptHandle: string;
  /** The body. */
  readonly Body: string;
  /** The MD5 of the body, in hex. */
  readonly MD5OfBody?: string;
  /** The MD5 of the message attributes that were asked for, in hex. */
  readonly MD5OfMessageAttributes?: string;
  /** The system attributes that were asked for. */
  readonly Attributes?: Readonly<Record<string, string>>;
  /** The message attributes that were asked for. */
  readonly MessageAttributes?: Readonly<Record<string, WireAttribute>>;
}
