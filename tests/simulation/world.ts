/**
 * The world that a program is played in: its queues, its brokers, and what was seen so far.
 *
 * @module
 */
import { type Broker, connect, json, kombu } from "@dashi/sqs";
import { memorySqs } from "@dashi/sqs/testing";
import { type History, OfTheUser, type Run } from "./history.ts";
import { CALM, type Program } from "./program.ts";
import { attributesOf, makeQueues } from "./queues.ts";
import { makeStore } from "./store.ts";
import { layWires } from "./tap.ts";
import { watchReceives, watchTurns } from "./watching.ts";

/** What may be added to while the program is played. */
type Growing<T> = { readonly [K in keyof T]: T[K] extends readonly (infer U)[] ? U[] : T[K] };

/** A program's world. */
export interface World extends Growing<Omit<History, "stuck" | "waits" | "unhandled">> {
  /** What the program's end waits for. */
  readonly background: Promise<unknown>[];
  /** Ends a run, for a handler that stops its own consumer. */
  readonly endOf: Map<Run, () => void>;
  /** Seconds since the program began. */
  seconds(): number;
  /** The number of the next message. */
  number(): number;
  brokerOf(index: number): Broker;
  queueOf(index: number): string;
  /** Does something some seconds later, which the program's end waits for. */
  after(seconds: number, work: () => unknown): void;
}

/** Makes the world of a program. */
export function makeWorld(program: Program): World {
  const sqs = memorySqs({ seed: program.seed, order: program.order });
  const { clock } = sqs;
  const start = +clock.now();
  const seconds = () => (+clock.now() - start) / 1000;
  const names = makeQueues(sqs, program);
  const brokers: Broker[] = [];
  let numbers = 0;
  const { ledger, fetchOf } = layWires(sqs, program, seconds, CALM, {
    asks: (wire) => asks(wire),
    took: (taken) => took(taken),
  });
  const isThere = (text: string) => sqs.queueNames.some((name) => sqs.messages(name).some(({ body }) => body === text));
  const { store, payloads } = makeStore(program, sqs, ledger, seconds, isThere);

  function makeBroker(index: number): Broker {
    const predefined = () =>
      Object.fromEntries(names.map((name) => [name, { url: sqs.createQueue(name, attributesOf(program, name)) }]));
    return connect({
      ...sqs.connectOptions,
      http: { fetch: fetchOf(index) },
      codec: program.codec === "json" ? json() : kombu(),
      waitTimeSeconds: program.waitTimeSeconds,
      pollingInterval: 2,
      payloads: program.payloads ? store : undefined,
      predefinedQueues: program.predefined ? predefined() : undefined,
      onEvent: (event) => void world.events.push({ ...event, broker: index, at: seconds() }),
    });
  }

  const world: World = {
    program,
    sqs,
    ledger,
    payloads,
    events: [],
    runs: [],
    given: [],
    published: [],
    counted: [],
    thrown: [],
    starved: [],
    background: [],
    endOf: new Map(),
    seconds,
    number: () => numbers++,
    brokerOf: (index) => brokers[index] ??= makeBroker(index),
    queueOf: (index) => names[index % names.length],
    after: (seconds, work) => void world.background.push(clock.sleep(seconds).then(work)),
  };
  const asks = watchTurns(world);
  const took = watchReceives(world);
  return world;
}

/** A signal that fires after some seconds, if it is to fire at all. */
export function abortingAfter(world: World, seconds: number | null): AbortSignal | undefined {
  if (seconds === null) return undefined;
  const controller = new AbortController();
  world.after(seconds, () => controller.abort(new OfTheUser("enough")));
  return controller.signal;
}
