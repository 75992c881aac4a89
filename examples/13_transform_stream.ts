/**
 * The parts that `consume` is made of, in a pipeline of one's own, and between web streams: an async iterable is a
 * ReadableStream by `ReadableStream.from`, and one of our transforms becomes a TransformStream in a few lines.
 *
 *     deno run -A examples/13_transform_stream.ts
 */
import {
  batch,
  connect,
  declareQueue,
  decode,
  type Delivery,
  json,
  keepInvisible,
  pipe,
  publishMany,
  receive,
  type Transform,
} from "@dashi/sqs";
import { memorySqs } from "@dashi/sqs/testing";

const broker = connect({ ...memorySqs().connectOptions, codec: json() });
await declareQueue(broker, "readings");
await publishMany(broker, Array.from({ length: 25 }, (_, n) => ({ body: n })), { queue: "readings" });

/** One of our transforms as a pair of web streams, for `pipeThrough`. A cancel closes the source. */
function toStreams<A, B>(transform: Transform<A, B>): { writable: WritableStream<A>; readable: ReadableStream<B> } {
  const { readable, writable } = new TransformStream<A, A>();
  return { writable, readable: ReadableStream.from(transform(readable)) };
}

const source = receive(broker, "readings", { prefetch: 100, maxMessages: 25 });
const deliveries = pipe(source, keepInvisible(broker), decode(json()));
const groups = ReadableStream.from(deliveries).pipeThrough(toStreams(batch<Delivery<unknown>>(10, 5)));

for await (const group of groups) {
  console.log(`${group.length} readings go into the database as one`);
  await Promise.all(group.map((delivery) => delivery.ack())); // one request for ten
}
await source.closed;
