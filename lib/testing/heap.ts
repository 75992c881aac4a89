/** A priority queue whose entries may go stale: what is stale is skipped, and swept out before it adds up. */
export interface Heap<T> {
  /** Puts an entry in. */
  push(entry: T): void;
  /** The least entry that is not stale, left in place. */
  peek(): T | undefined;
  /** The least entry that is not stale, taken out. */
  pop(): T | undefined;
  /** All entries that are not stale, in no order. */
  live(): T[];
}

/** Below this many entries a heap is never swept. */
const SMALL = 64;

/**
 * Makes an empty heap.
 *
 * @param before Whether the first argument comes before the second.
 * @param isStale Whether an entry counts no longer.
 */
export function createHeap<T>(before: (a: T, b: T) => boolean, isStale: (entry: T) => boolean): Heap<T> {
  let entries: T[] = [];
  let sweepAt = SMALL;

  function up(at: number): void {
    const entry = entries[at];
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(entry, entries[parent])) break;
      entries[at] = entries[parent];
      at = parent;
    }
    entries[at] = entry;
  }

  function down(at: number): void {
    const entry = entries[at];
    for (;;) {
      let child = 2 * at + 1;
      if (child >= entries.length) break;
      if (child + 1 < entries.length && before(entries[child + 1], entries[child])) child++;
      if (!before(entries[child], entry)) break;
      entries[at] = entries[child];
      at = child;
    }
    entries[at] = entry;
  }

  function dropLeast(): void {
    const last = entries.pop()!;
    if (entries.length === 0) return;
    entries[0] = last;
    down(0);
  }

  function sweep(): void {
    entries = entries.filter((entry) => !isStale(entry));
    for (let at = (entries.length >> 1) - 1; at >= 0; at--) down(at);
    sweepAt = Math.max(SMALL, 2 * entries.length);
  }

  function peek(): T | undefined {
    while (entries.length > 0 && isStale(entries[0])) dropLeast();
    return entries[0];
  }

  return {
    peek,
    push(entry) {
      if (entries.length >= sweepAt) sweep();
      entries.push(entry);
      up(entries.length - 1);
    },
    pop() {
      const least = peek();
      if (least !== undefined) dropLeast();
      return least;
    },
    live: () => entries.filter((entry) => !isStale(entry)),
  };
}
