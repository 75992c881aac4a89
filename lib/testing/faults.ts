import { oneOf } from "../check.ts";
import { type Input, isRecord } from "./input.ts";
import { answer, type Answering, faultAnswer } from "./protocol.ts";
import { SqsFault } from "./sqs_fault.ts";

/** A request that the model has got, as {@linkcode FaultHook} sees it. */
export interface FaultCall {
  /** The API action, such as `SendMessage`. */
  readonly action: string;
  /** The JSON input. */
  readonly input: Readonly<Record<string, unknown>>;
  /** The name of the queue, where the input has a QueueUrl or a QueueName. */
  readonly queue?: string;
  /** Which request it is, of all: 1 is the first. */
  readonly sequence: number;
  /** Which request of this action it is: 1 is the first. */
  readonly attempt: number;
  /** When it came, in virtual time. */
  readonly at: Date;
}

/**
 * What goes wrong with a request.
 *
 * - `error`: SQS refuses it, and nothing happens. A code with a `#` is the whole `__type`. Default status: 400.
 * - `network`: it never arrives; `fetch` rejects with a `TypeError`.
 * - `lost-answer`: it is carried out, and then the connection breaks.
 * - `slow`: it is carried out, and the answer comes so many seconds later (`Infinity`: never).
 * - `failed-entries`: these entries of a batch are not carried out; the others are. `code` defaults to `InternalError`,
 *   `senderFault` to false: such an entry may be sent again.
 * - `html`: a proxy answers in SQS's place, and nothing happens. Default status: 503.
 * - `truncated`: it is carried out, and half of the answer comes.
 * - `empty`: it is carried out, and the answer has no body. Default status: 200.
 *
 * @example What keeps a request from SQS: `error`, `html`, `network`
 * ```ts
 * import assert from "node:assert/strict";
 * import { type Fault, memorySqs } from "@dashi/sqs/testing";
 * import { sendMessage } from "@dashi/sqs/sqs";
 *
 * const faults: Fault[] = [
 *   { type: "error", code: "RequestThrottled" },
 *   { type: "error", code: "com.amazon.coral.service#ExpiredTokenException", status: 403 },
 *   { type: "html", status: 502 },
 *   { type: "network" },
 * ];
 * const sqs = memorySqs({ onRequest: ({ sequence }) => faults[sequence - 1] });
 * const queueUrl = sqs.createQueue("orders");
 * const send = () => sqs.fetch(queueUrl, sendMessage({ queueUrl, messageBody: "one" }));
 * assert.deepEqual([(await send()).status, (await send()).status, (await send()).status], [400, 403, 502]);
 * await assert.rejects(send(), TypeError);
 * assert.equal(sqs.messages("orders").length, 0);
 * ```
 *
 * @example What spoils the answer: `lost-answer`, `truncated`, `empty`
 * ```ts
 * import assert from "node:assert/strict";
 * import { type Fault, memorySqs } from "@dashi/sqs/testing";
 * import { sendMessage } from "@dashi/sqs/sqs";
 *
 * const faults: Fault[] = [{ type: "lost-answer" }, { type: "truncated" }, { type: "empty" }];
 * const sqs = memorySqs({ onRequest: ({ sequence }) => faults[sequence - 1] });
 * const queueUrl = sqs.createQueue("orders");
 * const send = () => sqs.fetch(queueUrl, sendMessage({ queueUrl, messageBody: "one" }));
 * await assert.rejects(send(), TypeError);
 * await assert.rejects(async () => await (await send()).json(), SyntaxError);
 * assert.equal(await (await send()).text(), "");
 * assert.equal(sqs.messages("orders").length, 3);
 * ```
 *
 * @example A slow answer: `slow`
 * ```ts
 * import assert from "node:assert/strict";
 * import { memorySqs } from "@dashi/sqs/testing";
 * import { purgeQueue } from "@dashi/sqs/sqs";
 *
 * const sqs = memorySqs({ onRequest: () => ({ type: "slow", seconds: 8 }) });
 * const queueUrl = sqs.createQueue("orders");
 * const before = +sqs.clock.now();
 * await sqs.clock.run(() => sqs.fetch(queueUrl, purgeQueue({ queueUrl })));
 * assert.equal(+sqs.clock.now() - before, 8000);
 * ```
 *
 * @example Entries of a batch: `failed-entries`
 * ```ts
 * import assert from "node:assert/strict";
 * import { memorySqs } from "@dashi/sqs/testing";
 * import { sendMessageBatch } from "@dashi/sqs/sqs";
 *
 * const sqs = memorySqs({ onRequest: () => ({ type: "failed-entries", ids: (_entry, index) => index === 1 }) });
 * const queueUrl = sqs.createQueue("orders");
 * const request = sendMessageBatch({ queueUrl, entries: [{ id: "a", messageBody: "1" }, { id: "b", messageBody: "2" }] });
 * const answer = await (await sqs.fetch(queueUrl, request)).json();
 * assert.deepEqual(answer.Failed.map(({ Id }: { Id: string }) => Id), ["b"]);
 * assert.deepEqual(sqs.messages("orders").map(({ body }) => body), ["1"]);
 * ```
 */
