import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { atHand } from "../../lib/streams/at_hand.ts";
import { memorySqs } from "../../lib/testing/mod.ts";
import { batch, ConfigError, filterMap, mapConcurrent, pipe, readAhead } from "../../mod.ts";
import { plainItem, turns } from "./contract.ts";

async function* from<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);

Deno.test("pipe() goes left to right and knows the type of what comes out", async () => {
  const groups: AsyncIterable<string[]> = pipe(
    from([1, 2, 3]),
    readAhead(2),
    filterMap((n) => n === 2 ? undefined : n + 1),
    mapConcurrent(2, (n) => String(n), { ordered: true }),
    batch(2, Infinity),
  );
  assert.deepEqual(await Array.fromAsync(groups), [["2", "4"]]);
  const source = from([1]);
  assert.equal(pipe(source), source);
  await source.return(undefined);
});

Deno.test("pipe() reads a list, and any other iterable, which it closes with its own end", async () => {
  const groups: AsyncIterable<number[]> = pipe([1, 2, 3], readAhead(1), batch(2, Infinity));
  assert.deepEqual(await Array.fromAsync(groups), [[1, 2], [3]]);
  assert.deepEqual(await Array.fromAsync(pipe(new Set(["a"]))), ["a"]);
  let closed = false;
  const counting = function* () {
    try {
      for (let n = 0;; n++) yield n;
    } finally {
      closed = true;
    }
  };
  for await (const n of pipe(counting(), filterMap((n) => n || undefined))) {
    assert.equal(n, 1);
    break;
  }
  assert.ok(closed);
});

Deno.test("transforms refuse a size or a time that is out of range", () => {
  for (const n of [0, -1, 1.5, NaN, Infinity, "2"] as number[]) {
    assert.throws(() => readAhead(n), ConfigError);
    assert.throws(() => batch(n, 1), ConfigError);
    assert.throws(() => mapConcurrent(n, (x) => x), ConfigError);
  }
  for (const seconds of [-1, NaN, "1"] as number[]) assert.throws(() => batch(1, seconds), ConfigError);
});

Deno.test("a source that can't be closed while it is read is nobody's unhandled rejection", async () => {
  for (const transform of [readAhead<number>(1), batch<number>(1, Infinity), mapConcurrent(1, (n: number) => n)]) {
    const reading = Promise.withResolvers<IteratorResult<number>>();
    const items = transform({
      [Symbol.asyncIterator]: () => ({ next: () => reading.promise, return: () => Promise.reject(new Error("busy")) }),
    })[Symbol.asyncIterator]();
    const next = items.next();
    await items.return!();
    assert.equal((await next).done, true);
    reading.resolve({ done: true, value: undefined });
  }
});

Deno.test("filterMap() takes what is at hand without waiting, in order, and waits for the rest", async () => {
  const ready = [1, 2, 3, 4, 5, 6, 7, 8];
  let waits = 0;
  let closed = 0;
  const source = {
    [Symbol.asyncIterator]: () => ({
      [atHand]: () => ready[0] % 4 ? ready.shift() : undefined,
      next: () => {
        waits++;
        return Promise.resolve(
          ready.length ? { done: false, value: ready.shift()! } : { done: true, value: undefined },
        );
      },
      return: () => Promise.resolve({ done: true, value: closed++ }),
    }),
  } as AsyncIterable<number>;
  const numbers = pipe(
    source,
    filterMap((n) => n === 2 ? undefined : n === 5 ? Promise.resolve(50) : n),
    filterMap((n) => n === 6 ? Promise.resolve(undefined) : n * 10),
  );
  assert.deepEqual(await Array.fromAsync(numbers), [10, 30, 40, 500, 70, 80]);
  assert.equal(waits, 3); // for 4, for 8, and for the end
  assert.equal(closed, 0);
});

