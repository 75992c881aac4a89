import { nowOf } from "../broker.ts";
import { ConfigError } from "../errors.ts";
import { onAbort } from "../on_abort.ts";
import { atHand, type MayHaveAtHand } from "../streams/at_hand.ts";
import type { Consumer } from "./consumer.ts";
import { type Delivery, heldOf } from "./delivery.ts";
import { end } from "./end.ts";
import { handOver } from "./hand_over.ts";
import * as Phase from "./phase.ts";
import { next, take } from "./take.ts";

/** What `consume()` and `receive()` give: iterate it once, with `for await`. */
export interface Deliveries<D = Delivery> extends AsyncIterable<D>, AsyncDisposable {
  /**
   * Ends the iteration. Resolves when all is settled: the same as `closed`. A loop or a handler calls it without awaiting
   * it: that would wait for the message in hand, which goes back when the grace is over.
   */
  stop(): Promise<void>;
  /**
   * Resolves when the iteration is over and nothing is left: no message held, no request, no timer. Never rejects.
   * On Workers: `ctx.waitUntil(deliveries.closed)`.
   */
  readonly closed: Promise<void>;
  /** When a receive was last answered. While the prefetch is full none is asked: a health check counts `poll-failed`s. */
  readonly lastPollAt: Date | undefined;
  /** Requests sent for this iteration so far, retries counted. */
  readonly requests: number;
}

const consumers = new WeakMap<object, Consumer>();

/** The consumer behind a stream of deliveries, if it is one of ours. */
export function consumerOf(source: object): Consumer | undefined {
  return consumers.get(source);
}

/** Makes the public side of a consumer: what its source gives, through a pipeline. */
export function deliveriesOf<D>(
  consumer: Consumer,
  pipeline: (source: AsyncIterable<Delivery<string>>) => AsyncIterable<D>,
): Deliveries<D> {
  let begun = false;
  const source: AsyncIterable<Delivery<string>> = {
    [Symbol.asyncIterator]: (): MayHaveAtHand<Delivery<string>> => ({
      [atHand]: () => take(consumer),
      next: () => next(consumer),
      return: () => end(consumer).then(() => ({ done: true, value: undefined })),
    }),
  };
  consumers.set(source, consumer);
  const { settings: { signal }, closed } = consumer;
  const stop = () => {
    end(consumer);
    return closed;
  };
  // Here and not in start(): whoever waits for `closed` may not have come to the loop when the signal fires.
  closed.then(signal && onAbort(signal, stop));
  const deliveries: Deliveries<D> = Object.freeze({
    [Symbol.asyncIterator]() {
      if (begun) throw new ConfigError("Cannot iterate deliveries twice: call consume() again");
      begun = true;
      return iterate(consumer, pipeline(source)[Symbol.asyncIterator]());
    },
    [Symbol.asyncDispose]: stop,
    stop,
    closed,
    get lastPollAt() {
      return consumer.lastPollAt;
    },
    get requests() {
      return consumer.requests;
    },
  });
  consumers.set(deliveries, consumer);
  return deliveries;
}

function iterate<D>(consumer: Consumer, inner: MayHaveAtHand<D>): AsyncIterator<D> {
  const over = { done: true, value: undefined } as const;
  consumer.cut = () => void inner.return?.().catch(() => {});
  const wait = async (): Promise<IteratorResult<D>> => {
    try {
      for (;;) {
        const result = await inner.next();
        if (result.done) {
          const { error } = consumer;
          consumer.last = consumer.error = undefined;
          consumer.changed();
          if (error) throw error;
          return over;
        }
        const delivery = result.value as Delivery<unknown>;
        if ((!consumer.deletesFirst || await deleted(delivery)) && handOver(delivery)) {
          consumer.last = delivery;
          return result;
        }
      }
    } catch (error) {
      const quiet = consumer.phase >= Phase.Ending && consumer.settings.signal?.aborted;
      end(consumer);
      if (quiet) return over;
      throw error;
    }
  };
  return {
    next() {
      // Asking for the next acks the last; the end of the loop does not ask. What was given back stays, even if that failed.
      const { last } = consumer;
      if (consumer.acksLast && last && !heldOf(last).verb) last.ack();
      consumer.last = undefined;
      if (consumer.waiters.length) consumer.changed();
      if (consumer.deletesFirst) return wait();
      for (let value: D | undefined; (value = inner[atHand]?.()) !== undefined;) {
        const delivery = value as Delivery<unknown>;
        if (!handOver(delivery)) continue;
        consumer.last = delivery;
        return Promise.resolve({ done: false, value });
      }
      return wait();
    },
    async return() {
      // The end first: a read that waits for a receive is answered by it.
      await end(consumer);
      await inner.return?.();
      return over;
    },
  };
}

/**
 * Deletes a message that was asked for, before it is handed over: whatever ends the loop, what is deleted was handed over.
 * False for one that can't be deleted, which comes again.
 */
function deleted(delivery: Delivery<unknown>): boolean | Promise<boolean> {
  const held = heldOf(delivery);
  if (held.where !== "out") return false; // it went back, or lapsed, on its way: its settlement is no deletion
  held.handedAt = nowOf(held.consumer.state);
  return delivery.ack().then(() => true, () => {
    held.consumer.taken--;
    return false;
  });
}