export type Fault =
  | {
    readonly type: "error";
    readonly code: string;
    readonly status?: number | undefined;
    readonly message?: string | undefined;
  }
  | { readonly type: "network" }
  | { readonly type: "lost-answer" }
  | { readonly type: "slow"; readonly seconds: number }
  | {
    readonly type: "failed-entries";
    readonly ids: readonly string[] | ((entry: Readonly<Record<string, unknown>>, index: number) => boolean);
    readonly code?: string | undefined;
    readonly senderFault?: boolean | undefined;
    readonly message?: string | undefined;
  }
  | { readonly type: "html"; readonly status?: number | undefined }
  | { readonly type: "truncated" }
  | { readonly type: "empty"; readonly status?: number | undefined };

/** Says for each request what goes wrong with it; nothing does where it gives undefined. */
export type FaultHook = (call: FaultCall) => Fault | undefined;

const KINDS = ["error", "network", "lost-answer", "slow", "failed-entries", "html", "truncated", "empty"];

/** The fault that a hook gave: one of another type would be none at all. */
export function faultOf(fault: Fault | undefined): Fault | undefined {
  if (fault) oneOf(...KINDS)("onRequest().type", fault.type);
  return fault;
}

/** The answer to a request that SQS never carries out, or undefined for one that it does. */
export function refusal(fault: Fault | undefined, answering: Answering): Response | undefined {
  switch (fault?.type) {
    case "network":
      throw new TypeError("fetch failed: the connection was refused");
    case "error": {
      const { code, status = 400, message = `The model was told to answer ${code}.` } = fault;
      return faultAnswer(answering, new SqsFault(code, message, status));
    }
    case "html":
      return answer(answering, fault.status ?? 503, "<html><body><h1>Service Unavailable</h1></body></html>", {
        "content-type": "text/html",
      });
  }
}

/** Takes out the entries of a batch that are to fail, and gives them as SQS answers them. */
export function withoutFailed(fault: Fault | undefined, input: Input): { input: Input; failed: object[] } {
  if (fault?.type !== "failed-entries" || !Array.isArray(input.Entries)) return { input, failed: [] };
  const { ids, code: Code = "InternalError", senderFault: SenderFault = false } = fault;
  const { message: Message = "The model was told to fail this entry." } = fault;
  const failed: object[] = [];
  const kept = input.Entries.filter((entry: unknown, index) => {
    if (!isRecord(entry)) return true;
    const fails = typeof ids === "function" ? ids(entry, index) : ids.includes(String(entry.Id));
    if (fails) failed.push({ Id: entry.Id, Code, Message, SenderFault });
    return !fails;
  });
  return { input: { ...input, Entries: kept }, failed };
}

/** What becomes of the answer of a request that was carried out. */
export async function spoil(fault: Fault | undefined, response: Response, answering: Answering): Promise<Response> {
  switch (fault?.type) {
    case "lost-answer":
      throw new TypeError("fetch failed: the connection was reset");
    case "truncated": {
      const body = await response.text();
      return answer(answering, response.status, body.slice(0, Math.ceil(body.length / 2)));
    }
    case "empty":
      return answer(answering, fault.status ?? 200, "");
  }
  return response;
}
