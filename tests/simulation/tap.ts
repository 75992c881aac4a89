/**
 * The wire between a broker and SQS: it spoils what the program says, and writes down what SQS did in truth.
 *
 * @module
 */
import type { MemorySqs } from "@dashi/sqs/testing";
import type { Fetch } from "../../lib/types.ts";
import { unlessAborted } from "../../lib/unless_aborted.ts";
import { FINAL, type NamedFault, PASSING } from "../faults/faults.ts";
import { faultFetch } from "../support/http_fault.ts";
import type { Program } from "./program.ts";

/** A request as it left, whatever became of it. */
export interface Wire {
  readonly broker: number;
  readonly action: string;
  readonly input: Readonly<Record<string, any>>;
  readonly at: number;
  /** True until its broker has its answer, or has given it up. */
  open: boolean;
  /** Set where its answer came back whole. */
  reached?: boolean;
}

/** A message that SQS gave to a receive. */
export interface Taken {
  readonly wire: Wire;
  readonly queue: string;
  readonly messageId: string;
  readonly handle: string;
  readonly n: number | undefined;
  readonly at: number;
}

/** What SQS did. */
export interface Ledger {
  readonly wires: Wire[];
  readonly taken: Taken[];
  /** The number of each message, by its id. */
  readonly numbers: Map<string, number | undefined>;
  /** The handles of its receives, by a message's id. */
  readonly handles: Map<string, string[]>;
  /** When SQS first said that it had deleted by a handle. */
  readonly deleted: Map<string, number>;
  /** Messages whose visibility was changed by an old handle. */
  readonly meddled: Set<string>;
  /** Queues that were purged or deleted. */
  readonly purged: Set<string>;
}

/** Requests of one program after which it is taken to be without end. */
const MOST_REQUESTS = 20_000;

/** The number of a message, out of its body as it travels. */
export function numberIn(body: string): number | undefined {
  let text = body;
  for (let layer = 0; layer < 3; layer++) {
    const found = /"n":\s?(\d+)/.exec(text) ?? /^at:(\d+)/.exec(text);
    if (found) return Number(found[1]);
    try {
      text = atob(text);
      text = JSON.parse(text).body ?? text;
    } catch {
      return undefined;
    }
  }
}

/** Lays the wires of a program: `fetch(n)` is broker n's. */
export function layWires(
  sqs: MemorySqs,
  program: Program,
  seconds: () => number,
  calm: number,
  hooks: { asks(wire: Wire): void; took(taken: Taken): void },
) {
  const { clock } = sqs;
  const ledger: Ledger = {
    wires: [],
    taken: [],
    numbers: new Map(),
    handles: new Map(),
    deleted: new Map(),
    meddled: new Set(),
    purged: new Set(),
  };
  const turn = <T>(list: readonly T[], count: number): T | undefined =>
    seconds() > calm ? undefined : list[count % list.length];
  let batches = 0;
  sqs.setFaults(({ action }) => {
    const partial = action.endsWith("Batch") ? turn(program.partial, batches++) : undefined;
    if (!partial) return undefined;
    const { bits, senderFault } = partial;
    return { type: "failed-entries", ids: (_, index) => (bits >> index & 1) === 1, senderFault };
  });

  /** Tells the clock that a request is under way that has not come to the model yet; its keys say so. */
  const hold = () => void sqs.connectOptions.credentials();
  const letGo = () => sqs.fetch(new Request("https://a.example", { signal: AbortSignal.abort() })).catch(() => {});

  function fetchOf(broker: number): Fetch {
    return async (input) => {
      const { url, headers, signal } = input as Request;
      const body = await (input as Request).text();
      const action = headers.get("x-amz-target")!.split(".")[1];
      const sequence = ledger.wires.length;
      const wire: Wire = { broker, action, input: JSON.parse(body), at: seconds(), open: true };
      ledger.wires.push(wire);
      if (action === "ReceiveMessage") hooks.asks(wire);
      await letGo();
      if (sequence > MOST_REQUESTS) throw new TypeError("the program has no end");
      const index = turn(program.faults, sequence);
      const latency = turn(program.latencies, sequence);
      const deaf = turn(program.deaf, sequence);
      const { request: refused, as } = program.refused ?? {};
      const fault: NamedFault | undefined = sequence === refused ? FINAL[as!] : PASSING[index ?? -1];
      const arrives = async () => {
        if (latency) await clock.sleep(latency);
        hold();
        // No signal: what has left arrives, and SQS does it, whoever has gone meanwhile.
        const response = await sqs.fetch(url, { method: "POST", headers, body });
        const answer = await response.text();
        if (response.ok) { for (const taken of write(ledger, wire, answer, seconds())) hooks.took(taken); }
        if (latency) await clock.sleep(latency);
        return new Response(answer, response);
      };
      const spoil = faultFetch(
        (request) => (request as Request).signal.aborted ? Promise.reject(new Error("it never arrives")) : arrives(),
        (call) => fault?.on(call, +clock.now()),
        clock,
      );
      const answering = fault
        ? spoil(new Request(url, { method: "POST", headers, body, signal: deaf ? null : signal }))
        : arrives();
      const giveUp = () => wire.open = false;
      signal.addEventListener("abort", giveUp);
      const answer = await unlessAborted(answering, deaf ? undefined : signal).finally(giveUp);
      wire.reached = !fault && answer.ok && !signal.aborted;
      return answer;
    };
  }
  return { ledger, fetchOf };
}

/** A message keeps the number that it was first seen with: FIFO answers a copy with the id of the first. */
function note({ numbers }: Ledger, messageId: string, body: string): number | undefined {
  if (!numbers.has(messageId)) numbers.set(messageId, numberIn(body));
  return numbers.get(messageId);
}

/** Writes down what SQS did, and gives the messages that were taken. */
function write(ledger: Ledger, wire: Wire, answer: string, at: number): readonly Taken[] {
  const { action, input } = wire;
  const before = ledger.taken.length;
  const output = JSON.parse(answer || "{}");
  const queue: string = input.QueueUrl?.split("/").at(-1);
  const handleOf = (id: string): string => input.Entries.find(({ Id }: { Id: string }) => Id === id).ReceiptHandle;
  switch (action) {
    case "SendMessage":
      note(ledger, output.MessageId, input.MessageBody);
      break;
    case "SendMessageBatch":
      for (const { Id, MessageId } of output.Successful) {
        note(ledger, MessageId, input.Entries.find((entry: { Id: string }) => entry.Id === Id).MessageBody);
      }
      break;
    case "ReceiveMessage":
      for (const { MessageId: messageId, ReceiptHandle: handle, Body } of output.Messages ?? []) {
        const n = note(ledger, messageId, Body);
        const known = ledger.handles.get(messageId) ?? [];
        if (!known.includes(handle)) ledger.handles.set(messageId, [...known, handle]);
        ledger.taken.push({ wire, queue, messageId, handle, n, at });
      }
      break;
    case "DeleteMessageBatch":
      for (const { Id } of output.Successful) ledger.deleted.set(handleOf(Id), at);
      break;
    case "ChangeMessageVisibilityBatch":
      for (const { Id } of output.Successful) {
        for (const [messageId, handles] of ledger.handles) {
          const place = handles.indexOf(handleOf(Id));
          if (place >= 0 && place < handles.length - 1) ledger.meddled.add(messageId);
        }
      }
      break;
    case "PurgeQueue":
      ledger.purged.add(queue);
      break;
    case "DeleteQueue":
      ledger.purged.add(queue);
  }
  return ledger.taken.slice(before);
}
