/**
 * Plays a program, and gives all that was seen of it.
 *
 * @module
 */
import {
  type Broker,
  connect,
  consume,
  type ConsumeOptions,
  type DashiEvent,
  decode,
  deleteQueue,
  type Deliveries,
  type Delivery,
  forEach,
  get,
  json,
  keepInvisible,
  kombu,
  type PayloadStore,
  pipe,
  publish,
  publishAll,
  publishMany,
  type PublishResult,
  purgeQueue,
  queueSize,
  readAhead,
  receive,
  redrive,
} from "@dashi/sqs";
import { type MemorySqs, memorySqs, type MessageView } from "@dashi/sqs/testing";
import type { Actor, ConsumerPlan, Handling, OtherPlan, Program, PublisherPlan } from "./program.ts";
import { layWires, type Ledger, type Taken, type Wire } from "./tap.ts";

/** Seconds of virtual time after which nothing goes wrong any more. */
const CALM = 150;

/** A verb that was called, and what came of it. */
export interface Said {
  readonly verb: string;
  /** Whether the delivery's signal had fired before. */
  readonly late: boolean;
  /** Whether the consumer was closed before. */
  readonly closed: boolean;
  readonly at: number;
  done?: boolean;
  error?: unknown;
}

/** A delivery that was given to a handler. */
export interface Given {
  readonly run?: Run;
  readonly delivery: Delivery<any>;
  readonly queue: string;
  readonly messageId: string;
  readonly handle: string;
  readonly at: number;
  /** What SQS had of it then. */
  readonly view?: MessageView;
  /** What else SQS had of its group before it. */
  readonly before: readonly MessageView[];
  /** Those of its consumer that were unsettled then, itself included. */
  readonly unsettled: number;
  /** Whether its consumer had been told to end. */
  readonly ended: boolean;
  readonly said: Said[];
  /** What was seen of its signal, a second after another had it. */
  unheard?: boolean;
  /** How the handler of `forEach` has ended. */
  handled?: "returned" | "threw";
  /** Broke the loop in its hands. */
  broken?: boolean;
}

/** A consumer and what was seen of it. */
export interface Run {
  readonly plan: ConsumerPlan;
  readonly deliveries: Deliveries<any>;
  readonly given: Given[];
  /** No other has its broker. */
  readonly own: boolean;
  readonly began: number;
  ended?: number;
  /** Handovers that its broker had told of by then. */
  handovers?: number;
  looped?: number;
  closed?: number;
  error?: unknown;
}

/** A publisher's input and its result. */
export interface Published {
  readonly n: number;
  readonly queue: string;
  readonly result?: PublishResult;
}

/** A payload in the store. */
export interface Payload {
  readonly n: number;
  readonly text: string;
  /** When it was removed, and whether its message was in a queue then. */
  removed?: { readonly at: number; readonly orphaned: boolean; readonly undone: boolean };
}

/** All that was seen. */
export interface History {
  readonly program: Program;
  readonly sqs: MemorySqs;
  readonly ledger: Ledger;
  readonly events: readonly (DashiEvent & { readonly broker: number; readonly at: number })[];
  readonly runs: readonly Run[];
  readonly given: readonly Given[];
  readonly published: readonly Published[];
  /** Publishers that were neither broken nor aborted: how many inputs and results. */
  readonly counted: readonly { readonly inputs: number; readonly results: number }[];
  readonly payloads: ReadonlyMap<string, Payload>;
  /** What verbs other than a delivery's threw. */
  readonly thrown: readonly unknown[];
  readonly unhandled: readonly unknown[];
  /** What waits on the clock at the end. */
  readonly waits: readonly string[];
  /** Queues that others were asked before, again and again. */
  readonly starved: readonly string[];
  /** Why the program did not come to its end. */
  readonly stuck?: unknown;
}

/** What users throw and abort with here: it is theirs. */
export class OfTheUser extends Error {}

