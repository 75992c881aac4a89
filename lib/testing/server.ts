import { is } from "../check.ts";
import { unlessAborted } from "../unless_aborted.ts";
import { ACTIONS } from "./actions.ts";
import { type Fault, type FaultCall, type FaultHook, faultOf, refusal, spoil, withoutFailed } from "./faults.ts";
import type { Model } from "./model.ts";
import { type Answering, type Call, faultAnswer, foreignAnswer, goodAnswer, readCall } from "./protocol.ts";
import { SqsFault } from "./sqs_fault.ts";

/** A request that came. */
export type LoggedRequest = FaultCall;

/** The requests that came, and how many of them. */
export interface RequestLog {
  /** The latest requests, the oldest first. */
  readonly list: readonly LoggedRequest[];
  /** How many came, of one action or of all. */
  count(action?: string): number;
  /** How many came, by action. */
  readonly counts: Readonly<Record<string, number>>;
  /** Forgets them all, and counts from 0 again. */
  clear(): void;
}

/** The model behind a `fetch` function. */
export interface Server {
  fetch(input: Request | URL | string, init?: RequestInit): Promise<Response>;
  readonly requests: RequestLog;
  setFaults(onRequest: FaultHook | undefined): void;
  /** Is told that a request is being signed: time must not go on until it is sent. */
  signing(): void;
}

/** Options of {@linkcode createServer}. */
export interface ServerOptions {
  readonly onRequest?: FaultHook | undefined;
  readonly keepRequests?: number | undefined;
  readonly abortedPollsTake?: boolean | undefined;
}

/** Puts a `fetch` function before the model. */
export function createServer(model: Model, options: ServerOptions): Server {
  const { keepRequests = 10_000, abortedPollsTake = true } = options;
  const { timeline } = model;
  const signatures: (() => boolean)[] = [];
  let { onRequest } = options;
  let log: LoggedRequest[] = [];
  let total = 0;
  let counts: Record<string, number> = {};

  function note({ action, input }: Call): FaultCall {
    counts[action] = (counts[action] ?? 0) + 1;
    const call: FaultCall = Object.freeze({
      action,
      input,
      queue: queueNameIn(input),
      sequence: ++total,
      attempt: counts[action],
      at: new Date(timeline.now()),
    });
    if (keepRequests > 0) log.push(call);
    if (log.length >= 2 * keepRequests) log = log.slice(-keepRequests);
    return call;
  }

  async function serve(request: Request, client: AbortSignal): Promise<Response> {
    const answering: Answering = {
      get now() {
        return timeline.now();
      },
      random: model.random,
    };
    const end = timeline.begin();
    const body = await request.text().finally(end);
    if (!request.headers.has("x-amz-target")) return foreignAnswer(answering);
    let fault: Fault | undefined;
    try {
      const call = readCall(request, body);
      const noted = note(call);
      fault = faultOf(onRequest?.(noted));
      const refused = refusal(fault, answering);
      if (refused) return refused;
      const good = goodAnswer(answering, await carryOut(model, call, fault, abortedPollsTake ? undefined : client));
      return await late(fault, good, answering);
    } catch (error) {
      if (!(error instanceof SqsFault)) throw error;
      return await late(fault, faultAnswer(answering, error), answering);
    }
  }

  async function late(fault: Fault | undefined, response: Response, answering: Answering): Promise<Response> {
    if (fault?.type === "slow") {
      const due = timeline.now() + fault.seconds * 1000;
      await new Promise<void>((resolve) => timeline.at(due, "a slow answer", true, resolve));
    }
    return await spoil(fault, response, answering);
  }

  return {
    async fetch(input, init) {
      // The oldest signature that is awaited is this request's; one before it may have been taken for lost.
      while (signatures.length > 0 && !signatures.shift()!());
      timeline.touch();
      const request = new Request(input, init);
      request.signal.throwIfAborted();
      try {
        // What the server does goes on when the client is gone.
        return await unlessAborted(serve(request, request.signal), request.signal);
      } finally {
        timeline.touch();
      }
    },
    signing() {
      signatures.push(timeline.begin());
    },
    setFaults(hook) {
      if (hook !== undefined) is("function")("onRequest", hook);
      onRequest = hook;
    },
    requests: {
      get list() {
        return log.slice(-keepRequests);
      },
      get counts() {
        return { ...counts };
      },
      count: (action) => action === undefined ? total : counts[action] ?? 0,
      clear() {
        log = [];
        total = 0;
        counts = {};
      },
    },
  };
}

/** Carries a request out, but for the entries that are to fail. */
async function carryOut(
  model: Model,
  { action, input }: Call,
  fault: Fault | undefined,
  client: AbortSignal | undefined,
): Promise<unknown> {
  const act = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
  if (!act) throw new SqsFault("UnknownOperationException", `There is no action ${action}.`);
  const { input: rest, failed } = withoutFailed(fault, input);
  if (failed.length === 0) return await act(model, input, client);
  const none = (rest.Entries as unknown[]).length === 0;
  const done = (none ? { Successful: [] } : await act(model, rest, client)) as { Failed?: object[] };
  return { ...done, Failed: [...(done.Failed ?? []), ...failed] };
}

function queueNameIn({ QueueUrl, QueueName }: Call["input"]): string | undefined {
  if (typeof QueueName === "string") return QueueName;
  return typeof QueueUrl === "string" ? QueueUrl.split("/").at(-1) : undefined;
}
