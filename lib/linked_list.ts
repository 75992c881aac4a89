/**
 * A list of what comes and goes all the time: messages held, requests under way.
 *
 * Not a `Set`: one that is added to and deleted from for ever leaves old tables behind, each of which keeps the next and
 * all that was in it alive until the next full collection. That cost a fifth of the CPU of a busy consumer.
 *
 * @module
 */

/** An item of a {@linkcode LinkedList}, which is in one list at a time. */
export interface Linked<T> {
  previous?: T;
  next?: T;
}

/** Keeps its items in the order in which they came, and takes and gives up each in constant time. */
export class LinkedList<T extends Linked<T>> implements Iterable<T> {
  size = 0;
  #first?: T;
  #last?: T;

  /** Adds an item at the end. */
  add(item: T): void {
    item.previous = this.#last;
    if (this.#last) this.#last.next = item;
    else this.#first = item;
    this.#last = item;
    this.size++;
  }

  /** Takes an item out; false if it was not in. */
  delete(item: T): boolean {
    const { previous, next } = item;
    if (!previous && this.#first !== item) return false;
    if (previous) previous.next = next;
    else this.#first = next;
    if (next) next.previous = previous;
    else this.#last = previous;
    item.previous = item.next = undefined;
    this.size--;
    return true;
  }

  /** Those that are in now, whatever becomes of them meanwhile. */
  [Symbol.iterator](): IterableIterator<T> {
    const items: T[] = [];
    for (let item = this.#first; item; item = item.next) items.push(item);
    return items.values();
  }
}
