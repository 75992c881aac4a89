/**
 * What a program may be: queues, who works on them and how, and what goes wrong. Values shrink to the plainest.
 *
 * @module
 */
import fc from "../support/fast_check.ts";
import { FINAL, PASSING } from "../faults/faults.ts";

const sometimes = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { freq: 2 });
const rarely = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 7, arbitrary: fc.constant(null) }, { weight: 1, arbitrary });
const seconds = (...some: number[]) => fc.constantFrom(...some);

/** What ends a consumer by itself. */
interface Budget {
  maxMessages?: number;
  maxSeconds?: number;
  maxRequests?: number;
  untilEmpty?: boolean;
}

/** A queue; one in three has a dead-letter queue. */
const queue = fc.record({
  fifo: fc.boolean(),
  visibility: seconds(30, 120, 5, 2),
  maxReceives: sometimes(fc.constantFrom(5, 1, 2)),
});

/** What a handler does with a delivery, after so many seconds. */
const handling = fc.record({
  seconds: seconds(0, 0, 0, 0, 0, 0, 0.1, 0.1, 1, 7, 40),
  does: fc.constantFrom(
    "ack",
    "ack",
    "ack",
    "nothing",
    "reject",
    "requeue",
    "release",
    "release later",
    "retry",
    "leave",
    "throw",
    "extend and ack",
    "ack twice",
    "release and ack",
    "ack late",
    "ack after the end",
    "stream and ack",
    "publish and ack",
    "stop and ack",
  ),
  /** Whether it waits for what it does. */
  waits: fc.boolean().map((hurries) => !hurries),
});

const consumer = fc.record({
  does: fc.constant("consume" as const),
  at: fc.nat(25),
  broker: fc.nat(3),
  queues: fc.uniqueArray(fc.nat(2), { minLength: 1, maxLength: 3, size: "max" }),
  options: fc.record({
    prefetch: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constant(0)),
    polls: fc.integer({ min: 1, max: 8 }),
    ack: fc.constantFrom("manual", "auto", "none"),
    ackLinger: seconds(0, 0.2, 3),
    strategy: fc.constantFrom("fair", "strict", "weighted"),
    heartbeat: fc.boolean(),
    backoff: fc.constantFrom("map", "function", "throws"),
    schema: fc.boolean(),
    onUndecodable: fc.constantFrom("leave", "deliver"),
    dropExpired: fc.boolean(),
    graceSeconds: seconds(0, 3, 30),
    waitTimeSeconds: seconds(0, 1, 20),
    payloads: fc.constantFrom("eager", "lazy"),
  }, { requiredKeys: [] }),
  budget: fc.oneof(
    { weight: 4, arbitrary: fc.constant<Budget>({}) },
    fc.record({
      maxMessages: fc.integer({ min: 1, max: 30 }),
      maxSeconds: fc.integer({ min: 0, max: 60 }),
      maxRequests: fc.integer({ min: 1, max: 60 }),
      untilEmpty: fc.boolean(),
    }, { requiredKeys: [] }),
  ),
  visibilityTimeout: rarely(seconds(30, 3, 0)),
  loop: fc.constantFrom("for", "forEach", "for", "forEach", "pipeline", "forEach pipeline"),
  concurrency: fc.integer({ min: 1, max: 12 }),
  onError: fc.constantFrom("retry", "reject"),
  handling: fc.array(handling, { minLength: 1, maxLength: 8, size: "max" }),
  end: fc.record({
    how: fc.constantFrom("stop", "break", "throw", "signal", "stop inside"),
    after: fc.integer({ min: 5, max: 70 }),
  }),
});

const publisher = fc.record({
  does: fc.constantFrom("publish", "publishAll", "publishMany"),
  at: fc.nat(30),
  broker: fc.nat(3),
  queue: fc.nat(2),
  messages: fc.array(
    fc.record({
      /** Bytes on top of the message's number. */
      size: fc.constantFrom(0, 0, 0, 0, 0, 400, 400, 400, 1_100_000),
      group: fc.nat(3),
      delay: rarely(fc.integer({ min: 0, max: 20 })),
      expiration: rarely(seconds(1, 10)),
      deduplication: rarely(fc.nat(3)),
      bad: fc.constantFrom(false, false, false, false, false, false, true),
    }, { requiredKeys: ["size", "group"] }),
    { minLength: 1, maxLength: 25, size: "max" },
  ),
  concurrency: fc.integer({ min: 1, max: 4 }),
  batchGroups: fc.boolean(),
  /** Results after which the loop is broken; seconds after which the signal fires. */
  breakAfter: rarely(fc.nat(15)),
  abortAfter: rarely(fc.nat(10)),
});

const other = fc.record({
  does: fc.constantFrom("get", "get", "size", "poison", "redrive", "redrive", "purge", "delete"),
  at: fc.nat(100),
  broker: fc.nat(3),
  queue: fc.nat(2),
  handling,
  wait: seconds(0, 3),
  abortAfter: rarely(fc.nat(10)),
});

/** Seconds of virtual time after which nothing goes wrong any more. */
export const CALM = 150;

/** A program. */
export const program = fc.record({
  seed: fc.nat(1_000_000),
  order: fc.constantFrom("fifo", "random"),
  codec: fc.constantFrom("json", "kombu"),
  predefined: fc.boolean(),
  waitTimeSeconds: seconds(1, 0, 5, 20),
  queues: fc.array(queue, { minLength: 1, maxLength: 3 }),
  /** A store of payloads: its delays and failures in turn. */
  payloads: sometimes(fc.record({
    ignoreNotFound: fc.boolean(),
    delays: fc.array(seconds(0, 0, 1, 8), { minLength: 1, maxLength: 5 }),
    fails: fc.array(fc.constantFrom(false, false, true), { minLength: 1, maxLength: 5 }),
  })),
  consumers: fc.array(consumer, { minLength: 1, maxLength: 3, size: "max" }),
  publishers: fc.array(publisher, { minLength: 1, maxLength: 3, size: "max" }),
  others: fc.array(other, { maxLength: 3, size: "max" }),
  /** What goes wrong with each request in turn, over and over. */
  faults: fc.array(rarely(fc.nat(PASSING.length - 1)), { maxLength: 40, size: "max" }),
  /** A request that is refused for good, and why. */
  refused: rarely(fc.record({ request: fc.integer({ min: 5, max: 300 }), as: fc.nat(FINAL.length - 1) })),
  /** Seconds on the way there and back of each request in turn. */
  latencies: fc.array(seconds(0, 0, 0, 0.02, 0.02, 0.5, 4), { minLength: 1, maxLength: 12, size: "max" }),
  /** Whether the fetch of a request hears its signal. */
  deaf: fc.array(fc.constantFrom(false, false, false, true), { minLength: 1, maxLength: 5 }),
  /** Of each batch in turn: the entries that fail, as bits, and whether that is the sender's fault. */
  partial: fc.array(rarely(fc.record({ bits: fc.nat(1023), senderFault: fc.boolean() })), {
    maxLength: 12,
  }),
});

/** A program. */
export type Program = typeof program extends fc.Arbitrary<infer T> ? T : never;
/** One who works on the queues. */
export type Actor = ConsumerPlan | PublisherPlan | OtherPlan;
/** A consumer. */
export type ConsumerPlan = Program["consumers"][number];
/** A publisher. */
export type PublisherPlan = Program["publishers"][number];
/** One with a verb of a queue to do. */
export type OtherPlan = Program["others"][number];
/** What a handler does. */
export type Handling = ConsumerPlan["handling"][number];
