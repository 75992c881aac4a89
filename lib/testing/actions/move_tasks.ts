import { type Input, optionalInteger, optionalText, text } from "../input.ts";
import type { StoredMessage } from "../message.ts";
import { type Model, type MoveTask, nextSequenceNumber, queueByArn } from "../model.ts";
import { addMessage, hideMessage, type QueueState, removeMessage, takeable } from "../queue.ts";
import { redriveOf } from "../queue_policies.ts";
import { uuidFrom } from "../random.ts";
import { invalid, SqsFault } from "../sqs_fault.ts";

/** Messages a second of a task that names no rate: as many as a task may name. */
const FULL_RATE = 500;

/** StartMessageMoveTask: the first messages move a second later. */
export function startMessageMoveTask(model: Model, input: Input): unknown {
  const sourceArn = text(input, "SourceArn");
  const destinationArn = optionalText(input, "DestinationArn");
  const rate = optionalInteger(input, "MaxNumberOfMessagesPerSecond", 1, 500);
  const source = existing(model, "SourceArn", sourceArn);
  const destination = destinationArn === undefined ? source : existing(model, "DestinationArn", destinationArn);
  if (destinationArn === sourceArn) throw invalid("Source queue arn and destination queue arn cannot be the same.");
  if (destination.fifo !== source.fifo) {
    throw invalid("The source queue and destination queue must be of the same queue type.");
  }
  if (![...model.queues.values()].some((queue) => redriveOf(queue)?.deadLetterTargetArn === sourceArn)) {
    throw invalid("Source queue must be configured as a Dead Letter Queue.");
  }
  if (model.moveTasks.some((task) => task.sourceArn === sourceArn && task.status === "RUNNING")) {
    throw invalid(
      "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
    );
  }
  const task: MoveTask = {
    handle: btoa(JSON.stringify({ taskId: uuidFrom(model.random), sourceArn })),
    sourceArn,
    destinationArn,
    rate,
    toMove: source.messages.size,
    startedAt: model.timeline.now(),
    status: "RUNNING",
    moved: 0,
    stop: () => {},
  };
  model.moveTasks.unshift(task);
  schedule(model, task);
  return { TaskHandle: task.handle };
}

/** CancelMessageMoveTask: what was moved stays moved. */
export function cancelMessageMoveTask(model: Model, input: Input): unknown {
  const handle = text(input, "TaskHandle");
  existing(model, "SourceArn", sourceIn(handle));
  const task = model.moveTasks.find((task) => task.handle === handle);
  if (!task) throw new SqsFault("ResourceNotFoundException", "Task does not exist.");
  if (task.status !== "RUNNING") throw invalid("Only active tasks can be cancelled.");
  task.status = "CANCELLED";
  task.stop();
  return { ApproximateNumberOfMessagesMoved: task.moved };
}

/** ListMessageMoveTasks: the newest first, with a handle only while it runs. */
export function listMessageMoveTasks(model: Model, input: Input): unknown {
  const sourceArn = text(input, "SourceArn");
  const most = optionalInteger(input, "MaxResults", 1, 10) ?? 1;
  existing(model, "SourceArn", sourceArn);
  const tasks = model.moveTasks.filter((task) => task.sourceArn === sourceArn).slice(0, most);
  return {
    Results: tasks.map((task) => ({
      TaskHandle: task.status === "RUNNING" ? task.handle : undefined,
      Status: task.status,
      SourceArn: task.sourceArn,
      DestinationArn: task.destinationArn,
      MaxNumberOfMessagesPerSecond: task.rate,
      ApproximateNumberOfMessagesMoved: task.moved,
      ApproximateNumberOfMessagesToMove: task.toMove,
      FailureReason: task.failureReason,
      StartedTimestamp: task.startedAt,
    })),
  };
}

/** The ARN that a handle speaks of. */
function sourceIn(handle: string): string {
  try {
    return JSON.parse(atob(handle)).sourceArn;
  } catch {
    throw invalid("Value for parameter TaskHandle is invalid.");
  }
}

function existing(model: Model, parameter: string, arn: string): QueueState {
  if (!/^arn(?::[^:]*){5}$/.test(arn)) {
    throw invalid(
      `You must use this format to specify the ${parameter}: arn:<partition>:<service>:<region>:<account-id>:<resource-id>`,
    );
  }
  const queue = queueByArn(model, arn);
  if (queue) return queue;
  throw new SqsFault(
    "ResourceNotFoundException",
    `The resource that you specified for the ${parameter} parameter doesn't exist.`,
  );
}

function schedule(model: Model, task: MoveTask): void {
  const label = `a message move task from ${task.sourceArn}`;
  task.stop = model.timeline.at(model.timeline.now() + 1000, label, true, () => step(model, task));
}

/** Moves a second's worth of messages. */
function step(model: Model, task: MoveTask): void {
  const source = queueByArn(model, task.sourceArn);
  if (!source) return fail(task, "AWS.SimpleQueueService.NonExistentQueue");
  let room = Math.min(task.rate ?? FULL_RATE, task.toMove - task.moved);
  if (room > 0) {
    for (const message of takeable(source, model.timeline.now())) {
      const destination = queueByArn(model, task.destinationArn ?? message.sourceArn ?? "");
      if (!destination) {
        hideMessage(source, message, message.visibleAt, model.timeline.now());
        return fail(
          task,
          task.destinationArn ? "AWS.SimpleQueueService.NonExistentQueue" : "CouldNotDetermineMessageSource",
        );
      }
      move(model, source, destination, message);
      task.moved++;
      if (--room === 0) break;
    }
  }
  if (room > 0 || task.moved >= task.toMove) task.status = "COMPLETED";
  else schedule(model, task);
}

function fail(task: MoveTask, reason: string): void {
  task.status = "FAILED";
  task.failureReason = reason;
}

/** A moved message counts as a new one: another id, another age, no receives. */
function move(model: Model, source: QueueState, destination: QueueState, message: StoredMessage): void {
  const now = model.timeline.now();
  removeMessage(source, message);
  addMessage(destination, {
    id: uuidFrom(model.random),
    body: message.body,
    md5: message.md5,
    attributes: message.attributes,
    traceHeader: message.traceHeader,
    groupId: message.groupId,
    deduplicationId: message.deduplicationId,
    sequenceNumber: destination.fifo ? nextSequenceNumber(model) : undefined,
    sentAt: now,
    visibleAt: now,
    inFlight: false,
    receiveCount: 0,
    receivedAt: 0,
    receiveNumber: 0,
    turn: 0,
  }, now);
}
