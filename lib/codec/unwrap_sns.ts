import type { PlainAttributeValue } from "../types.ts";
import { fromWireAttributes } from "./attributes.ts";

/** What an SNS notification holds, as far as it is looked at. */
interface Notification {
  readonly Type?: unknown;
  readonly TopicArn?: unknown;
  readonly MessageId?: unknown;
  readonly Message?: unknown;
  readonly MessageAttributes?: Readonly<Record<string, { readonly Type: string; readonly Value: string }>>;
}

/**
 * Takes a message out of the envelope that SNS puts around it where raw delivery is off.
 *
 * @param body The body as SQS gave it.
 * @returns The message and its attributes; undefined for a body that is no notification.
 * @see {@link https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html}
 */
export function unwrapSns(
  body: string,
): { body: string; messageAttributes: Record<string, PlainAttributeValue> } | undefined {
  if (!/^\s*\{/.test(body) || !body.includes('"TopicArn"')) return undefined;
  try {
    const { Type, TopicArn, MessageId, Message, MessageAttributes = {} }: Notification = JSON.parse(body);
    if (
      Type !== "Notification" || !/^arn:/.test(TopicArn as string) || !MessageId || typeof Message !== "string"
    ) return undefined;
    const wire = Object.entries(MessageAttributes).map(([name, { Type, Value }]) => [
      name,
      { DataType: Type, StringValue: Value, BinaryValue: Value },
    ]);
    return { body: Message, messageAttributes: fromWireAttributes(Object.fromEntries(wire)) };
  } catch {
    return undefined;
  }
}
