import { connect } from "../../lib/connect.ts";
import { deleteMessage } from "../../lib/sqs/delete_message.ts";
import type { Broker, Clock, ConnectOptions, DashiEvent } from "../../lib/types.ts";

export const QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs";
export const KEYS = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  sessionToken: "IQoJb3JpZ2luX2VjEXAMPLE/TOKEN+value==",
};
/** A request that may be sent again, and whose answer is empty. */
export const remove = deleteMessage({ queueUrl: QUEUE, receiptHandle: "AQEB" });

/** Waits of this many seconds and more are deadlines; they end when the test says so. */
const DEADLINE = 1000;

/** A clock on which backoffs are over at once, written down, and deadlines are struck by hand. */
interface HandClock extends Clock {
  /** The backoffs, in seconds. */
  readonly waits: number[];
  /** Deadlines that are running. */
  readonly running: number[];
  /** Ends every deadline. */
  strike(): void;
}

function handClock(): HandClock {
  let now = Date.UTC(2026, 0, 2);
  const held = new Map<() => void, number>();
  return {
    waits: [],
    get running(): number[] {
      return [...held.values()];
    },
    now: () => now,
    sleep(seconds, signal) {
      if (seconds < DEADLINE) {
        this.waits.push(seconds);
        now += seconds * 1000;
        return Promise.resolve();
      }
      return new Promise((resolve) => {
        const end = () => {
          held.delete(end);
          resolve();
        };
        held.set(end, seconds);
        signal?.addEventListener("abort", end);
      });
    },
    strike() {
      for (const end of [...held.keys()]) end();
    },
  };
}

/** An answer of the server, or what makes one. */
type Answer = Response | Error | ((request: Request) => Response | Promise<Response>);

interface Setting {
  readonly broker: Broker;
  readonly clock: HandClock;
  readonly events: DashiEvent[];
  /** The requests that came. */
  readonly requests: Request[];
}

/** A broker whose server gives these answers in turn, the last one for ever. */
export function setUp(answers: readonly Answer[], options: ConnectOptions = {}): Setting {
  const clock = handClock();
  const events: DashiEvent[] = [];
  const requests: Request[] = [];
  const broker = connect({
    region: "eu-west-1",
    credentials: KEYS,
    clock,
    random: () => 0.5,
    onEvent: (event) => events.push(event),
    ...options,
    http: {
      requestTimeout: DEADLINE,
      // deno-lint-ignore require-await -- what it throws must be a rejection
      fetch: async (request) => {
        const answer = answers[Math.min(requests.push(request), answers.length) - 1];
        if (answer instanceof Error) throw answer;
        return answer instanceof Response ? answer.clone() : answer(request);
      },
      ...options.http,
    },
  });
  return { broker, clock, events, requests };
}

/** A good answer. */
export function good(body: unknown = {}): Response {
  return new Response(JSON.stringify(body), { headers: { "x-amzn-requestid": "req-good" } });
}

/** An error of the JSON protocol. */
export function bad(
  code: string,
  message = "Something is wrong.",
  { status = 400, ...headers }: { status?: number; [header: string]: string | number | undefined } = {},
): Response {
  return new Response(JSON.stringify({ __type: `com.amazonaws.sqs#${code}`, message }), {
    status,
    headers: { "x-amzn-requestid": "req-bad", ...headers as Record<string, string> },
  });
}

/** Lets everything that can go on go on. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** What a promise was rejected with. */
export async function failure<E extends Error = Error>(promise: Promise<unknown>): Promise<E> {
  try {
    await promise;
  } catch (error) {
    return error as E;
  }
  throw new Error("it did not fail");
}
