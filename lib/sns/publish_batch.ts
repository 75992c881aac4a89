import * as v from "valibot";
import { refuse } from "../check.ts";
import { xmlList } from "../http/xml.ts";
import type { AwsRequest } from "../types.ts";
import { MAX_BATCH } from "./limits.ts";
import { type OutgoingSnsMessage, SentFields, type SentSnsMessage, writeMessage } from "./message.ts";
import { assertSnsArn, snsRequest } from "./request.ts";

/** An entry of {@linkcode publishBatch}. */
export interface PublishBatchEntry extends OutgoingSnsMessage {
  /** The entry's id, which its result carries: up to 80 letters, digits, hyphens and underscores. */
  readonly id: string;
}

/** Options of {@linkcode publishBatch}. */
export interface PublishBatchOptions {
  /** The topic's ARN. */
  readonly topicArn: string;
  /** 1 to 10 messages with distinct ids; 256 KiB in all. */
  readonly entries: readonly PublishBatchEntry[];
}

/** An entry that failed, while others may have succeeded. */
export interface PublishFailure {
  /** The entry's id. */
  readonly id: string;
  /** SNS's error code; `MissingFromAnswer` for an entry that the answer does not speak of. */
  readonly code: string;
  /** What SNS said. */
  readonly message: string;
  /** True if the entry itself is wrong, so that sending it again can't help. */
  readonly senderFault: boolean;
  /** Why the try before failed, if there was one: the message may have been taken then. */
  readonly cause?: Error;
}

/** The answer to {@linkcode publishBatch}: each entry is in one of the two lists, in the order they were sent in. */
export interface PublishBatchOutput {
  /** The messages that SNS took. */
  readonly successful: readonly ({ readonly id: string } & SentSnsMessage)[];
  /** The messages that it did not take. */
  readonly failed: readonly PublishFailure[];
}

const Result = /* @__PURE__ */ (() =>
  v.object({
    Successful: xmlList(v.object({ Id: v.string(), ...SentFields }), "member"),
    Failed: xmlList(
      v.object({
        Id: v.string(),
        Code: v.optional(v.string(), "Unknown"),
        Message: v.optional(v.string(), ""),
        SenderFault: v.optional(v.string()),
      }),
      "member",
    ),
  }))();

/**
 * Builds a `PublishBatch` request: no I/O, no clock, no randomness.
 *
 * An answer with failed entries is a good answer: look at `failed`. An entry that the answer does not speak of is there
 * too, with the code `MissingFromAnswer`.
 *
 * @param options Topic and 1 to 10 messages.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If there are too few or too many entries, ids that clash, or a message that SNS would refuse.
 * @see {@link https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { publishBatch } from "@dashi/sqs/sns";
 *
 * const request = publishBatch({
 *   topicArn: "arn:aws:sns:eu-west-1:123456789012:news",
 *   entries: [{ id: "a", message: "hello" }, { id: "b", message: "world" }],
 * });
 * assert.match(request.body, /PublishBatchRequestEntries\.member\.2\.Message=world/);
 * ```
 */
export function publishBatch(options: PublishBatchOptions): AwsRequest<PublishBatchOutput> {
  const { topicArn, entries } = options;
  assertSnsArn("topicArn", topicArn);
  if (!Array.isArray(entries) || !entries.length || entries.length > MAX_BATCH) {
    refuse("entries", `a list of 1 to ${MAX_BATCH}`, entries?.length);
  }
  const ids = new Set<string>();
  const members = entries.map((entry: PublishBatchEntry, index) => {
    const { id } = entry;
    if (typeof id !== "string" || !/^[\w-]{1,80}$/.test(id)) {
      refuse(`entries.${index}.id`, "1 to 80 letters, digits, hyphens and underscores", id);
    }
    if (ids.has(id)) refuse(`entries.${index}.id`, "another than that of every other entry", id);
    ids.add(id);
    return { Id: id, ...writeMessage(entry, `entries.${index}.`) };
  });
  return snsRequest(
    "PublishBatch",
    { TopicArn: topicArn, PublishBatchRequestEntries: members },
    Result,
    ({ Successful, Failed }) => {
      const good = new Map(Successful.map((success) => [success.Id, success]));
      const bad = new Map(Failed.map((failure) => [failure.Id, failure]));
      const successful: PublishBatchOutput["successful"][number][] = [];
      const failed: PublishFailure[] = [];
      for (const id of ids) {
        const success = good.get(id);
        const failure = bad.get(id);
        if (success && !failure) {
          successful.push({
            id,
            messageId: success.MessageId,
            sequenceNumber: success.SequenceNumber || undefined,
          });
        } else {
          failed.push({
            id,
            code: failure?.Code ?? "MissingFromAnswer",
            message: failure?.Message ?? "the answer does not speak of this entry",
            senderFault: failure?.SenderFault === "true",
          });
        }
      }
      return { successful, failed };
    },
  );
}
