/**
 * The consumers of a program.
 *
 * @module
 */
import {
  consume,
  type ConsumeOptions,
  decode,
  type Deliveries,
  type Delivery,
  forEach,
  json,
  keepInvisible,
  kombu,
  pipe,
  readAhead,
  receive,
} from "@dashi/sqs";
import { handle, note } from "./handling.ts";
import { OfTheUser, type Run } from "./history.ts";
import type { Actor, ConsumerPlan } from "./program.ts";
import type { World } from "./world.ts";

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

/** Consumes as planned, until all is closed. */
export async function consuming(world: World, plan: ConsumerPlan): Promise<void> {
  const { program, seconds } = world;
  const enough = new AbortController();
  const broker = world.brokerOf(plan.broker);
  const deliveries = open(world, plan, enough.signal);
  const actors: readonly Actor[] = [...program.consumers, ...program.publishers, ...program.others];
  const users = actors.filter((actor) => actor.broker === plan.broker).length;
  const run: Run = { plan, deliveries, given: [], own: users === 1, began: seconds() };
  world.runs.push(run);
  const handovers = () =>
    world.events.filter((event) => event.type === "handover" && event.broker === plan.broker).length;
  let over = false;
  const end = (stop?: () => unknown) => {
    run.ended ??= seconds();
    run.handovers ??= handovers();
    stop?.();
  };
  const stop = () => end(() => void deliveries.stop());
  world.endOf.set(run, stop);
  const { how, after: later } = plan.end;
  const breaks = !plan.loop.startsWith("forEach") && how !== "stop" && how !== "signal";
  world.after(later, () => {
    over = true;
    if (!breaks) how === "signal" ? end(() => enough.abort(new OfTheUser("enough"))) : stop();
  });
  if (breaks) world.after(later + 40, stop);
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
        const one = note(world, delivery, run);
        try {
          await handle(world, one, next());
          one.handled = "returned";
        } finally {
          one.handled ??= "threw";
        }
      }, { concurrency: plan.concurrency, onError: plan.onError });
      return;
    }
    for await (const delivery of source) {
      const one = note(world, delivery, run);
      await handle(world, one, next());
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
  run.handovers ??= handovers();
  await deliveries.closed;
}

/** Begins to consume, or to receive for a pipeline of the user's own. */
function open({ queueOf, brokerOf }: World, plan: ConsumerPlan, signal: AbortSignal): Deliveries<any> {
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
    signal,
    backoff: backoff && BACKOFFS[backoff],
    schema: schema ? SCHEMA : undefined,
  };
  if (!plan.loop.endsWith("pipeline")) return consume(broker, queues, all);
  const { ack: _ack, heartbeat: _heartbeat, dropExpired: _drop, schema: _schema, payloads: _payloads, ...receiving } =
    all;
  return receive(broker, queues, receiving);
}
