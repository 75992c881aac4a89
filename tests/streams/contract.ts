/**
 * What every stream transform promises, as a suite that takes the transform.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Transform } from "../../lib/types.ts";

/** A transform under test. */
export interface Subject<A, B> {
  /** Its name in the tests' names. */
  readonly name: string;
  /** Makes it anew. */
  readonly make: () => Transform<A, B>;
  /** Makes the item of a number; `released` is to be called when the item is handed back. */
  readonly item: (index: number, released: () => void) => A;
  /** The numbers of the items that an output holds. */
  readonly indexes: (output: B) => readonly number[];
  /** How many items may be read beyond those that were yielded. */
  readonly ahead: number;
  /** How many items one output takes. Default: 1. */
  readonly group?: number;
}

/** An item of {@linkcode plainItem}. */
export interface PlainItem {
  readonly index: number;
  release(): Promise<void>;
}

/** An item that is nothing but its number, and can be released. */
export function plainItem(index: number, released: () => void): PlainItem {
  return { index, release: () => Promise.resolve(released()) };
}

/** Lets everything go on that waits for nothing but its turn. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 100; turn++) await null;
}

/** Fails if a promise needs more than its turn. */
async function promptly<T>(promise: Promise<T>): Promise<T> {
  const late = Symbol();
  const first = await Promise.race([promise, turns().then(() => late)]);
  assert.notEqual(first, late, "it is still pending");
  return first as T;
}

/** A source that writes down what happens to it. */
function probe<A>(item: Subject<A, unknown>["item"], { count = 12, gateAt = Infinity, failAt = Infinity } = {}) {
  const seen = { opened: 0, read: 0, closed: 0, released: [] as number[] };
  const gate = Promise.withResolvers<void>();
  async function* items(): AsyncGenerator<A> {
    try {
      for (let index = 0; index < count; index++) {
        if (index === gateAt) await gate.promise;
        if (index === failAt) throw new Error("the source broke");
        seen.read++;
        yield item(index, () => seen.released.push(index));
      }
    } finally {
      seen.closed++;
    }
  }
  const source: AsyncIterable<A> = {
    [Symbol.asyncIterator]() {
      seen.opened++;
      return items();
    },
  };
  return { seen, source, open: gate.resolve };
}

