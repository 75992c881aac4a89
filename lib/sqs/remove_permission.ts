import { assertText } from "../check.ts";
import type { AwsRequest } from "../types.ts";
import { sqsRequest } from "./request.ts";

/** Options of {@linkcode removePermission}. */
export interface RemovePermissionOptions {
  /** The queue's URL. */
  readonly queueUrl: string;
  /** The label that `addPermission` gave it. */
  readonly label: string;
}

/**
 * Builds a `RemovePermission` request: no I/O, no clock, no randomness.
 *
 * @param options Queue URL and label.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If the queue URL or the label is missing.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_RemovePermission.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { removePermission } from "@dashi/sqs/sqs";
 *
 * const request = removePermission({ queueUrl: "https://sqs.eu-west-1.amazonaws.com/1/jobs", label: "partner" });
 * assert.equal(JSON.parse(request.body).Label, "partner");
 * ```
 */
export function removePermission(options: RemovePermissionOptions): AwsRequest<void> {
  const { queueUrl, label } = options;
  assertText("queueUrl", queueUrl);
  assertText("label", label);
  return sqsRequest("RemovePermission", { QueueUrl: queueUrl, Label: label });
}
