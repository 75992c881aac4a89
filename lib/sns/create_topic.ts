import * as v from "valibot";
import { refuse } from "../check.ts";
import { entries } from "../http/query_request.ts";
import type { AwsRequest } from "../types.ts";
import { snsRequest } from "./request.ts";

/** Options of {@linkcode createTopic}. */
export interface CreateTopicOptions {
  /** The topic's name: up to 256 letters, digits, hyphens and underscores; a FIFO topic's ends in `.fifo`. */
  readonly name: string;
  /** Attributes by SNS's names, such as `FifoTopic`. */
  readonly attributes?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** Tags. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
}

/** The answer to {@linkcode createTopic}. */
export interface CreateTopicOutput {
  /** The topic's ARN. */
  readonly topicArn: string;
}

const Result = /* @__PURE__ */ (() => v.object({ TopicArn: v.pipe(v.string(), v.startsWith("arn:")) }))();

/**
 * Builds a `CreateTopic` request: no I/O, no clock, no randomness.
 *
 * For a topic that exists SNS answers its ARN; if attributes or tags are given that differ from the topic's, it answers
 * an `InvalidParameter` error.
 *
 * @param options Name, attributes, tags.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If SNS would refuse the name.
 * @see {@link https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { createTopic } from "@dashi/sqs/sns";
 *
 * const request = createTopic({ name: "news.fifo", attributes: { FifoTopic: true }, tags: { team: "web" } });
 * assert.match(request.body, /Name=news\.fifo&Attributes\.entry\.1\.key=FifoTopic/);
 * ```
 */
export function createTopic(options: CreateTopicOptions): AwsRequest<CreateTopicOutput> {
  const { name, attributes, tags = {} } = options;
  if (typeof name !== "string" || !/^(?=.{1,256}$)[\w-]+(?:\.fifo)?$/.test(name)) {
    refuse("name", "up to 256 letters, digits, hyphens and underscores, .fifo at the end included", name);
  }
  return snsRequest(
    "CreateTopic",
    {
      Name: name,
      Attributes: entries(attributes),
      Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
    },
    Result,
    ({ TopicArn }) => ({ topicArn: TopicArn }),
  );
}