/** Plays a program. */
export async function play(program: Program): Promise<History> {
  const sqs = memorySqs({ seed: program.seed, order: program.order });
  const { clock } = sqs;
  const start = +clock.now();
  const seconds = () => (+clock.now() - start) / 1000;
  const names = makeQueues(sqs, program);
  const events: (DashiEvent & { broker: number; at: number })[] = [];
  const runs: Run[] = [];
  const given: Given[] = [];
  const published: Published[] = [];
  const counted: { inputs: number; results: number }[] = [];
  const thrown: unknown[] = [];
  const unhandled: unknown[] = [];
  const background: Promise<unknown>[] = [];
  const actors: readonly Actor[] = [...program.consumers, ...program.publishers, ...program.others];
  const brokers: Broker[] = [];
  const endOf = new Map<Run, () => void>();
  const passedOver = new Map<string, { count: number; since: number }>();
  const starved: string[] = [];
  const { ledger, fetchOf } = layWires(sqs, program, seconds, CALM, { asks, took });
  let numbers = 0;
  const { store, payloads } = makeStore(
    program,
    sqs,
    ledger,
    seconds,
    (text) => sqs.queueNames.some((name) => sqs.messages(name).some(({ body }) => body === text)),
  );

  function brokerOf(index: number): Broker {
    return brokers[index] ??= connect({
      ...sqs.connectOptions,
      http: { fetch: fetchOf(index) },
      codec: program.codec === "json" ? json() : kombu(),
      waitTimeSeconds: program.waitTimeSeconds,
      pollingInterval: 2,
      payloads: program.payloads ? store : undefined,
      predefinedQueues: program.predefined
        ? Object.fromEntries(
          names.map((name) => [name, { url: sqs.createQueue(name, attributesOf(program, name)) }]),
        )
        : undefined,
      onEvent: (event) => events.push({ ...event, broker: index, at: seconds() }),
    });
  }
  const queueOf = (index: number) => names[index % program.queues.length];
  const after = (seconds: number, work: () => unknown) => void background.push(clock.sleep(seconds).then(work));
  const aborting = (seconds: number | null) => {
    if (seconds === null) return undefined;
    const controller = new AbortController();
    after(seconds, () => controller.abort(new OfTheUser("enough")));
    return controller.signal;
  };
  const whenOver = (work: Promise<unknown>) => work.catch((error) => void thrown.push(error));

  /** Counts how often a consumer asks other queues while one has messages for it and is not asked. */
  function asks({ broker, input }: Wire): void {
    const asked = input.QueueUrl.split("/").at(-1);
    const run = runs.find(({ own, plan, ended, closed }) => own && plan.broker === broker && !ended && !closed);
    if (!run || (run.plan.options.strategy ?? "fair") !== "fair") return;
    for (const queue of new Set(run.plan.queues.map(queueOf))) {
      const key = `${queue} for broker ${broker}`;
      const resting = events.findLast((event) => event.type === "poll-failed" && event.queue === queue);
      const waits = queue !== asked && sqs.queueNames.includes(queue) && sqs.messages(queue).some((one) =>
        isFree(one, queue)
      ) &&
        !(resting && resting.at > seconds() - 35) &&
        !ledger.wires.some((wire) => wire.broker === broker && wire.open && wire.input.QueueUrl?.endsWith(`/${queue}`));
      const { count, since } = waits && passedOver.get(key) || { count: 0, since: seconds() };
      passedOver.set(key, { count: count + 1, since });
      // One that was empty rests for a while.
      if (count > 20 && seconds() - since > 10) starved.push(`${key} from ${since} to ${seconds()}`);
    }
  }
  /** Visible, and in a FIFO queue behind nothing that is not. */
  function isFree({ state, groupId }: MessageView, queue: string): boolean {
    return state === "visible" &&
      (!queue.endsWith(".fifo") || sqs.messages(queue).find((other) => other.groupId === groupId)?.state === "visible");
  }

  /** Whoever has an earlier receive of the message must be told a second later that it is not his any more. */
  function took({ messageId, handle, queue }: Taken): void {
    for (const one of given) {
      const { run, delivery } = one;
      if (one.messageId !== messageId || one.handle === handle || !run || delivery.signal.aborted || !isHeld(one)) {
        continue;
      }
      if (one.said.some(({ verb }) => verb !== "extend") || run.closed !== undefined) continue;
      after(1, () => {
        // While a heartbeat is under way only SQS can tell, and one may wait for the request before it.
        const asked = ledger.wires.some((wire) =>
          wire.action.startsWith("Change") && wire.at > seconds() - 35 && wire.broker === run.plan.broker &&
          wire.input.QueueUrl.endsWith(`/${queue}`)
        );
        one.unheard = !asked && !delivery.signal.aborted && isHeld(one) && run.closed === undefined;
      });
    }
  }

  function note(delivery: Delivery<any>, run?: Run): Given {
    const { queue, messageId, receiptHandle: handle, groupId } = delivery;
    const views = sqs.queueNames.includes(queue) ? sqs.messages(queue) : [];
    const place = views.findIndex((view) => view.messageId === messageId);
    const one: Given = {
      run,
      delivery,
      queue,
      messageId,
      handle,
      at: seconds(),
      view: views[place],
      before: views.slice(0, Math.max(0, place)).filter((view) => queue.endsWith(".fifo") && view.groupId === groupId),
      unsettled: 1 + (run?.given.filter(isHeld).length ?? 0),
      ended: run?.ended !== undefined,
      said: [],
    };
    given.push(one);
    run?.given.push(one);
    return one;
  }

  async function say(one: Given, verb: string, call: () => Promise<unknown>): Promise<void> {
    const said: Said = {
      verb,
      late: one.delivery.signal.aborted,
      closed: one.run?.closed !== undefined,
      at: seconds(),
    };
    one.said.push(said);
    await call().then(() => said.done = true, (error) => said.error = error);
  }

  async function handle(one: Given, plan: Handling): Promise<void> {
    if (plan.seconds && plan.does !== "ack late") await clock.sleep(plan.seconds);
    const { delivery, run } = one;
    const ack = () => say(one, "ack", () => delivery.ack());
    const release = (visibleAfter?: number) => say(one, "release", () => delivery.release({ visibleAfter }));
    const verbs: Record<Handling["does"], () => Promise<unknown> | void> = {
      "ack": ack,
      "nothing": () => {},
      "reject": () => say(one, "reject", () => delivery.reject()),
      "requeue": () => say(one, "release", () => delivery.reject({ requeue: true })),
      "release": () => release(),
      "release later": () => release(4),
      "retry": () => say(one, "retry", () => delivery.retry()),
      "leave": () => say(one, "leave", () => delivery.leave()),
      "throw": () => {
        throw new OfTheUser("the handler fails");
      },
      "extend and ack": () => say(one, "extend", () => delivery.extend(45)).then(ack),
      "ack twice": () => Promise.all([ack(), ack()]),
      "release and ack": () => Promise.all([release(), ack()]),
      "ack late": () => after(plan.seconds, ack),
      "ack after the end": () => void background.push(run ? run.deliveries.closed.then(ack) : ack()),
      "publish and ack": () =>
        publish(brokerOf(4), { n: numbers++ }, { queue: queueOf(0) }).catch((error) => thrown.push(error)).then(ack),
      "stop and ack": () => {
        if (run) endOf.get(run)!();
        return ack();
      },
      "stream and ack": () => new Response(delivery.stream()).text().catch((error) => thrown.push(error)).then(ack),
    };
    const done = verbs[plan.does]();
    if (plan.waits) await done;
    else if (done) background.push(done);
  }

  async function consuming(plan: ConsumerPlan): Promise<void> {
    const enough = new AbortController();
    const broker = brokerOf(plan.broker);
    const { backoff, schema, ...options } = plan.options;
    const queues = [...new Set(plan.queues.map(queueOf))].map((queue, index) => ({
      queue,
      priority: index,
      weight: index + 1,
    }));
    const all: ConsumeOptions<any> = {
      ...options,
      ...plan.budget,
      visibilityTimeout: plan.visibilityTimeout ?? undefined,
      signal: enough.signal,
      backoff: backoff && BACKOFFS[backoff],
      schema: schema ? SCHEMA : undefined,
    };
    const { ack: _ack, heartbeat: _heartbeat, dropExpired: _drop, schema: _schema, payloads: _payloads, ...receiving } =
      all;
    const deliveries: Deliveries<any> = plan.loop.endsWith("pipeline")
      ? receive(broker, queues, receiving)
      : consume(broker, queues, all);
    const users = actors.filter((actor) => actor.broker === plan.broker).length;
    const run: Run = { plan, deliveries, given: [], own: users === 1, began: seconds() };
    runs.push(run);
    let over = false;
    const end = (stop?: () => unknown) => {
      run.ended ??= seconds();
      run.handovers ??= handovers(plan.broker);
      stop?.();
    };
    const stop = () => end(() => void deliveries.stop());
    endOf.set(run, stop);
    const { how, after: later } = plan.end;
    const breaks = !plan.loop.startsWith("forEach") && how !== "stop" && how !== "signal";
    after(later, () => {
      over = true;
      if (!breaks) how === "signal" ? end(() => enough.abort(new OfTheUser("enough"))) : stop();
    });
    if (breaks) after(later + 40, stop);
    deliveries.closed.then(() => {
      run.closed = seconds();
    });
    let turn = 0;
    const next = () => plan.handling[turn++ % plan.handling.length];
    const loop = async () => {
      const codec = program.codec === "json" ? json() : kombu();
      const source: AsyncIterable<any> = plan.loop.endsWith("pipeline")
        ? pipe(deliveries, keepInvisible(broker), decode(codec), readAhead(3))
        : deliveries;
      if (plan.loop.startsWith("forEach")) {
        await forEach(source, async (delivery) => {
          const one = note(delivery, run);
          try {
            await handle(one, next());
            one.handled = "returned";
          } finally {
            one.handled ??= "threw";
          }
        }, { concurrency: plan.concurrency, onError: plan.onError });
        return;
      }
      for await (const delivery of source) {
        const one = note(delivery, run);
        await handle(one, next());
        if (!over || run.ended !== undefined) continue;
        one.broken = true;
        end();
        if (how === "throw") throw new OfTheUser("the loop fails");
        if (how === "break") break;
        await deliveries.stop();
      }
    };
    await loop().catch((error) => {
      if (error instanceof OfTheUser) end();
      run.error = error;
    });
    run.looped = seconds();
    run.handovers ??= handovers(plan.broker);
    await deliveries.closed;
  }
  const handovers = (broker: number) =>
    events.filter((event) => event.type === "handover" && event.broker === broker).length;

  async function publishing(plan: PublisherPlan): Promise<void> {
    const broker = brokerOf(plan.broker);
    const queue = queueOf(plan.queue);
    const fifo = queue.endsWith(".fifo");
    const signal = aborting(plan.abortAfter);
    const inputs = plan.messages.map(({ size, group, delay, expiration, deduplication, bad }) => ({
      body: { n: numbers++, ...(bad && { bad }), ...(size && { pad: "x".repeat(size) }) },
      expiration: expiration ?? undefined,
      ...(fifo
        ? { groupId: `g${group}`, deduplicationId: deduplication ? `d${deduplication}` : undefined }
        : { delaySeconds: delay ?? undefined }),
    }));
    const took = (index: number, result?: PublishResult) => published.push({ n: inputs[index].body.n, queue, result });
    if (plan.does === "publish") {
      for (const { body, ...options } of inputs) {
        const result = await publish(broker, body, { queue, signal, ...options }).catch(
          (error) => void thrown.push(error),
        );
        published.push({ n: body.n, queue, result: result ?? undefined });
      }
      return;
    }
    const { concurrency, batchGroups } = plan;
    const options = { queue, signal, concurrency, batchGroups };
    const results: PublishResult[] = [];
    if (plan.does === "publishMany") {
      results.push(...await publishMany(broker, inputs, options));
    } else {
      for await (const result of publishAll(broker, inputs, options)) {
        results.push(result);
        if (results.length === plan.breakAfter) break;
      }
    }
    results.forEach((result, index) => took(index, result));
    if (results.length !== plan.breakAfter || plan.does === "publishMany") {
      counted.push({ inputs: inputs.length, results: results.length });
    }
  }

  async function doing(plan: OtherPlan): Promise<void> {
    const broker = brokerOf(plan.broker);
    const queue = queueOf(plan.queue);
    const signal = aborting(plan.abortAfter);
    switch (plan.does) {
      case "get": {
        const delivery = await get(broker, queue, { waitTimeSeconds: plan.wait, signal });
        if (delivery) await handle(note(delivery), plan.handling).catch((error) => void thrown.push(error));
        return;
      }
      case "size":
        return void await queueSize(broker, queue, { signal });
      case "poison": {
        if (!sqs.queueNames.includes(queue)) return;
        const options = queue.endsWith(".fifo") ? { groupId: "g0", deduplicationId: crypto.randomUUID() } : {};
        return void await sqs.sendMessage(queue, `{"n":${numbers++}`, options);
      }
      case "purge":
        return void await purgeQueue(broker, queue, { signal });
      case "delete":
        return void await deleteQueue(broker, queue, { signal });
      case "redrive":
        return void await redrive(broker, deadOf(queue), { signal });
    }
  }

  async function act(actor: Actor): Promise<void> {
    await clock.sleep(actor.at);
    if ("loop" in actor) await consuming(actor);
    else if ("messages" in actor) await publishing(actor);
    else await doing(actor);
  }

  const hear = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unhandled.push(event.reason);
  };
  globalThis.addEventListener("unhandledrejection", hear);
  let stuck: unknown;
  try {
    await clock.run(async () => {
      await Promise.all(actors.map((actor) => whenOver(act(actor))));
      for (let done = 0; done < background.length; done++) await background[done];
      await clock.sleep(200); // what nobody waits for any more
    }, { limit: 4000 });
    await clock.settle();
  } catch (error) {
    stuck = error;
  }
  globalThis.removeEventListener("unhandledrejection", hear);
  return {
    program,
    sqs,
    ledger,
    events,
    runs,
    given,
    published,
    counted,
    payloads,
    thrown,
    unhandled,
    starved,
    waits: clock.waits.map(({ label }) => label).filter((label) => label !== "a sleep of Infinity s"),
    stuck,
  };
}

