import type { AwsRequest, SqsMessage, WireAttribute } from "../types.ts";
import { answer, fields, type Kind, listOf, maybe, recordOf, text } from "./answer.ts";
import type { ReceiveMessageOutput } from "./receive_message.ts";
import { sqsRequest } from "./request.ts";

const isTextOrNone = (value: unknown): boolean => value === undefined || typeof value === "string";
const attribute: Kind<WireAttribute> = (value) =>
  typeof value?.DataType === "string" && isTextOrNone(value.StringValue) && isTextOrNone(value.BinaryValue)
    ? undefined
    : [];
const Answer = /* @__PURE__ */ (() =>
  answer({
    Messages: maybe(listOf(fields({
      MessageId: text,
      // An empty one can't be settled, and would fail the whole batch of others.
      ReceiptHandle: (handle) => handle === "" ? [] : text(handle),
      Body: text,
      MD5OfBody: maybe(text),
      MD5OfMessageAttributes: maybe(text),
      Attributes: maybe(recordOf(text)),
      MessageAttributes: maybe(recordOf(attribute)),
    }))),
  }))();

/** A request that receives messages, its input as SQS wants it. */
export function receiveChecked(
  input: { readonly QueueUrl: string; readonly WaitTimeSeconds: number } & Readonly<Record<string, unknown>>,
): AwsRequest<ReceiveMessageOutput> {
  const read = ({ Messages }: { readonly Messages?: unknown }) => ({ messages: (Messages ?? []) as SqsMessage[] });
  return { ...sqsRequest("ReceiveMessage", input, Answer, read), wait: input.WaitTimeSeconds };
}
