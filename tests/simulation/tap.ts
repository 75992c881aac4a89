/**
 * The wire between a broker and SQS: it spoils what the program says, and writes down what SQS did in truth.
 *
 * @module
 */
import type { MemorySqs } from "@dashi/sqs/testing";
import type { Fetch } from "../../lib/types.ts";
import { unlessAborted } from "../../lib/unless_aborted.ts";
import { type NamedFault, PASSING } from "../faults/faults.ts";
import { faultFetch } from "../support/http_fault.ts";
import type { Program } from "./program.ts";

/** A request as it left, whatever became of it. */
export interface Wire {
  readonly broker: number;
  readonly action: string;
  readonly input: Readonly<Record<string, any>>;
  readonly at: number;
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
  /** Queues that were purged. */
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
export function layWires(sqs: MemorySqs, program: Program, seconds: () => number, calm: number) {
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
    return async (input, init) => {
      const request = new Request(input, init);
      const sequence = ledger.wires.length;
      const body = await request.clone().text();
      const action = request.headers.get("x-amz-target")!.split(".")[1];
      const wire: Wire = { broker, action, input: JSON.parse(body), at: seconds() };
      ledger.wires.push(wire);
      if (sequence > MOST_REQUESTS) throw new TypeError("the program has no end");
      const index = turn(program.faults, sequence);
      const latency = turn(program.latencies, sequence) ?? 0;
      const deaf = turn(program.deaf, sequence);
      const fault: NamedFault | undefined = PASSING[index ?? -1];
      const arrives: Fetch = async (input) => {
        const { url, headers, signal } = input as Request;
        signal.throwIfAborted();
        if (latency) await clock.sleep(latency);
        hold();
        // No signal: what has left arrives, and SQS does it, whoever has gone meanwhile.
        const response = await sqs.fetch(url, { method: "POST", headers, body });
        await write(ledger, wire, response.clone());
        if (latency) await clock.sleep(latency);
        return response;
      };
      await letGo();
      const faulty = faultFetch(arrives, (call) => fault?.on(call, +clock.now()), clock);
      const heard = new Request(request, deaf ? { signal: new AbortController().signal } : {});
      const answer = await unlessAborted(faulty(heard), deaf ? undefined : request.signal);
      wire.reached = !fault && answer.ok && !request.signal.aborted;
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

async function write(ledger: Ledger, wire: Wire, response: Response): Promise<void> {
  if (!response.ok) return;
  const { action, input, at } = wire;
  const output = await response.json().catch(() => ({}));
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
        const before = ledger.handles.get(messageId) ?? [];
        if (!before.includes(handle)) ledger.handles.set(messageId, [...before, handle]);
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
  }
}
