/**
 * Celery's tasks: called from TypeScript, and run in TypeScript, on the queues that Python's workers use.
 *
 * @example Call a task, and run it
 * ```ts
 * import { connect, declareQueue } from "@dashi/sqs";
 * import { sendTask, serveTasks, task } from "@dashi/sqs/celery";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const broker = connect(memorySqs().connectOptions); // a real one is connect({ region: "eu-west-1" })
 * await declareQueue(broker, "celery");
 *
 * const add = task<[x: number, y: number], number>("app.add");
 * const call = await sendTask(broker, add(2, 3), { expires: 3600 });
 * console.log(call.id); // s3Results({ bucket }).get(call) waits for what it returns
 *
 * const worker = serveTasks(broker, [add.serve((task, x, y) => x + y)], { untilEmpty: true, waitTimeSeconds: 0 });
 * await worker.closed;
 * ```
 *
 * @module
 */
export { chain } from "./chain.ts";
export { group, type ResultOf, type ResultsOf } from "./group.ts";
export { retry, type RetryOptions } from "./retry.ts";
export { sendTask } from "./send_task.ts";
export { serveTasks, type ServeTasksOptions, type TaskWorker } from "./serve_tasks.ts";
export { signature } from "./signature.ts";
export { type Rest, type Task, task, type TaskOptions } from "./task.ts";
export type {
  CallOf,
  ChainTo,
  Group,
  GroupCall,
  GroupChain,
  SendOptions,
  SendTaskOptions,
  ServedTask,
  Signature,
  SignatureOptions,
  TaskCall,
  TaskContext,
  TaskHandler,
  TaskSettings,
} from "./types.ts";
export type * from "../types.ts";
export type { Delivery, DeliveryParts } from "../consume/delivery.ts";
export type { Backoff, Queues, QueueSource, ReceiveOptions } from "../consume/options.ts";
