/** Takes back an item that was read and will not be yielded. What it throws is ignored. */
export type HandBack<A> = (item: A) => void | Promise<void>;

/** Makes a `HandBack` that never throws. Without one of the user's it releases what can be released, groups item by item. */
export function handBackWith<A>(handBack: HandBack<A> = release): (item: A) => Promise<void> {
  return async (item) => {
    try {
      await handBack(item);
    } catch {
      // Whoever takes items back reports what goes wrong.
    }
  };
}

async function release(item: unknown): Promise<void> {
  if (Array.isArray(item)) await Promise.all(item.map(release));
  else await (item as { release?(): unknown } | null)?.release?.();
}