Deno.test("filterMap() that throws on what is at hand hands it back and closes its source", async () => {
  const ready = [1, 2, 3];
  const released: number[] = [];
  let closed = 0;
  const source = {
    [Symbol.asyncIterator]: () => ({
      [atHand]: () => ready.shift(),
      next: () => Promise.resolve({ done: true, value: undefined }),
      return: () => Promise.resolve({ done: true, value: closed++ }),
    }),
  } as AsyncIterable<number>;
  const fail = (n: number) => {
    if (n === 2) throw new Error("not two");
    return n;
  };
  const seen: number[] = [];
  await assert.rejects(async () => {
    const handBack = (n: number) => void released.push(n);
    for await (const n of pipe(source, filterMap(fail, { handBack }), filterMap((n) => n))) seen.push(n);
  }, /not two/);
  assert.deepEqual([seen, released, ready, closed], [[1], [2], [3], 1]);
});

Deno.test("readAhead() reads while the loop is busy", async () => {
  let read = 0;
  const source = pipe(from(numbers(10)), filterMap((n) => (read++, n)));
  const iterator = pipe(source, readAhead(4))[Symbol.asyncIterator]();
  await iterator.next();
  await turns();
  assert.equal(read, 5);
  await iterator.return!();
});

Deno.test("filterMap() leaves out a million items with a flat stack", async () => {
  const last = 1_000_000;
  const found = await Array.fromAsync(pipe(from(numbers(last + 1)), filterMap((n) => n === last ? n : undefined)));
  assert.deepEqual(found, [last]);
});

Deno.test("filterMap() that left an item out waits on return() for no read that follows it", async () => {
  let go = () => {};
  async function* source() {
    yield 1;
    await new Promise<void>((resolve) => go = resolve);
  }
  const iterator = pipe(source(), filterMap(() => undefined))[Symbol.asyncIterator]();
  const next = iterator.next();
  await turns();
  await iterator.return!();
  go();
  assert.deepEqual(await next, { done: true, value: undefined });
});

Deno.test("filterMap() that is closed while fn is at work ends at once, and hands the item back when fn is done", async () => {
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  const back: number[] = [];
  const handBack = (n: number) => void back.push(n);
  const iterator = filterMap(() => promise, { handBack })(from(numbers(2)))[Symbol.asyncIterator]();
  const next = iterator.next();
  await turns();
  await iterator.return!();
  assert.deepEqual([(await next).done, back], [true, []]);
  resolve(7);
  await turns();
  assert.deepEqual(back, [0]);
});

Deno.test("filterMap() passes falsy values on, and leaves out undefined alone", async () => {
  const values = [0, "", null, false, NaN];
  assert.deepEqual(await Array.fromAsync(pipe(from(values), filterMap((value) => value))), values);
});

for (
  const [kind, fail] of [["throws", (): number => {
    throw new Error("broken");
  }], ["rejects", () => Promise.reject<number>(new Error("broken"))]] as const
) {
  Deno.test(`filterMap() and mapConcurrent() close the source and hand back the item when fn ${kind}`, async () => {
    for (const make of [filterMap, mapConcurrent.bind(undefined, 3)] as (typeof filterMap)[]) {
      const back: number[] = [];
      let closed = false;
      const source = async function* () {
        try {
          yield* numbers(6);
        } finally {
          closed = true;
        }
      };
      const out: number[] = [];
      const mapped = pipe(source(), make((n: number) => n === 2 ? fail() : n, { handBack: (n) => void back.push(n) }));
      await assert.rejects(async () => {
        for await (const n of mapped) out.push(n);
      }, /broken/);
      await turns();
      assert.deepEqual(out, [0, 1]);
      assert.ok(closed);
      assert.equal(back[0], 2);
    }
  });
}

Deno.test("filterMap() and mapConcurrent() wait for what is no Promise but can be awaited, as the queries of an ORM", async () => {
  const query = <T>(value: T): Promise<T> => {
    const run = () => Promise.resolve(value);
    return {
      then: (done, failed) => run().then(done, failed),
      catch: (failed) => run().catch(failed),
      finally: (done) => run().finally(done),
      [Symbol.toStringTag]: "query",
    };
  };
  for (const transform of [filterMap((n: number) => query(2 * n)), mapConcurrent(2, (n: number) => query(2 * n))]) {
    assert.deepEqual(await Array.fromAsync(pipe(numbers(3), transform)), [0, 2, 4]);
  }
});

