/**
 * The contract of all transforms, run over those that know deliveries.
 *
 * @module
 */
import assert from "node:assert/strict";
import * as v from "valibot";
import {
  connect,
  decode,
  dropExpired,
  json,
  keepInvisible,
  pipe,
  receive,
  resolvePayloads,
  validate,
} from "@dashi/sqs";
import { type Broker, type Codec, Delivery, type PayloadStore, type Transform } from "@dashi/sqs";
import { memorySqs } from "@dashi/sqs/testing";
import { createConsumer } from "../../lib/consume/consumer.ts";
import { testContract } from "../streams/contract.ts";
import { setUp } from "./setup.ts";
import { hold } from "../../lib/consume/held.ts";

const sqs = memorySqs();
sqs.createQueue("q");
const broker = connect({ ...sqs.connectOptions, codec: json() });

/** A delivery that tells when it is released, and sends no request for it. */
class Item extends Delivery<string> {
  readonly #released: () => void;
  constructor(held: object, body: string, released: () => void) {
    super(held, body);
    this.#released = released;
  }
  override release(): Promise<void> {
    this.#released();
    return Promise.resolve();
  }
}

function item(index: number, released: () => void): Delivery<string> {
  const consumer = createConsumer(broker, "q", {});
  const [lane] = consumer.lanes;
  const message = { MessageId: `${index}`, ReceiptHandle: `${index}`, Body: JSON.stringify({ index }) };
  const held = hold(consumer, lane, message, 0);
  held.where = "out";
  return new Item(held, message.Body, released);
}

const store: PayloadStore = {
  threshold: 1,
  always: true,
  isPointer: () => true,
  offload: () => Promise.reject(new Error("not here")),
  resolve: (body) =>
    Promise.resolve({ body, location: { bucket: "b", key: "k" }, stream: () => new Blob([body]).stream() }),
  cleanUp: () => Promise.resolve(),
};

const indexOf = (delivery: Delivery<unknown>) => [Number(delivery.messageId)];
const schema = v.object({ index: v.number() });
const asyncSchema = v.objectAsync({ index: v.number() });
const slowly = {
  ...json(),
  decode: (message: { body: string }) => Promise.resolve({ body: JSON.parse(message.body) }),
};

const subjects: Record<string, [make: () => Transform<any, any>, ahead: number]> = {
  "decode()": [() => decode(json()), 0],
  "decode(async)": [() => decode(slowly), 0],
  "decode(), validate()": [() => (source) => pipe(source as any, decode(json()), validate(schema)), 0],
  "decode(), validate(async)": [() => (source) => pipe(source as any, decode(json()), validate(asyncSchema)), 0],
  "dropExpired()": [() => dropExpired(), 0],
  "keepInvisible()": [() => keepInvisible(broker), 0],
  "resolvePayloads()": [() => resolvePayloads(store), 100],
};

for (const [name, [make, ahead]] of Object.entries(subjects)) {
  testContract<Delivery<string>, Delivery<unknown>>({ name, make, item, indexes: indexOf, ahead });
}

Deno.test("resolvePayloads() takes small messages past large ones, and keeps the order of a FIFO group", async () => {
  for (const queue of ["q", "q.fifo"]) {
    const test = setUp({ queue });
    const slow: PayloadStore = {
      ...store,
      isPointer: (body) => body.includes("large"),
      resolve: async (body, options, context) => {
        await test.clock.sleep(5, context.signal);
        return await store.resolve(body, options, context);
      },
    };
    for (const [index, body] of ['"large"', '"a"', '"b"'].entries()) {
      await test.sqs.sendMessage(queue, body, queue === "q" ? {} : { groupId: "g", deduplicationId: `${index}` });
    }
    await test.run(async () => {
      const source = receive(test.broker, queue, { maxMessages: 3 });
      const bodies: unknown[] = [];
      for await (const delivery of pipe(source, resolvePayloads(slow), decode(json()))) {
        bodies.push(delivery.body);
        await delivery.ack();
      }
      await source.closed;
      if (queue === "q") assert.equal(bodies.at(-1), "large");
      else assert.deepEqual(bodies, ["large", "a", "b"]);
    });
  }
});

Deno.test("a payload that can't be read makes its message undecodable; the stream goes on", async () => {
  const test = setUp();
  await test.fill(3);
  const broken: PayloadStore = {
    ...store,
    resolve: (body, options, context) =>
      body.includes("1") ? Promise.reject(new Error("gone")) : store.resolve(body, options, context),
  };
  await test.run(async () => {
    const source = receive(test.broker, "q", { maxSeconds: 1 });
    let seen = 0;
    for await (const delivery of pipe(source, resolvePayloads(broken), decode(json()))) {
      seen++;
      await delivery.ack();
    }
    assert.equal(seen, 2);
    await source.closed;
  });
  assert.deepEqual(test.of("drop").map(({ reason }) => reason), ["undecodable"]);
  assert.equal(test.sqs.messages("q").length, 1);
});

Deno.test("decode(), validate(), resolvePayloads() and keepInvisible() refuse at once what is no codec, schema, store or broker", () => {
  const wrong = { name: "ConfigError", message: /^Cannot use '(codec|schema|store)/ };
  assert.throws(() => decode(undefined as unknown as Codec), wrong);
  assert.throws(() => decode({ encode() {} } as unknown as Codec), wrong);
  assert.throws(() => validate({ parse() {} } as unknown as typeof schema), wrong);
  assert.throws(() => resolvePayloads({} as PayloadStore), wrong);
  assert.throws(() => keepInvisible({} as Broker), { name: "ConfigError", message: /'broker'/ });
});
