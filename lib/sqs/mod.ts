/**
 * SQS's API as data: one pure builder an action. Each gives an unsigned request with the parser of its answer beside
 * it; `sign` and `send` of `@dashi/sqs` do the rest.
 *
 * @example A message there and back
 * ```ts
 * import assert from "node:assert/strict";
 * import { connect, send } from "@dashi/sqs";
 * import { createQueue, receiveMessage, sendMessage } from "@dashi/sqs/sqs";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const broker = connect(memorySqs().connectOptions);
 * const { queueUrl } = await send(broker, createQueue({ queueName: "orders" }));
 * await send(broker, sendMessage({ queueUrl, messageBody: "two bowls" }));
 * const { messages } = await send(broker, receiveMessage({ queueUrl }));
 * assert.equal(messages[0]?.Body, "two bowls");
 * ```
 *
 * @module
 */
export * from "./add_permission.ts";
export type { BatchFailure, BatchOutput } from "./batch.ts";
export * from "./cancel_message_move_task.ts";
export * from "./change_message_visibility.ts";
export * from "./change_message_visibility_batch.ts";
export * from "./create_queue.ts";
export * from "./delete_message.ts";
export * from "./delete_message_batch.ts";
export * from "./delete_queue.ts";
export * from "./get_queue_attributes.ts";
export * from "./get_queue_url.ts";
export * from "./list_dead_letter_source_queues.ts";
export * from "./list_message_move_tasks.ts";
export * from "./list_queue_tags.ts";
export * from "./list_queues.ts";
export type { OutgoingSqsMessage, SentSqsMessage } from "./message.ts";
export * from "./purge_queue.ts";
export type { QueueAttributes } from "./queue.ts";
export * from "./receive_message.ts";
export * from "./remove_permission.ts";
export * from "./send_message.ts";
export * from "./send_message_batch.ts";
export * from "./set_queue_attributes.ts";
export * from "./start_message_move_task.ts";
export * from "./tag_queue.ts";
export * from "./untag_queue.ts";
export type {
  AwsBody,
  AwsRequest,
  MessageAttributeInput,
  PlainAttributeValue,
  Service,
  SqsMessage,
  TypedAttributeValue,
  WireAttribute,
} from "../types.ts";