/** True for a delivery that its user still has: no verb of it is confirmed, and its signal has not fired. */
export function isHeld({ said, delivery, handled }: Given): boolean {
  return !delivery.signal.aborted && !handled &&
    !said.some(({ verb, done, error }) => verb !== "extend" && (done || error));
}

const BACKOFFS = {
  map: { 1: 2, 2: 9 },
  function: ({ receiveCount }: Delivery) => 3 * receiveCount,
  throws: () => {
    throw new OfTheUser("the backoff fails");
  },
};

const SCHEMA = {
  "~standard": {
    version: 1,
    vendor: "tests",
    validate: (value: any) => value?.bad ? { issues: [{ message: "it is bad" }] } : { value },
  },
} as const;

function deadOf(queue: string): string {
  return `dead-${queue}`;
}

function attributesOf(program: Program, name: string): Record<string, string | number> {
  const { visibility, maxReceives } = program.queues[Number(/\d+/.exec(name)![0])];
  if (maxReceives === null) return { VisibilityTimeout: visibility };
  const deadLetterTargetArn = `arn:aws:sqs:us-east-1:000000000000:${deadOf(name)}`;
  return {
    VisibilityTimeout: visibility,
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: maxReceives }),
  };
}

function makeQueues(sqs: MemorySqs, program: Program): string[] {
  return program.queues.map(({ fifo, maxReceives }, index) => {
    const name = `q${index}${fifo ? ".fifo" : ""}`;
    if (maxReceives !== null) sqs.createQueue(deadOf(name));
    sqs.createQueue(name, attributesOf(program, name));
    return name;
  });
}

