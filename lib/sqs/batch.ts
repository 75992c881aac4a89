/**
 * What SQS's batch actions have in common: the rules for their entries, and an answer that is good and bad at once.
 *
 * @module
 */
import type { GenericSchema } from "valibot";
import { refuse } from "../check.ts";
import type { AwsError } from "../errors.ts";
import type { AwsRequest } from "../types.ts";
import { answer, fields, type Kind, listOf, maybe, text, yesOrNo } from "./answer.ts";
import { MAX_BATCH } from "./limits.ts";
import { sqsRequest } from "./request.ts";
import { bareCode, sqsError } from "./sqs_error.ts";

/** An entry of a batch that failed, while others may have succeeded. */
export interface BatchFailure {
  /** The entry's id. */
  readonly id: string;
  /** SQS's error code; `MissingFromAnswer` for an entry that the answer does not speak of. */
  readonly code: string;
  /** What SQS said. */
  readonly message: string;
  /** True if the entry itself is wrong, so that sending it again can't help. */
  readonly senderFault: boolean;
  /** Why the try before failed, if there was one: the entry may have been carried out then. */
  readonly cause?: Error;
}

/** The answer to a batch: each entry is in one of the two lists, in the order they were sent in. */
export interface BatchOutput<Success extends { readonly id: string } = { readonly id: string }> {
  /** The entries that were carried out. */
  readonly successful: readonly Success[];
  /** The entries that were not. */
  readonly failed: readonly BatchFailure[];
}

/**
 * The error for an entry that failed: the same class as where its action fails alone.
 *
 * @param action The API action, such as `DeleteMessageBatch`.
 */
export function entryError(action: string, failure: BatchFailure): AwsError {
  const { code, message, senderFault } = failure;
  const awsCode = bareCode(code);
  // The request itself was answered well. Throttling is nobody's fault, whatever the flag says.
  const retryable = !senderFault || /Throttl|OverLimit/.test(awsCode);
  return sqsError(action, { status: 200, retryable, awsCode, message });
}

/** An entry of `Successful` that says no more than its id. */
const Done = /* @__PURE__ */ (() => fields({ Id: text }))();
const Failure =
  /* @__PURE__ */ (() => fields({ Id: text, Code: maybe(text), Message: maybe(text), SenderFault: maybe(yesOrNo) }))();

/** What the answer to a batch must look like. */
type BatchAnswer<Answered> = GenericSchema<{
  readonly Successful: readonly Answered[] | null | undefined;
  readonly Failed: readonly (typeof Failure extends Kind<infer F> ? F : never)[] | null | undefined;
}>;

/** Makes the schema of the answer to a batch, by what an entry of `Successful` must look like. */
export function batchAnswer<Answered>(success: Kind<Answered>): BatchAnswer<Answered> {
  return answer({ Successful: maybe(listOf(success)), Failed: maybe(listOf(Failure)) });
}

const Plain = /* @__PURE__ */ (() => batchAnswer(Done))();

/** An entry of a batch as SQS wants it. */
export type WireEntry = { readonly Id: string } & Readonly<Record<string, unknown>>;

/**
 * Checks the entries of a batch and writes them.
 *
 * @param entries 1 to 10 entries with distinct ids.
 * @param write Makes what SQS wants of an entry, its id aside; `path` is for the checks' messages.
 * @throws {ConfigError} If there are too few or too many entries, or an id is wrong or used twice.
 */
export function writeEntries<Entry extends { readonly id: string }>(
  entries: readonly Entry[],
  write: (entry: Entry, path: string) => object,
): WireEntry[] {
  if (!Array.isArray(entries) || !entries.length || entries.length > MAX_BATCH) {
    refuse("entries", `a list of 1 to ${MAX_BATCH}`, entries?.length);
  }
  const ids = new Set<string>();
  return entries.map((entry, index) => {
    const { id } = entry;
    const path = `entries.${index}.`;
    if (typeof id !== "string" || !/^[\w-]{1,80}$/.test(id)) {
      refuse(`${path}id`, "1 to 80 letters, digits, hyphens and underscores", id);
    }
    if (ids.has(id)) refuse(`${path}id`, "another than that of every other entry", id);
    ids.add(id);
    return { Id: id, ...write(entry, path) };
  });
}

/**
 * Builds a batch request. Its parser accounts for every entry: what the answer does not speak of has failed.
 *
 * @param Entries What {@linkcode writeEntries} made, or what is right anyway.
 * @param schema What {@linkcode batchAnswer} made, once, as to make it costs as much as to read the answer.
 * @param read Makes the output of such an entry, its id aside.
 */
export function batchRequest(
  action: string,
  queueUrl: string,
  Entries: readonly WireEntry[],
): AwsRequest<BatchOutput>;
export function batchRequest<Answered extends { Id: string }, Success extends object>(
  action: string,
  queueUrl: string,
  Entries: readonly WireEntry[],
  schema: BatchAnswer<Answered>,
  read: (success: Answered) => Success,
): AwsRequest<BatchOutput<{ readonly id: string } & Success>>;
export function batchRequest(
  action: string,
  queueUrl: string,
  Entries: readonly WireEntry[],
  schema: BatchAnswer<any> = Plain,
  read?: (success: any) => object,
): AwsRequest<BatchOutput> {
  return sqsRequest(
    action,
    { QueueUrl: queueUrl, Entries },
    schema,
    ({ Successful, Failed }) => {
      const good = new Map(Successful?.map((success) => [success.Id, success]));
      const bad = new Map(Failed?.map((failure) => [failure.Id, failure]));
      const successful: { readonly id: string }[] = [];
      const failed: BatchFailure[] = [];
      for (const { Id: id } of Entries) {
        const success = good.get(id);
        const failure = bad.get(id);
        if (success && !failure) {
          successful.push({ id, ...read?.(success) });
          continue;
        }
        const { Code, Message, SenderFault }: Partial<NonNullable<typeof failure>> = failure ??
          { Code: "MissingFromAnswer", Message: "the answer does not speak of this entry" };
        failed.push({ id, code: Code ?? "Unknown", message: Message ?? "", senderFault: SenderFault ?? false });
      }
      return { successful, failed };
    },
  );
}
