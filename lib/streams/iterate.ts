import type { Transform } from "../types.ts";
import { atHand, type MayHaveAtHand } from "./at_hand.ts";
import { type HandBack, handBackWith } from "./hand_back.ts";

/** What a transform may do. */
export interface Flow<A, B> {
  /** How many `next()` calls have no answer yet. */
  readonly waiting: number;
  /** Whether the source has ended, well or not. */
  readonly over: boolean;
  /** Reads one item, unless a read is in flight or the source has ended. */
  read(): void;
  /** An item of the source that is there already, if there is one. */
  look(): A | undefined;
  /** Answers the oldest `next()`. */
  give(value: B): void;
  /** Closes, then makes the oldest `next()` fail. */
  fail(error: unknown): void;
  /** Hands an item back that was under way when the iteration was given up. */
  giveBack(item: A): void;
  /** Passes on the source's end, or its error, if it has ended and is waited for. */
  finish(): void;
}

/** What a transform does. */
export interface Steps<A, B> {
  /** A `next()` came, or the source ended. */
  step(): void;
  /** The source gave an item. */
  item(item: A): void;
  /** The iteration was given up: what was read and not yielded. Called once. */
  leftovers(): Iterable<A>;
  /** What may be yielded without waiting. */
  look?(): B | undefined;
}

/**
 * Makes a transform of its steps. What every one must get right stands here, once:
 *
 * - nothing starts before the first `next()`, and one read at most is in flight;
 * - `next()` calls are answered in order, and all at once when the iteration is given up;
 * - giving up hands back what was not yielded, also what the read in flight brings later, and closes the source. That is
 *   waited for, except where the source is busy with a read: an async generator closes only after it.
 *
 * @param handBack Takes back an item; by default its `release()` is called if it has one.
 * @param start Makes the steps for one iteration.
 */
export function iterate<A, B>(
  handBack: HandBack<A> | undefined,
  start: (flow: Flow<A, B>) => Steps<A, B>,
): Transform<A, B> {
  const giveBack = handBackWith(handBack);
  return (source) => {
    const waiting: { resolve(result: IteratorResult<B>): void; reject(error: unknown): void }[] = [];
    let reader: MayHaveAtHand<A> | undefined;
    let reading = false;
    let over: { readonly error?: unknown } | undefined; // with an error, if it failed
    let closing: Promise<void> | undefined;

    const open = () => reader ??= source[Symbol.asyncIterator]() as MayHaveAtHand<A>;
    const onEnd = (end: typeof over) => {
      over = end;
      steps.step();
    };
    const flow: Flow<A, B> = {
      giveBack,
      get waiting() {
        return waiting.length;
      },
      get over() {
        return over !== undefined;
      },
      async read() {
        if (reading || over || closing) return;
        reading = true;
        let result: IteratorResult<A>;
        try {
          result = await open().next();
        } catch (error) {
          return onEnd({ error });
        }
        reading = false;
        if (result.done) onEnd({});
        else if (closing) giveBack(result.value);
        else steps.item(result.value);
      },
      look: () => reading || over || closing || waiting.length ? undefined : open()[atHand]?.(),
      give: (value) => waiting.shift()!.resolve({ done: false, value }),
      fail(error) {
        const { reject } = waiting.shift()!;
        const refuse = () => reject(error);
        close().then(refuse, refuse);
      },
      finish() {
        if (!over || !waiting.length) return;
        if ("error" in over) flow.fail(over.error);
        else close();
      },
    };
    const steps = start(flow);

    const close = () => closing ??= shut();
    async function shut(): Promise<void> {
      const back = Array.from(steps.leftovers(), giveBack);
      for (const { resolve } of waiting.splice(0)) resolve({ done: true, value: undefined });
      if (!over) {
        const closed = open().return?.();
        if (reading) closed?.catch(() => {});
        else await closed;
      }
      await Promise.all(back);
    }

    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      [atHand]: steps.look,
      next() {
        const value = steps.look?.();
        if (value !== undefined) return Promise.resolve({ done: false, value });
        return new Promise((resolve, reject) => {
          if (closing) return resolve({ done: true, value: undefined });
          open();
          waiting.push({ resolve, reject });
          steps.step();
        });
      },
      return: (value?: unknown) => close().then(() => ({ done: true, value })),
    } as AsyncIterableIterator<B>;
  };
}
