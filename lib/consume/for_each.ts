import { asError } from "../as_error.ts";
import { assertIterable, assertOptions, is, oneOf, show, within } from "../check.ts";
import type { Consumer } from "./consumer.ts";
import * as DEFAULTS from "./defaults.ts";
import { consumerOf } from "./deliveries.ts";
import { type Delivery, heldOf, type UndecodableDelivery } from "./delivery.ts";
import { handOver } from "./hand_over.ts";
import { isFifo, tell } from "./held.ts";

/** Options of {@linkcode forEach}. */
export interface ForEachOptions {
  /**
   * Handlers that run side by side, 1 or more, `Infinity` for as many as there are messages; no more than the consumer's
   * `prefetch` have one, and a `warning` event tells where that is fewer. Default: 10.
   */
  readonly concurrency?: number | undefined;
  /**
   * What becomes of a message whose handler throws. `"retry"`: it stays in the queue, hidden for its `backoff`, else for
   * what is left of its timeout; never deleted. `"reject"`: kombu's rule, which deletes where nothing else is said.
   * Default: `"retry"`.
   */
  readonly onError?: "retry" | "reject" | undefined;
}

const COUNTED = { ack: "acked", release: "released", reject: "rejected" } as const;

/** How many messages {@linkcode forEach} settled, and how. */
export interface ForEachResult {
  /** Handled and deleted. */
  readonly acked: number;
  /** Given back, to be received again. */
  readonly released: number;
  /** Rejected: on their way to the dead-letter queue, or deleted where there is none. */
  readonly rejected: number;
}

/**
 * Runs a handler for each delivery, several side by side, and settles: acks when the handler returns. What it throws is
 * an `error` event with the message's id. In a FIFO group one runs at a time and a failure gives the rest of the group
 * back; groups go side by side.
 *
 * When `maxMessages`, `maxRequests` or `untilEmpty` end the iteration, what it works on is finished, however long that
 * takes. Any other end gives it `graceSeconds`.
 *
 * @param deliveries What `consume()` gave, or a pipeline of your own over `receive()`.
 * @param handler Is given the delivery. It may settle it itself.
 * @param options Concurrency, and what a throw means.
 * @returns How many were acked, released (kept for another try) and rejected, when the iteration is over.
 * @throws {ConfigError} If the handler is no function, or an option is wrong: nothing is received then.
 * @throws What no retry mends, such as a queue that does not exist.
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { connect, consume, forEach, publish } from "@dashi/sqs";
 * import { memorySqs } from "@dashi/sqs/testing";
 *
 * const sqs = memorySqs();
 * sqs.createQueue("orders");
 * const broker = connect(sqs.connectOptions);
 * await publish(broker, { id: 1 }, { queue: "orders" });
 * const orders = consume(broker, "orders", { prefetch: 100, untilEmpty: true, waitTimeSeconds: 0 });
 * const { acked } = await forEach(orders, ({ body }) => console.log(body), { concurrency: 50 });
 * assert.equal(acked, 1);
 * ```
 */
export async function forEach<D extends Delivery<any> | UndecodableDelivery>(
  deliveries: AsyncIterable<D>,
  handler: (delivery: D) => unknown,
  options: ForEachOptions = {},
): Promise<ForEachResult> {
  assertIterable("deliveries", deliveries);
  is("function")("handler", handler);
  assertOptions<ForEachOptions>("", options, {
    concurrency: (path, value) => value === Infinity || within(1, Infinity)(path, value),
    onError: oneOf("retry", "reject"),
  });
  const { concurrency = DEFAULTS.concurrency, onError = "retry" } = options;
  const consumer = consumerOf(deliveries);
  if (consumer) {
    const { settings: { prefetch }, state } = consumer;
    if (options.concurrency && concurrency > prefetch && concurrency < Infinity) {
      const message =
        `forEach() runs ${prefetch} handlers at a time and not ${concurrency}: set consume()'s 'prefetch'`;
      state.emit({ type: "warning", message });
    }
  }
  const counts = { acked: 0, released: 0, rejected: 0 };
  const groups = new Map<string, D[]>(); // of FIFO groups with a handler at work: those who wait for it
  let running = 0; // groups, and messages without one
  let taken = 0; // messages, those that wait for their group too
  let settling = 0;
  let roomier = () => {};

  function settle(settlement: Promise<void>, count: keyof ForEachResult): void {
    // One that fails has its event, and its message comes again.
    const done = (confirmed: 0 | 1) => {
      counts[count] += confirmed;
      settling--;
      roomier();
    };
    settling++;
    settlement.then(() => done(1), () => done(0));
  }

  async function work(delivery: D): Promise<void> {
    const held = heldOf(delivery as Delivery<unknown>);
    let failure: { readonly error: unknown } | undefined;
    try {
      await handler(delivery);
    } catch (error) {
      failure = { error };
    }
    const aborted = held.consumer.settings.signal?.aborted;
    if (failure && !aborted) {
      tell(held, { type: "error", error: asError(failure.error, `A handler threw ${show(failure.error)}`) });
    }
    const { verb, settlement } = held;
    // A handler that settled it itself is not corrected, even if that failed: an ack now could delete what it gave back.
    if (verb) settlement && settle(settlement, COUNTED[verb]);
    else if (!failure) settle(delivery.ack(), "acked");
    else if (aborted) settle(delivery.release(), "released");
    else if (onError === "retry") settle(delivery.retry(failure), "released");
    else settle(delivery.reject(failure), "rejected");
  }

  async function run(consumer: Consumer, delivery: D, waiting: D[] | undefined, key: string): Promise<void> {
    consumer.working++;
    // Whatever stands between: it acks when the handler returns, not when the next one is asked for.
    consumer.acksLast = false;
    consumer.linger = consumer.settings.ackLinger ?? DEFAULTS.ackLinger;
    for (let next: D | undefined = delivery; next; next = waiting?.shift()) {
      const { where, controller } = heldOf(next as Delivery<unknown>);
      // Not one that went back or lapsed while it waited, for its group or in a pipeline that reads ahead. What a step of the
      // pipeline has settled itself is still to be worked on.
      if (where === "out" ? handOver(next as Delivery<unknown>) : !controller?.signal.aborted) await work(next);
      taken--;
    }
    groups.delete(key);
    consumer.working--;
    consumer.changed();
    running--;
    roomier();
  }

  // The prefetch bounds what waits for its group, but with `ack: "none"`, where that is deleted already.
  const hasRoom = ({ deletesFirst }: Consumer) => (deletesFirst ? taken : running) < concurrency;
  const until = (enough: () => boolean) =>
    new Promise<void>((resolve) => {
      roomier = () => enough() && resolve();
      roomier();
    });
  try {
    for await (const delivery of deliveries) {
      const held = heldOf(delivery as Delivery<unknown>);
      const key = isFifo(held) && delivery.groupId ? `${delivery.queue} ${delivery.groupId}` : "";
      const waiting = groups.get(key);
      if (waiting) {
        waiting.push(delivery);
      } else {
        const behind: D[] | undefined = key ? [] : undefined;
        if (behind) groups.set(key, behind);
        running++;
        void run(held.consumer, delivery, behind, key);
      }
      taken++;
      if (!hasRoom(held.consumer)) await until(() => hasRoom(held.consumer));
    }
  } finally {
    await until(() => !(running + settling));
  }
  return counts;
}
