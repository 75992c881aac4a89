/**
 * SNS's API as data, as far as fanout exchanges need it: one pure builder an action. Each gives an unsigned request with
 * the parser of its answer beside it; `sign` and `send` of `@dashi/sqs` do the rest.
 *
 * @example A topic and its message
 * ```ts
 * import assert from "node:assert/strict";
 * import { sign } from "@dashi/sqs";
 * import { publish } from "@dashi/sqs/sns";
 *
 * const request = publish({ topicArn: "arn:aws:sns:eu-west-1:123456789012:news", message: "soup is ready" });
 * const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" };
 * const signed = await sign(request, { region: "eu-west-1", credentials });
 * assert.equal(signed.url, "https://sns.eu-west-1.amazonaws.com/");
 * ```
 *
 * @module
 */
export * from "./create_topic.ts";
export * from "./delete_topic.ts";
export * from "./get_topic_attributes.ts";
export * from "./list_subscriptions_by_topic.ts";
export type { OutgoingSnsMessage, SentSnsMessage } from "./message.ts";
export * from "./publish.ts";
export * from "./publish_batch.ts";
export * from "./set_subscription_attributes.ts";
export * from "./subscribe.ts";
export * from "./unsubscribe.ts";
export type {
  AwsBody,
  AwsRequest,
  MessageAttributeInput,
  PlainAttributeValue,
  Service,
  TypedAttributeValue,
  WireAttribute,
} from "../types.ts";
