import type { Action } from "./model.ts";
import * as moveTasks from "./actions/move_tasks.ts";
import { addPermission, removePermission } from "./actions/permissions.ts";
import * as queues from "./actions/queues.ts";
import { receiveMessage } from "./actions/receive.ts";
import { sendMessage, sendMessageBatch } from "./actions/send.ts";
import * as settle from "./actions/settle.ts";
import { listQueueTags, tagQueue, untagQueue } from "./actions/tags.ts";

/** SQS's actions by name. */
export const ACTIONS: Readonly<Record<string, Action>> = {
  AddPermission: addPermission,
  CancelMessageMoveTask: moveTasks.cancelMessageMoveTask,
  ChangeMessageVisibility: settle.changeMessageVisibility,
  ChangeMessageVisibilityBatch: settle.changeMessageVisibilityBatch,
  CreateQueue: queues.createQueue,
  DeleteMessage: settle.deleteMessage,
  DeleteMessageBatch: settle.deleteMessageBatch,
  DeleteQueue: queues.deleteQueue,
  GetQueueAttributes: queues.getQueueAttributes,
  GetQueueUrl: queues.getQueueUrl,
  ListDeadLetterSourceQueues: queues.listDeadLetterSourceQueues,
  ListMessageMoveTasks: moveTasks.listMessageMoveTasks,
  ListQueues: queues.listQueues,
  ListQueueTags: listQueueTags,
  PurgeQueue: queues.purgeQueue,
  ReceiveMessage: receiveMessage,
  RemovePermission: removePermission,
  SendMessage: sendMessage,
  SendMessageBatch: sendMessageBatch,
  SetQueueAttributes: queues.setQueueAttributes,
  StartMessageMoveTask: moveTasks.startMessageMoveTask,
  TagQueue: tagQueue,
  UntagQueue: untagQueue,
};
