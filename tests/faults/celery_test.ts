/**
 * Celery's tasks under faults, in virtual time: whatever goes wrong, wherever it strikes, no task is lost, none is acked
 * before its result is stored and what comes after it is sent, and all of it ends.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Broker, connect, kombu, type TaskMeta } from "@dashi/sqs";
import {
  chain,
  group,
  type GroupCall,
  retry,
  sendTask,
  serveTasks,
  type ServeTasksOptions,
  signature,
  task,
  type TaskCall,
  type TaskHandler,
} from "@dashi/sqs/celery";
import { s3Results } from "@dashi/sqs/payloads";
import { type MemorySqs, memorySqs } from "@dashi/sqs/testing";
import { CREDENTIALS, strictS3 } from "../payloads/strict_s3.ts";
import { faultFetch, type HttpCall, type HttpFault } from "../support/http_fault.ts";
import { PASSING, XML_FAULTS } from "./faults.ts";

const QUEUES = ["celery", "next"];

const add = task<[x: number, y: number], number>("app.add");
const there = task<[x: number, y: number], number>("app.add", { queue: "next" });
const flaky = task<[value: number, times: number], number>("app.flaky");
const broken = task<[x: number], number>("app.broken", { queue: "next" });
const slow = task<[value: number], number>("app.slow");
const told = task<[what: unknown], unknown>("app.told", { queue: "next" });

/** What a worker is asked to do; gives the calls whose ends are awaited, and what they must come to. */
const SCENARIOS: Readonly<Record<string, (broker: Broker) => Promise<(readonly [call: TaskCall, result: unknown])[]>>> =
  {
    "a chain over two queues": async (broker) => {
      const last = await sendTask(broker, chain(add(1, 2), there.partial(3), add.partial(4)));
      return [[last.parent!.parent!, 3], [last.parent!, 6], [last, 10]];
    },
    "retries in a chain": async (broker) => {
      const last = await sendTask(broker, chain(flaky(5, 2), there.partial(1)));
      return [[last.parent!, 5], [last, 6]];
    },
    "a chain that breaks, with an errback": async (broker) => {
      const linkError = signature(told.partial(), { id: "told" });
      const last = await sendTask(broker, chain(add(1, 1), broken.partial(), add.partial(1)), { linkError });
      return [[last.parent!, "FAILURE"], [last, "FAILURE"], [{ id: "told" }, last.parent!.id]];
    },
    "a group at the end of a chain, and a callback": async (broker) => {
      const link = signature(told.partial(), { id: "told" });
      const first = signature(add(1, 2), { link });
      const { calls }: GroupCall<any> = await sendTask(broker, chain(first, group(there.partial(1), add.partial(2))));
      return [[calls[0], 4], [calls[1], 5], [{ id: "told" }, 3]];
    },
    "countdowns, a soft and a hard time limit": async (broker) => {
      const late = await sendTask(broker, signature(add(1, 2), { countdown: 100 }));
      const soft = await sendTask(broker, chain(slow(7), signature(there.partial(1), { countdown: 5 })), {
        softTimeLimit: 5,
      });
      const hard = await sendTask(broker, slow(NaN), { timeLimit: 15 });
      return [[late, 3], [soft, 8], [hard, "FAILURE"]];
    },
  };

/** A message as it was seen in a queue. */
interface Seen {
  readonly task: string;
  readonly id: string;
  readonly retries: number;
  /** The tasks of which one at least must be sent when this one has succeeded or failed. */
  readonly next: readonly string[];
  readonly errbacks: readonly string[];
}

interface Scene {
  readonly sqs: MemorySqs;
  /** Its requests meet the faults. */
  readonly broker: Broker;
  /** Its requests meet none. */
  readonly calm: Broker;
  /** What was acked too early. */
  readonly wrong: readonly string[];
  /** Runs by task, id and retries. */
  readonly runs: ReadonlyMap<string, number>;
  readonly handlers: Readonly<Record<string, TaskHandler>>;
  readonly metaOf: (id: string) => TaskMeta | undefined;
  readonly requests: () => number;
}