Deno.test("batch() yields what came within its time of the first item", async () => {
  const { clock } = memorySqs();
  async function* arrivals() {
    for (const [wait, value] of [[0, "a"], [1, "b"], [1.5, "c"], [9, "d"], [0, "e"], [0, "f"], [0, "g"]] as const) {
      await clock.sleep(wait);
      yield value;
    }
  }
  const seen: string[] = [];
  await clock.run(async () => {
    for await (const group of pipe(arrivals(), batch(3, 2, { clock }))) {
      seen.push(`${group.join("")} at ${(+clock.now() - Date.UTC(2030, 0, 1)) / 1000}`);
    }
  });
  assert.deepEqual(seen, ["ab at 2", "c at 4.5", "def at 11.5", "g at 11.5"]);
});

Deno.test("batch() counts the time of an item that came while nobody asked", async () => {
  const { clock } = memorySqs();
  async function* arrivals() {
    yield "a";
    await clock.sleep(3);
    yield "b";
    await clock.sleep(100);
  }
  const iterator = pipe(arrivals(), batch(9, 2, { clock }))[Symbol.asyncIterator]();
  assert.deepEqual(await clock.run(() => iterator.next()), { done: false, value: ["a"] });
  await clock.advance(8);
  assert.deepEqual(await iterator.next(), { done: false, value: ["b"] });
  const end = iterator.next();
  await clock.advance(100);
  assert.equal((await end).done, true);
});

Deno.test("batch() has one wait a group, from its first item on, and none where it waits until the group is full", async () => {
  for (const [seconds, expected] of [[2, [2, 2]], [Infinity, []]] as const) {
    const slept: number[] = [];
    const clock = {
      sleep: (seconds: number, signal?: AbortSignal) => {
        slept.push(seconds);
        return new Promise<void>((resolve) => signal?.addEventListener("abort", () => resolve()));
      },
    };
    const groups = await Array.fromAsync(pipe(from([1, 2, 3, 4, 5]), batch(3, seconds, { clock })));
    assert.deepEqual(groups, [[1, 2, 3], [4, 5]]);
    assert.deepEqual(slept, expected);
  }
});

Deno.test("batch() waits its time, though one timer of the runtime's holds no more than 24 days", async () => {
  const { setTimeout } = globalThis;
  const days = 24 * 60 * 60;
  let waited = 0;
  globalThis.setTimeout = ((work: () => void, milliseconds: number) => {
    assert.ok(milliseconds < 2 ** 31);
    waited += milliseconds / 1000;
    queueMicrotask(work);
  }) as typeof setTimeout;
  try {
    const { promise: never } = Promise.withResolvers<void>();
    const items = async function* () {
      yield 1;
      await never;
    };
    const { value } = await pipe(items(), batch(2, 60 * days))[Symbol.asyncIterator]().next();
    assert.deepEqual(value, [1]);
  } finally {
    globalThis.setTimeout = setTimeout;
  }
  assert.equal(waited, 60 * days);
});

Deno.test("batch() leaves no timer of the runtime's behind", async () => {
  for await (const _ of pipe(from(numbers(3)), batch(2, 60))) { /* the second group is not full */ }
  for await (const _ of pipe(from(numbers(3)), batch(2, 60))) break;
  assert.deepEqual(await Array.fromAsync(pipe(from([1, 2]), batch(5, 0))), [[1, 2]]);
});

Deno.test("batch() hands back the items of a group that was not yielded", async () => {
  const released: number[] = [];
  const gate = Promise.withResolvers<void>();
  async function* source() {
    yield plainItem(0, () => released.push(0));
    yield plainItem(1, () => released.push(1));
    await gate.promise;
  }
  const iterator = pipe(source(), batch(3, 60))[Symbol.asyncIterator](); // whose timer would be a leak
  const pending = iterator.next();
  await turns();
  await iterator.return!();
  assert.deepEqual(released, [0, 1]);
  assert.equal((await pending).done, true);
  gate.resolve();
});

/** A mapping whose results come when the test says so. */
function gates<T>() {
  const waiting = new Map<T, () => void>();
  const fn = (item: T) => new Promise<T>((resolve) => waiting.set(item, () => resolve(item)));
  return { fn, waiting };
}