/** A store in memory that is slow and fails as the program says. */
function makeStore(
  program: Program,
  { clock }: MemorySqs,
  ledger: Ledger,
  seconds: () => number,
  isThere: (body: string) => boolean,
) {
  const payloads = new Map<string, Payload>();
  const { delays, fails, ignoreNotFound } = program.payloads ?? { delays: [0], fails: [false], ignoreNotFound: false };
  let calls = 0;
  const trouble = async (signal?: AbortSignal) => {
    const call = calls++;
    await clock.sleep(delays[call % delays.length], signal);
    if (fails[call % fails.length] && seconds() < CALM) throw new OfTheUser("the store is down");
  };
  // A message whose send was tried twice may be there twice, with one payload: it goes with the first that is deleted.
  const isDeleted = (n: number) =>
    [...ledger.numbers].some(([messageId, number]) =>
      n === number && ledger.handles.get(messageId)?.some((handle) => ledger.deleted.has(handle))
    );
  const remove = (key: string, undone: boolean) => {
    const payload = payloads.get(key);
    if (!payload) return;
    const orphaned = isThere(`at:${key}`) && !isDeleted(payload.n);
    payload.removed ??= { at: seconds(), orphaned, undone };
  };
  let count = 0;
  const store: PayloadStore = {
    threshold: 300,
    always: false,
    isPointer: (body) => body.startsWith("at:"),
    async offload(body, _options, { signal }) {
      await trouble(signal);
      const text = await new Response(body).text();
      const n = Number(/"n":\s?(\d+)/.exec(text)?.[1] ?? /"n":\s?(\d+)/.exec(atob(JSON.parse(atob(text)).body))![1]);
      const key = `${n}/${count++}`;
      payloads.set(key, { n, text });
      const undo = () => Promise.resolve(remove(key, true));
      return { body: `at:${key}`, messageAttributes: {}, location: { bucket: "bowl", key }, undo };
    },
    async resolve(pointer, { lazy }, { signal }) {
      const key = pointer.slice("at:".length);
      await trouble(signal);
      const payload = payloads.get(key);
      const location = { bucket: "bowl", key };
      const stream = () => new Blob([payload?.text ?? ""]).stream();
      if (payload && !payload.removed) return { body: lazy ? undefined : payload.text, location, stream };
      if (ignoreNotFound) return { location, stream, missing: true };
      throw new OfTheUser("the store has no such payload");
    },
    async cleanUp(locations) {
      await trouble();
      for (const { key } of locations) remove(key, false);
    },
  };
  return { store, payloads };
}

export type { Taken };
