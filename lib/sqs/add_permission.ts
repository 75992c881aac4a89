import { assertText, listOf } from "../check.ts";
import type { AwsRequest } from "../types.ts";
import { sqsRequest } from "./request.ts";

/** Options of {@linkcode addPermission}. */
export interface AddPermissionOptions {
  /** The queue's URL. */
  readonly queueUrl: string;
  /** The permission's name, up to 80 letters, digits, hyphens and underscores: what `removePermission` takes. */
  readonly label: string;
  /** The ids of the accounts that get it. */
  readonly awsAccountIds: readonly string[];
  /** The actions they may use, such as `SendMessage`, or `*`. Up to 7. */
  readonly actions: readonly string[];
}

/**
 * Builds an `AddPermission` request: no I/O, no clock, no randomness.
 *
 * It adds a statement to the queue's policy. A policy of your own, set as the `Policy` attribute, can do more.
 *
 * @param options Queue URL, label, accounts and actions.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If the queue URL or the label is missing, or accounts or actions are no list of texts.
 * @see {@link https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_AddPermission.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { addPermission } from "@dashi/sqs/sqs";
 *
 * const request = addPermission({
 *   queueUrl: "https://sqs.eu-west-1.amazonaws.com/1/jobs",
 *   label: "partner",
 *   awsAccountIds: ["123456789012"],
 *   actions: ["SendMessage"],
 * });
 * assert.deepEqual(JSON.parse(request.body).AWSAccountIds, ["123456789012"]);
 * ```
 */
export function addPermission(options: AddPermissionOptions): AwsRequest<void> {
  const { queueUrl, label, awsAccountIds, actions } = options;
  assertText("queueUrl", queueUrl);
  assertText("label", label);
  listOf(assertText)("awsAccountIds", awsAccountIds);
  listOf(assertText)("actions", actions);
  return sqsRequest("AddPermission", {
    QueueUrl: queueUrl,
    Label: label,
    AWSAccountIds: awsAccountIds,
    Actions: actions,
  });
}
