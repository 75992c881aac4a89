/**
 * Every error that this library throws. Each class has a stable `code`; a message says what was wrong, with what, and
 * what to do. None holds a secret.
 *
 * @module
 */
import type { Service } from "./types.ts";

/**
 * The root of all errors of this library.
 *
 * @example Told apart by class or by code
 * ```ts
 * import assert from "node:assert/strict";
 * import { connect, DashiError } from "@dashi/sqs";
 *
 * assert.throws(() => connect({ waitTimeSeconds: 30 }), (error) => {
 *   assert.ok(error instanceof DashiError && error.code === "ERR_DASHI_CONFIG");
 *   assert.match(error.message, /'waitTimeSeconds' as it must be an integer from 0 to 20: current value is 30/);
 *   return true;
 * });
 * ```
 */
export class DashiError extends Error {
  /** The class's own name. */
  override readonly name: string = "DashiError";

  /** A stable name for programs, such as `ERR_DASHI_CONFIG`: the class's name in capitals. */
  get code(): string {
    return "ERR_DASHI" + this.name.replace(/^Dashi|Error$/g, "").replace(/[A-Z]/g, "_$&").toUpperCase();
  }
}

/** An argument or option is wrong. Thrown at once, before any request. */
export class ConfigError extends DashiError {
  /** The class's own name. */
  override readonly name: string = "ConfigError";
}

/** No credentials, or credentials that could not be had. */
export class CredentialsError extends DashiError {
  /** The class's own name. */
  override readonly name: string = "CredentialsError";
}

/** What is known of an answer of AWS that was an error. */
export interface AwsErrorDetails {
  /** The service that answered. */
  readonly service: Service;
  /** The API action. */
  readonly action: string;
  /** The HTTP status; 0 where no answer came. */
  readonly status: number;
  /** The error code without its prefix, such as `QueueDoesNotExist`. */
  readonly awsCode: string;
  /** AWS's id of the request, for its support. */
  readonly requestId?: string;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
}

/**
 * AWS answered with an error, with nonsense, or not at all.
 *
 * @example What AWS said
 * ```ts
 * import assert from "node:assert/strict";
 * import { AwsError, connect, publish } from "@dashi/sqs";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const broker = connect(memorySqs().connectOptions);
 * await assert.rejects(publish(broker, { id: 1 }, { queue: "orders" }), (error) => {
 *   assert.ok(error instanceof AwsError && !error.retryable);
 *   assert.deepEqual([error.action, error.status, error.awsCode], ["GetQueueUrl", 400, "QueueDoesNotExist"]);
 *   return true;
 * });
 * ```
 */
export class AwsError extends DashiError implements AwsErrorDetails {
  /** The class's own name. */
  override readonly name: string = "AwsError";
  /** The service that answered. */
  declare readonly service: Service;
  /** The API action. */
  declare readonly action: string;
  /** The HTTP status; 0 where no answer came. */
  declare readonly status: number;
  /** The error code without its prefix, such as `QueueDoesNotExist`. */
  declare readonly awsCode: string;
  /** AWS's id of the request, for its support. */
  declare readonly requestId?: string;
  /** Whether the same request may succeed later. */
  declare readonly retryable: boolean;

  /** Makes one from what the answer said. */
  constructor(message: string, details: AwsErrorDetails, options?: ErrorOptions) {
    super(message, options);
    Object.assign(this, details);
  }
}

/** The bucket is in another region than the request was signed for. */
export class BucketRegionError extends AwsError {
  /** The class's own name. */
  override readonly name: string = "BucketRegionError";
  /** The bucket's region. */
  readonly region: string;

  /** Makes one from what the answer said. */
  constructor(message: string, details: AwsErrorDetails & { readonly region: string }, options?: ErrorOptions) {
    super(message, details, options);
    this.region = details.region;
  }
}

/** Predefined queues are in use and this one is not among them. kombu's name. */
export class UndefinedQueueError extends DashiError {
  /** The class's own name. */
  override readonly name: string = "UndefinedQueueError";
}

/** A queue's name and its URL disagree about FIFO. kombu's name. */
export class InvalidQueueError extends DashiError {
  /** The class's own name. */
  override readonly name: string = "InvalidQueueError";
}

/** The credentials may not use the queue. kombu's name. */
export class AccessDeniedQueueError extends AwsError {
  /** The class's own name. */
  override readonly name: string = "AccessDeniedQueueError";
}

/** The queue does not exist, or not in this region and account. kombu's name. */
export class DoesNotExistQueueError extends AwsError {
  /** The class's own name. */
  override readonly name: string = "DoesNotExistQueueError";
}

/** The exchange was never declared. kombu's name. */
export class UndefinedExchangeError extends DashiError {
  /** The class's own name. */
  override readonly name: string = "UndefinedExchangeError";
}