/** Runs the contract over a transform. */
export function testContract<A, B>(subject: Subject<A, B>): void {
  const { name, make, item, indexes, ahead, group = 1 } = subject;
  const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);
  const begin = (options?: Parameters<typeof probe>[1]) => {
    const { seen, source, open } = probe(item, options);
    return { seen, open, output: make()(source) };
  };
  /** Everything that was read went one way: out, or back. */
  const accounted = (seen: { read: number; released: number[] }, yielded: readonly number[]) =>
    assert.deepEqual([...yielded, ...seen.released].sort((a, b) => a - b), numbers(seen.read));

  Deno.test(`${name} yields every item once, and closes its source at the end`, async () => {
    const { seen, output } = begin();
    const yielded = (await Array.fromAsync(output)).flatMap(indexes);
    assert.deepEqual(yielded.toSorted((a, b) => a - b), numbers(12));
    assert.deepEqual(seen, { opened: 1, read: 12, closed: 1, released: [] });
  });

  Deno.test(`${name} starts nothing before the first next()`, async () => {
    const { seen, output } = begin();
    const iterator = output[Symbol.asyncIterator]();
    await turns();
    assert.deepEqual([seen.opened, seen.read], [0, 0]);
    await iterator.next();
    assert.equal(seen.opened, 1);
    await iterator.return?.();
    await turns();
  });

  Deno.test(`${name} reads nothing when it is closed before the first next()`, async () => {
    const { seen, output } = begin();
    const iterator = output[Symbol.asyncIterator]();
    await iterator.return?.();
    assert.equal((await iterator.next()).done, true);
    assert.equal(seen.read, 0);
  });

  for (const way of ["break", "throw"]) {
    Deno.test(`${name} closes its source and hands back the rest on ${way}`, async () => {
      const { seen, output } = begin();
      const yielded: number[] = [];
      const loop = async () => {
        for await (const value of output) {
          yielded.push(...indexes(value));
          await turns();
          if (way === "throw") throw new Error("the loop broke");
          break;
        }
      };
      if (way === "throw") await assert.rejects(loop(), /the loop broke/);
      else await loop();
      await turns();
      assert.equal(seen.closed, 1);
      accounted(seen, yielded);
    });
  }

  Deno.test(`${name} reads at most ${ahead} ahead`, async () => {
    const { seen, output } = begin({ count: 40 });
    let yielded = 0;
    for await (const value of output) {
      yielded += indexes(value).length;
      await turns();
      assert.ok(seen.read <= yielded + ahead, `${seen.read} read with ${yielded} yielded`);
    }
  });

  Deno.test(`${name} ends at once though its source is busy, and hands back what that brings later`, async () => {
    const gateAt = 4 * group;
    const { seen, open, output } = begin({ gateAt });
    const iterator = output[Symbol.asyncIterator]();
    const yielded: number[] = [];
    while (yielded.length < gateAt) yielded.push(...indexes((await iterator.next()).value));
    const pending = iterator.next();
    await turns();
    await promptly(iterator.return!());
    assert.equal(seen.closed, 0);
    open();
    assert.equal((await pending).done, true);
    await turns();
    assert.equal(seen.closed, 1);
    assert.deepEqual(seen.released, [gateAt]);
    accounted(seen, yielded);
  });

  Deno.test(`${name} ends a next() that waits when its source ends at once`, async () => {
    const closed = Promise.withResolvers<IteratorResult<A>>();
    const stuck: AsyncIterable<A> = {
      [Symbol.asyncIterator]: () => ({
        next: () => closed.promise,
        return() {
          closed.resolve({ done: true, value: undefined });
          return closed.promise;
        },
      }),
    };
    const iterator = make()(stuck)[Symbol.asyncIterator]();
    const pending = iterator.next();
    await turns();
    await promptly(iterator.return!());
    assert.deepEqual(await promptly(pending), { done: true, value: undefined });
  });

  Deno.test(`${name} may be closed twice, and gives nothing after`, async () => {
    const { seen, output } = begin();
    const iterator = output[Symbol.asyncIterator]();
    await iterator.next();
    await Promise.all([iterator.return!(), iterator.return!()]);
    assert.equal((await iterator.return!()).done, true);
    assert.equal((await iterator.next()).done, true);
    await turns();
    assert.equal(seen.closed, 1);
    assert.equal(new Set(seen.released).size, seen.released.length);
  });

  Deno.test(`${name} raises an error after the items before it`, async () => {
    const failAt = 5 * group;
    const { seen, output } = begin({ failAt });
    const iterator = output[Symbol.asyncIterator]();
    const yielded: number[] = [];
    await assert.rejects(async () => {
      for (;;) yielded.push(...indexes((await iterator.next()).value));
    }, /the source broke/);
    assert.deepEqual(yielded.toSorted((a, b) => a - b), numbers(failAt));
    assert.equal((await iterator.next()).done, true);
    assert.deepEqual([seen.closed, seen.released], [1, []]);
  });

  Deno.test(`${name} answers next() calls made at once, in order`, async () => {
    const { output } = begin({ count: 4 * group });
    const iterator = output[Symbol.asyncIterator]();
    const answered: number[] = [];
    const results = await Promise.all(
      numbers(6).map(async (call) => {
        const result = await iterator.next();
        answered.push(call);
        return result;
      }),
    );
    assert.deepEqual(answered, numbers(6));
    assert.deepEqual(results.map(({ done = false }) => done), [false, false, false, false, true, true]);
    const yielded = results.filter(({ done }) => !done).flatMap(({ value }) => indexes(value));
    assert.deepEqual(yielded.toSorted((a, b) => a - b), numbers(4 * group));
  });

  Deno.test(`${name} closes a source that has nothing to close`, async () => {
    let index = 0;
    const bare: AsyncIterable<A> = {
      [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: false, value: item(index++, () => {}) }) }),
    };
    for await (const _ of make()(bare)) break;
  });
}
