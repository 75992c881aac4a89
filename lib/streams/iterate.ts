import type { Transform } from "../types.ts";
import { type HandBack, handBackWith } from "./hand_back.ts";

/** What a transform may do. */
export interface Flow<A, B> {
  /** How many `next()` calls have no answer yet. */
  readonly waiting: number;
  /** Reads one item, unless a read is in flight or the source has ended. */
  read(): void;
  /** Answers the oldest `next()`. */
  give(value: B): void;
  /** Closes, then makes the oldest `next()` fail. */
  fail(error: unknown): void;
  /** Answers every `next()` with the end. */
  end(): void;
}

/** What a transform does: the four things that can happen to it. */
export interface Steps<A> {
  /** A `next()` came. */
  wanted(): void;
  /** The source gave an item. */
  item(item: A): void;
  /** The source ended; with `failure`, by an error. */
  ended(failure?: { readonly error: unknown }): void;
  /** The iteration was given up: what was read and not yielded. */
  leftovers(): Iterable<A>;
}

/**
 * Makes a transform of its steps. What all of them must get right stands here, once:
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
  start: (flow: Flow<A, B>) => Steps<A>,
): Transform<A, B> {
  const giveBack = handBackWith(handBack);
  return (source) => {
    const waiting: { resolve(result: IteratorResult<B>): void; reject(error: unknown): void }[] = [];
    let reader: AsyncIterator<A> | undefined;
    let reading = false;
    let finished = false; // the source has nothing to close any more
    let closing: Promise<void> | undefined;

    const onRead = (result: IteratorResult<A>) => {
      reading = false;
      if (result.done) {
        finished = true;
        if (!closing) steps.ended();
      } else if (closing) giveBack(result.value);
      else steps.item(result.value);
    };
    const onError = (error: unknown) => {
      reading = false;
      finished = true;
      if (!closing) steps.ended({ error });
    };
    const open = () => reader ??= source[Symbol.asyncIterator]();
    const flow: Flow<A, B> = {
      get waiting() {
        return waiting.length;
      },
      read() {
        if (reading || finished || closing) return;
        reading = true;
        try {
          reader!.next().then(onRead, onError);
        } catch (error) {
          onError(error);
        }
      },
      give: (value) => waiting.shift()!.resolve({ done: false, value }),
      fail(error) {
        const { reject } = waiting.shift()!;
        const refuse = () => reject(error);
        close().then(refuse, refuse);
      },
      end: () => void close(),
    };
    const steps = start(flow);

    const close = () => closing ??= shut();
    async function shut(): Promise<void> {
      const back = Array.from(steps.leftovers(), giveBack);
      for (const { resolve } of waiting.splice(0)) resolve({ done: true, value: undefined });
      if (!finished) {
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
      next: () =>
        new Promise((resolve, reject) => {
          if (closing) return resolve({ done: true, value: undefined });
          open();
          waiting.push({ resolve, reject });
          steps.wanted();
        }),
      return: (value?: unknown) => close().then(() => ({ done: true, value })),
    } as AsyncIterableIterator<B>;
  };
}