/** A queue could not be subscribed to a fanout exchange's topic. kombu's name. */
export class UnableToSubscribeQueueError extends AwsError {
  /** The class's own name. */
  override readonly name: string = "UnableToSubscribeQueueError";
}

/** A queue's subscription could not be ended. kombu's name. */
export class UnableToUnsubscribeQueueError extends AwsError {
  /** The class's own name. */
  override readonly name: string = "UnableToUnsubscribeQueueError";
}

/** The receipt handle is too old: the message is visible again, or someone else's. */
export class ReceiptExpiredError extends AwsError {
  /** The class's own name. */
  override readonly name: string = "ReceiptExpiredError";
}

/**
 * Some parts of a publish failed.
 *
 * @example Which queues have the message, and which have not
 * ```ts
 * import assert from "node:assert/strict";
 * import { connect, publish, PublishError } from "@dashi/sqs";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const sqs = memorySqs();
 * sqs.createQueue("kitchen");
 * const bindings = ["kitchen", "cellar"].map((queue) => ({ exchange: "orders", queue, routingKey: "new" }));
 * const topology = { exchanges: { orders: { type: "direct" } }, bindings } as const;
 * const broker = connect({ ...sqs.connectOptions, topology });
 * await assert.rejects(publish(broker, { id: 1 }, { exchange: "orders", routingKey: "new" }), (error) => {
 *   assert.ok(error instanceof PublishError);
 *   assert.deepEqual(error.sent.map(({ queue }) => queue), ["kitchen"]);
 *   assert.deepEqual(error.failed.map(({ queue, error }) => [queue, error.name]), [["cellar", "DoesNotExistQueueError"]]);
 *   return true;
 * });
 * ```
 */
export class PublishError extends DashiError {
  /** The class's own name. */
  override readonly name: string = "PublishError";
  /** The parts that were sent. */
  declare readonly sent: readonly {
    readonly queue?: string;
    readonly topic?: string;
    readonly messageId: string;
    readonly sequenceNumber?: string;
  }[];
  /** The parts that were not, and why. */
  declare readonly failed: readonly { readonly queue?: string; readonly topic?: string; readonly error: Error }[];

  /** Makes one from the parts. */
  constructor(
    message: string,
    parts: Pick<PublishError, "sent" | "failed">,
    options?: ErrorOptions,
  ) {
    super(message, options);
    Object.assign(this, parts);
  }
}

/** No queue is bound that takes the message. */
export class UnroutableError extends DashiError {
  /** The class's own name. */
  override readonly name: string = "UnroutableError";
}

/** The object behind a payload pointer is gone. */
export class PayloadNotFoundError extends DashiError {
  /** The class's own name. */
  override readonly name: string = "PayloadNotFoundError";
}

/** A payload pointer leads outside of what is allowed. It was not followed. */
export class PayloadForbiddenError extends DashiError {
  /** The class's own name. */
  override readonly name: string = "PayloadForbiddenError";
}

/** A body could not be read by the codec, or does not fit the schema. */
export class DecodeError extends DashiError {
  /** The class's own name. */
  override readonly name: string = "DecodeError";
}

/** A checksum is wrong: what arrived is not what was sent. */
export class IntegrityError extends DashiError {
  /** The class's own name. */
  override readonly name: string = "IntegrityError";
}

/** A Celery task failed where it ran. */
export class TaskFailedError extends DashiError {
  /** The class's own name. */
  override readonly name: string = "TaskFailedError";
  /** The remote exception's type, such as `ValueError`. */
  readonly type: string;
  /** The module of the exception's type, such as `builtins`. */
  readonly module?: string;
  /** The remote traceback, if there is one. */
  readonly traceback?: string;

  /** Makes one from what the result says. */
  constructor(
    message: string,
    details: { readonly type: string; readonly module?: string | undefined; readonly traceback?: string | undefined },
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.type = details.type;
    this.module = details.module;
    this.traceback = details.traceback;
  }
}

/** A wait took longer than it was given. */
export class TimeoutError extends DashiError {
  /** The class's own name. */
  override readonly name: string = "TimeoutError";
}

/** A Celery task ran longer than its time limit. */
export class TimeLimitExceeded extends DashiError {
  /** The class's own name. */
  override readonly name: string = "TimeLimitExceeded";
  /** The limit in seconds. */
  readonly seconds: number;
  /** True for the soft limit, which only fires the task's signal. */
  readonly soft: boolean;

  /** Makes one for a limit. */
  constructor(seconds: number, soft: boolean) {
    super(`The task ran for more than its ${soft ? "soft" : "hard"} time limit of ${seconds} s`);
    this.seconds = seconds;
    this.soft = soft;
  }
}