/** SQS and S3 in memory, where `pick` says what goes wrong with the requests of the worker: 0 is the first of them. */
function scene(pick: (call: HttpCall, index: number, sqs: MemorySqs) => HttpFault | undefined): Scene {
  const sqs = memorySqs({ region: "eu-west-1" });
  for (const queue of QUEUES) sqs.createQueue(queue, { VisibilityTimeout: 40 });
  const s3 = strictS3();
  const seen = new Map<string, Seen>();
  const wrong: string[] = [];
  const runs = new Map<string, number>();
  let requests = 0;

  const metaOf = (id: string): TaskMeta | undefined => {
    const object = s3.objects.get(`results/celery-task-meta-${id}`);
    return object && JSON.parse(new TextDecoder().decode(object.bytes));
  };
  /** Reads what is new in the queues; gives the ids of all that is there. */
  const look = async (): Promise<Set<string>> => {
    const messages = QUEUES.flatMap((queue) => [...sqs.messages(queue)]);
    for (const { messageId, body } of messages) {
      if (!seen.has(messageId)) seen.set(messageId, await readSeen(body));
    }
    return new Set(messages.map(({ messageId }) => messageId));
  };
  const wasSent = (fits: (message: Seen) => boolean): boolean => [...seen.values()].some(fits);
  const judge = ({ task, id, retries, next, errbacks }: Seen): void => {
    const status = metaOf(id)?.status ?? "nothing";
    const follows = status === "SUCCESS"
      ? next.every((other) => wasSent(({ task }) => task === other))
      : status === "FAILURE"
      ? errbacks.every((other) => wasSent(({ task }) => task === other))
      : status === "RETRY" && wasSent((again) => again.id === id && again.retries === retries + 1);
    if (!follows) wrong.push(`${task} was acked where ${status} was stored`);
  };
  const server = async (request: Request): Promise<Response> => {
    if (!request.headers.has("x-amz-target")) {
      // The model's clock waits for the request that was signed: this one goes elsewhere.
      await sqs.fetch(new Request(request.url, { signal: AbortSignal.abort() })).catch(() => {});
      return await s3.fetch(request);
    }
    const before = await look();
    const response = await sqs.fetch(request);
    const after = await look();
    for (const id of before) if (!after.has(id)) judge(seen.get(id)!);
    return response;
  };
  const options = {
    ...sqs.connectOptions,
    endpoint: undefined,
    credentials: async () => {
      await sqs.connectOptions.credentials();
      return CREDENTIALS;
    },
  };
  const ran = (key: string) => runs.set(key, (runs.get(key) ?? 0) + 1);
  const counted = (handler: TaskHandler): TaskHandler => (context, ...args) => {
    ran(`${context.task} ${context.id} ${context.retries}`);
    return handler(context, ...args);
  };
  return {
    sqs,
    broker: connect({
      ...options,
      http: { fetch: faultFetch(server, (call) => pick(call, requests++, sqs), sqs.clock) },
    }),
    calm: connect({ ...options, http: { fetch: server } }),
    wrong,
    runs,
    metaOf,
    requests: () => requests,
    handlers: {
      "app.add": counted((_, x: number, y: number) => x + y),
      "app.flaky": counted(({ retries }, value: number, times: number) => {
        if (retries < times) throw retry({ countdown: 3 });
        return value;
      }),
      "app.broken": counted(() => {
        throw new Error("broken");
      }),
      // One of NaN does not hear its signal.
      "app.slow": counted(({ signal }, value: number) =>
        new Promise((resolve) => signal.addEventListener("abort", () => value && resolve(value)))
      ),
      "app.told": counted((_, what: unknown) => what),
    },
  };
}

async function readSeen(body: string): Promise<Seen> {
  const decoded = await kombu().decode({ body, messageAttributes: {} });
  const { task, id, retries } = decoded.headers as { task: string; id: string; retries: number };
  const [, , { chain, callbacks, errbacks }] = decoded.body as [unknown, unknown, Record<string, any[] | null>];
  const namesOf = (call: any): string[] => call.kwargs.tasks?.flatMap(namesOf) ?? [call.task];
  const next = [...chain?.slice(-1) ?? [], ...callbacks ?? []].flatMap(namesOf);
  return { task, id, retries, next, errbacks: (errbacks ?? []).flatMap(namesOf) };
}