Deno.test("mapConcurrent() lets no slow item hold up another", async () => {
  const { fn, waiting } = gates<number>();
  const iterator = pipe(from(numbers(6)), mapConcurrent(3, fn))[Symbol.asyncIterator]();
  const first = iterator.next();
  await turns();
  assert.deepEqual([...waiting.keys()], [0, 1, 2]);
  waiting.get(2)!();
  assert.equal((await first).value, 2);
  await turns();
  assert.deepEqual([...waiting.keys()], [0, 1, 2, 3]);
  const rest = numbers(5).map(() => iterator.next());
  for (const n of [3, 1, 4, 0, 5]) {
    await turns();
    waiting.get(n)!();
  }
  assert.deepEqual((await Promise.all(rest)).map(({ value }) => value), [3, 1, 4, 0, 5]);
  await iterator.return!();
});

Deno.test("mapConcurrent() gives at once what was done while nobody asked, past a slow item", async () => {
  const { fn, waiting } = gates<number>();
  const iterator = pipe(from(numbers(3)), mapConcurrent(3, fn))[Symbol.asyncIterator]();
  const first = iterator.next();
  await turns();
  for (const n of [1, 2]) waiting.get(n)!();
  assert.equal((await first).value, 1);
  await turns();
  assert.equal((await iterator.next()).value, 2);
  const closed = iterator.return!();
  waiting.get(0)!();
  await closed;
});

Deno.test("mapConcurrent() reads one ahead of a busy loop where fn waits for nothing, and on where that one waits itself", async () => {
  let read = 0;
  async function* items() {
    for (; read < 20; read++) yield read;
  }
  const quick = pipe(items(), mapConcurrent(10, (n) => n))[Symbol.asyncIterator]();
  await quick.next();
  await turns();
  assert.equal(read, 1, "the one behind");

  read = 0;
  const slow = Promise.withResolvers<number>();
  const keyOf = (n: number) => n % 2 ? undefined : "even";
  const mapped = pipe(items(), mapConcurrent(10, (n) => n === 0 ? slow.promise : n, { keyOf }))[Symbol.asyncIterator]();
  const odd = [await mapped.next(), await mapped.next(), await mapped.next()].map(({ value }) => value);
  assert.deepEqual(odd, [1, 3, 5], "past those that wait for the first");
  slow.resolve(0);
  await turns();
  assert.equal((await mapped.next()).value, 0);
});

Deno.test("mapConcurrent() keeps the order within a key, whatever takes how long", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ key: fc.constantFrom("a", "b", undefined), ticks: fc.nat(8), drop: fc.boolean() })),
      fc.integer({ min: 1, max: 5 }),
      fc.boolean(),
      async (specs, n, ordered) => {
        const items = specs.map((spec, index) => ({ ...spec, index }));
        const fn = async (item: (typeof items)[number]) => {
          for (let i = 0; i < item.ticks; i++) await null;
          return item.drop ? undefined : item;
        };
        const options = ordered ? { ordered } : { keyOf: ({ key }: { key?: string }) => key };
        const out = await Array.fromAsync(pipe(from(items), mapConcurrent(n, fn, options)));
        const kept = items.filter(({ drop }) => !drop);
        assert.deepEqual(out.toSorted((a, b) => a.index - b.index), kept);
        const keyOf = ({ key }: { key?: string }) => ordered ? "" : key;
        for (const key of ["", "a", "b"]) {
          const of = (list: typeof items) => list.filter((item) => keyOf(item) === key).map(({ index }) => index);
          assert.deepEqual(of(out), of(kept));
        }
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("mapConcurrent() raises an error after the items before it, and hands back those behind", async () => {
  const { fn, waiting } = gates<number>();
  const back: number[] = [];
  const fails = async (n: number) => {
    await fn(n);
    if (n === 1) throw new Error("item 1");
    return n;
  };
  const options = { handBack: (n: number) => void back.push(n) };
  const iterator = pipe(from(numbers(9)), mapConcurrent(4, fails, options))[Symbol.asyncIterator]();
  const first = iterator.next();
  await turns();
  for (const n of [1, 2]) waiting.get(n)!();
  await turns();
  assert.deepEqual([...waiting.keys()], [0, 1, 2, 3]);
  waiting.get(0)!();
  assert.deepEqual(await first, { done: false, value: 0 });
  await assert.rejects(iterator.next(), /item 1/);
  assert.deepEqual(back, [1, 2, 3]);
  assert.equal((await iterator.next()).done, true);
});

Deno.test("mapConcurrent() asks its source for nothing once it is given up, though what is under way goes on", async () => {
  let asked = 0;
  let closedAt: number | undefined;
  const source: AsyncIterable<number> = {
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.resolve({ done: false, value: asked++ }),
      return() {
        closedAt = asked;
        return Promise.resolve({ done: true, value: undefined });
      },
    }),
  };
  const finish: (() => void)[] = [];
  const slow = (n: number) => n === 0 ? n : new Promise<number>((resolve) => finish.push(() => resolve(n)));
  const iterator = pipe(source, mapConcurrent(2, slow))[Symbol.asyncIterator]();
  assert.deepEqual(await iterator.next(), { done: false, value: 0 });
  await turns();
  await iterator.return!();
  for (const each of finish) each();
  await turns();
  assert.equal(asked, closedAt);
});

