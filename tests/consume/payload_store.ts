/**
 * Stores of payloads in memory, for the tests of this folder.
 *
 * @module
 */
import { connect, consume, json, type PayloadContext, type PayloadStore } from "@dashi/sqs";
import { setUp } from "./setup.ts";

/** A store of payloads in memory. */
export function memoryStore(objects: Record<string, string>) {
  const removed: string[] = [];
  const store: PayloadStore = {
    needs: ["ExtendedPayloadSize"],
    threshold: 100,
    always: false,
    isPointer: (body) => body.startsWith("at:"),
    offload: () => Promise.reject(new Error("not here")),
    resolve(body, { lazy }) {
      const key = body.slice(3);
      const text = objects[key];
      const location = { bucket: "b", key };
      const stream = () => new Blob([text]).stream();
      if (key === "missing") return Promise.resolve({ location, stream, missing: true });
      if (text === undefined) return Promise.reject(new Error("there is no such object"));
      return Promise.resolve({ body: lazy ? undefined : text, location, stream });
    },
    cleanUp(locations) {
      removed.push(...locations.map(({ key }) => key));
      return Promise.resolve();
    },
  };
  return { store, removed };
}

/** A queue with a pointer in it, and a broker with the store. */
export async function withPointer(
  body: string,
  objects: Record<string, string>,
  options: Parameters<typeof setUp>[0] = {},
) {
  const test = setUp(options);
  const { store, removed } = memoryStore(objects);
  const broker = connect({
    ...test.sqs.connectOptions,
    codec: json(),
    payloads: store,
    onEvent: (event) => test.events.push(event),
  });
  await test.sqs.sendMessage("q", body);
  return { ...test, broker, removed };
}

/** A consumer of so many pointers and a small message after them; `read` is what a download does. */
export async function withDownloads(
  pointers: number,
  read: (context: PayloadContext) => Promise<void>,
  { gate, ...options }: Parameters<typeof setUp>[0] & { gate?: PayloadStore["gate"] } = {},
) {
  const test = setUp(options);
  const { store } = memoryStore({ k: '"large"' });
  const payloads: PayloadStore = {
    ...store,
    gate,
    async resolve(body, about, context) {
      await read(context);
      return await store.resolve(body, about, context);
    },
  };
  const broker = connect({ ...test.sqs.connectOptions, codec: json(), payloads });
  const { queue = "q" } = options;
  const fifo = (groupId: string) => queue.endsWith(".fifo") ? { groupId, deduplicationId: groupId } : {};
  for (let n = 0; n < pointers; n++) await test.sqs.sendMessage(queue, "at:k", fifo(`${n}`));
  await test.sqs.sendMessage(queue, '"small"', fifo("small"));
  return { ...test, deliveries: () => consume(broker, queue, { prefetch: 50, maxMessages: pointers + 1 }) };
}