/** Lets a worker do a scenario to its end, and looks whether all came as it must. */
async function play(
  name: string,
  { sqs, broker, calm, wrong, handlers, metaOf }: Scene,
  stopAt?: number,
): Promise<void> {
  await sqs.clock.run(async () => {
    const awaited = await SCENARIOS[name](calm);
    const options: ServeTasksOptions = {
      queues: QUEUES,
      results: s3Results({ bucket: "results" }),
      waitTimeSeconds: 1,
      graceSeconds: 10,
    };
    let worker = serveTasks(broker, handlers, options);
    if (stopAt !== undefined) {
      await sqs.clock.sleep(stopAt);
      const began = +sqs.clock.now();
      await worker.stop();
      // After the grace requests under way may have their time out.
      assert.ok(+sqs.clock.now() - began <= 60_000, "stop() takes too long");
      worker = serveTasks(broker, handlers, options);
    }
    const isDone = () =>
      !QUEUES.some((queue) => sqs.messages(queue).length) &&
      awaited.every(([{ id }, result]) => {
        const { status, result: found } = metaOf(id) ?? {};
        return result === "FAILURE" ? status === result : status === "SUCCESS" && found === result;
      });
    const end = +sqs.clock.now() + 3 * 3600_000; // a clock that seems to be an hour behind makes a countdown an hour longer
    while (!isDone()) {
      assert.ok(+sqs.clock.now() < end, "not all was done in three hours");
      await sqs.clock.sleep(5);
    }
    await worker.stop();
  });
  assert.deepEqual(wrong, []);
}

/** Each place in turn would be thousands of runs: a few for each fault, other ones for the next. */
function placesOf(count: number, turn: number): number[] {
  const step = 13;
  return Array.from({ length: count }, (_, at) => at).filter((at) => at % step === turn % step);
}

const isSqs = ({ request }: HttpCall): boolean => request.headers.has("x-amz-target");

for (const name of Object.keys(SCENARIOS)) {
  Deno.test(`${name}: each fault that strikes once, at SQS or S3, and nothing is lost or acked too early`, async () => {
    const calm = scene(() => undefined);
    await play(name, calm);
    const count = Math.min(calm.requests(), 40);
    const faults = [
      ...PASSING.map(({ on, ...named }) => ({ ...named, at: "SQS", on })),
      ...XML_FAULTS.map(({ name, fault }) => ({ name, at: "S3", on: () => fault, carriedOut: true })),
    ];
    let struck = 0;
    for (const [turn, { name: fault, at, on, carriedOut }] of faults.entries()) {
      for (const place of placesOf(count, turn)) {
        const one = scene((call, index, { clock }) => {
          if (index !== place || isSqs(call) !== (at === "SQS")) return undefined;
          const found = on(call, +clock.now());
          if (found) struck++;
          return found;
        });
        try {
          await play(name, one);
          // What never arrived, or was refused, is no reason to run a task twice.
          if (!carriedOut) assert.deepEqual([...one.runs].filter(([, runs]) => runs > 1), []);
        } catch (error) {
          throw new Error(`${fault} of ${at} at request ${place}: ${(error as Error).message}`, { cause: error });
        }
      }
    }
    assert.ok(struck > 20, `${struck} faults`);
  });
}

const S3_DOWN = XML_FAULTS.filter(({ name }) => !/latency of 5/.test(name));

for (const [turn, name] of Object.keys(SCENARIOS).entries()) {
  Deno.test(`${name}: all is done after S3 or sends were down for two minutes, and the worker was stopped meanwhile`, async () => {
    const pickEach = <T>(list: readonly T[]) => list.filter((_, index) => index % 5 === turn);
    const down: ((call: HttpCall, now: number) => HttpFault | undefined)[] = [
      ...pickEach(S3_DOWN).map(({ fault }) => (call: HttpCall) => isSqs(call) ? undefined : fault),
      ...pickEach(PASSING.filter(({ name }) => !/clock/.test(name))).map(({ on }) => (call: HttpCall, now: number) =>
        /^Send/.test(call.action ?? "") ? on(call, now) : undefined
      ),
    ];
    for (const on of down) {
      for (const stopAt of [2, 12]) {
        let began: number | undefined;
        const one = scene((call, _, { clock }) => {
          began ??= +clock.now();
          return +clock.now() < began + 120_000 ? on(call, +clock.now()) : undefined;
        });
        await play(name, one, stopAt);
      }
    }
  });
}