Deno.test("mapConcurrent() aborts what is under way when it is given up", async () => {
  const signals: AbortSignal[] = [];
  const fn = (n: number, signal: AbortSignal) => {
    signals.push(signal);
    return n === 0
      ? n
      : new Promise<number>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  };
  for await (const _ of pipe(from(numbers(5)), mapConcurrent(3, fn))) {
    await turns();
    break;
  }
  assert.deepEqual(signals.map(({ aborted }) => aborted), [true, true, true, true]);
});

Deno.test("return() waits until what was read is handed back", async () => {
  let taken = () => {};
  const handBack = () => new Promise<void>((resolve) => taken = resolve);
  const iterator = pipe(from(numbers(2)), readAhead(2, { handBack }))[Symbol.asyncIterator]();
  await iterator.next();
  await turns();
  let closed = false;
  const closing = iterator.return!().then(() => closed = true);
  await turns();
  assert.equal(closed, false);
  taken();
  await closing;
});

Deno.test("transforms mind no hand-back that fails, and use the one they are given", async () => {
  const broken = { release: () => Promise.reject(new Error("gone")) };
  const source = () => from([broken, broken, broken]);
  for await (const _ of pipe(source(), readAhead(3))) {
    await turns();
    break;
  }
  let back = 0;
  const handBack = () => {
    back++;
    throw new Error("no");
  };
  for await (const _ of pipe(source(), readAhead(3, { handBack }))) {
    await turns();
    break;
  }
  assert.equal(back, 2);
});

Deno.test("pipe() refuses at once what is no source, and what is no transform", () => {
  const none = undefined as unknown as AsyncIterable<number>;
  assert.throws(() => pipe(none), { name: "ConfigError", message: /'source'/ });
  const notCalled = {} as ReturnType<typeof readAhead>;
  const opened = () => assert.fail("a transform was opened");
  assert.throws(() => pipe(from([1]), opened, notCalled), { name: "ConfigError", message: /'transforms\.1'/ });
});

Deno.test("a source whose closing fails says so to the loop that it was closed by", async () => {
  async function* source() {
    try {
      yield* numbers(3);
    } finally {
      // deno-lint-ignore no-unsafe-finally -- that is what is tested
      throw new Error("cannot close");
    }
  }
  for (const transform of [filterMap((n: number) => n), batch<number>(1, Infinity)]) {
    await assert.rejects(async () => {
      for await (const _ of transform(source())) break;
    }, /cannot close/);
  }
  const fails = () => {
    throw new Error("cannot map");
  };
  for (const transform of [filterMap(fails), mapConcurrent(1, fails)]) {
    await assert.rejects(async () => {
      for await (const _ of transform(source())) { /* none comes */ }
    }, /cannot map/);
  }
});

Deno.test("groups that are not yielded are handed back item by item", async () => {
  const released: number[] = [];
  const items = numbers(6).map((n) => plainItem(n, () => released.push(n)));
  for await (const _ of pipe(from(items), batch(2, Infinity), readAhead(2))) {
    await turns();
    break;
  }
  assert.deepEqual(released, [2, 3, 4, 5]);
});
