/**
 * What is stored, what is refused and what fits: generated sizes around the payload threshold and SQS's 1 MiB.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "../support/fast_check.ts";
import { ConfigError, connect, publish, publishAll, publishMany, text } from "@dashi/sqs";
import type { ConnectOptions, PayloadStore, PlainAttributeValue } from "@dashi/sqs";
import { memorySqs } from "@dashi/sqs/testing";

const MIB = 1_048_576;

/** A model of SQS, which refuses what SQS refuses, and a store that counts. */
function setUp(threshold: () => number, options: ConnectOptions = {}) {
  const sqs = memorySqs({ keepRequests: 300 });
  sqs.createQueue("q", { MaximumMessageSize: MIB });
  const stored: { readonly bytes: number; readonly size?: number }[] = [];
  const payloads: PayloadStore = {
    get threshold() {
      return threshold();
    },
    always: false,
    isPointer: (body) => body.startsWith("pointer"),
    offload(body, { size }) {
      stored.push({ bytes: Buffer.byteLength(body as string), size });
      return Promise.resolve({
        body: `pointer ${stored.length}`,
        messageAttributes: { ExtendedPayloadSize: Buffer.byteLength(body as string) },
        location: { bucket: "b", key: `${stored.length}` },
        undo: () => Promise.resolve(),
      });
    },
    resolve: () => Promise.reject(new Error("nothing is read here")),
    cleanUp: () => Promise.resolve(),
  };
  const broker = connect({ ...sqs.connectOptions, codec: text(), payloads, ...options });
  const last = () => sqs.requests.list.at(-1)!.input as { MessageBody: string; MessageAttributes?: object };
  return { sqs, broker, stored, last };
}

const attributes = fc.dictionary(
  fc.stringMatching(/^[a-z]{1,8}$/),
  fc.oneof(fc.stringMatching(/^[a-zé€]{1,12}$/), fc.integer(), fc.uint8Array({ minLength: 1, maxLength: 9 })),
  { maxKeys: 4 },
);

/** As SQS counts: name, data type and value of each. */
function sizeOf(given: Readonly<Record<string, PlainAttributeValue>>): number {
  return Object.entries(given).reduce((sum, [name, value]) => {
    const type = typeof value === "string" ? "String" : value instanceof Uint8Array ? "Binary" : "Number";
    const bytes = value instanceof Uint8Array ? value.length : Buffer.byteLength(String(value));
    return sum + Buffer.byteLength(name) + type.length + bytes;
  }, 0);
}

/** A text of so many bytes, as far as possible of one character. */
function textOf(bytes: number, character: string): string {
  const each = Buffer.byteLength(character);
  return character.repeat(Math.floor(bytes / each)) + "a".repeat(bytes % each);
}

const character = fc.constantFrom("a", "é", "€", "😀");

Deno.test("publish() stores exactly what is above the threshold, attributes counted, of 10,000 sizes", async () => {
  let threshold = 0;
  const { broker, stored, last } = setUp(() => threshold);
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 150, max: 1000 }),
      fc.integer({ min: -30, max: 30 }),
      character,
      attributes,
      async (limit, over, character, messageAttributes) => {
        threshold = limit;
        const extra = sizeOf(messageAttributes);
        const body = textOf(Math.max(limit + over - extra, 1), character);
        const size = Buffer.byteLength(body) + extra;
        const before = stored.length;
        const { payload } = await publish(broker, body, { queue: "q", messageAttributes });
        assert.equal(stored.length - before, size > limit ? 1 : 0);
        assert.equal(!!payload, size > limit);
        assert.equal(last().MessageBody, payload ? `pointer ${stored.length}` : body);
        if (payload) assert.deepEqual(stored.at(-1), { bytes: size - extra, size });
        const names = Object.keys(last().MessageAttributes ?? {}).sort();
        assert.deepEqual(names, [...Object.keys(messageAttributes), ...payload ? ["ExtendedPayloadSize"] : []].sort());
      },
    ),
    { numRuns: 10_000 },
  );
});

Deno.test("publish() without payloads takes a message up to 1 MiB, attributes counted, and refuses one byte more", async () => {
  const { broker, sqs } = setUp(() => 0, { payloads: undefined });
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: -2, max: 2 }), character, attributes, async (over, character, given) => {
      const body = textOf(MIB + over - sizeOf(given), character);
      const sending = publish(broker, body, { queue: "q", messageAttributes: given });
      if (over > 0) {
        await assert.rejects(sending, (error) => {
          assert.ok(error instanceof ConfigError);
          assert.match(error.message, new RegExp(`${MIB + over} bytes .*takes ${MIB} .*'payloads'`));
          return true;
        });
      } else {
        await sending;
        taken++;
      }
    }),
    { numRuns: 40, examples: [[0, "a", {}], [1, "a", {}]] },
  );
  assert.equal(sqs.messages("q").length, taken);
  assert.equal(sqs.requests.count("SendMessage"), taken);
});

Deno.test("publish() with payloads stores what SQS does not take, whatever the threshold", async () => {
  const { broker, stored } = setUp(() => 2 * MIB);
  await publish(broker, "x".repeat(MIB), { queue: "q" });
  assert.equal(stored.length, 0);
  await publish(broker, "x".repeat(MIB + 1), { queue: "q" });
  assert.deepEqual(stored, [{ bytes: MIB + 1, size: MIB + 1 }]);
});

Deno.test("publishAll() refuses a single message of 1 MiB and a byte, 11 attributes and an unsupported type, each alone", async () => {
  const { broker, sqs } = setUp(() => 0, { payloads: undefined });
  const eleven = Object.fromEntries(Array.from({ length: 11 }, (_, index) => [`a${index}`, index]));
  const [large, many, odd, typed, fits] = await publishMany(broker, [
    { body: "x".repeat(MIB + 1) },
    { body: "x", messageAttributes: eleven },
    { body: "x", messageAttributes: { odd: new Date(0) as unknown as string } },
    { body: "x", messageAttributes: { odd: { DataType: "Boolean", StringValue: "true" } } },
    { body: "x".repeat(MIB) },
  ], { queue: "q" });
  for (const { error } of [large, many, odd, typed]) assert.ok(error instanceof ConfigError, String(error));
  assert.match(large.error!.message, /1048577 bytes .*'payloads'/);
  assert.match(many.error!.message, /'messageAttributes'.* 10 .* 11/);
  assert.match(odd.error!.message, /'messageAttributes\.odd'/);
  assert.match(typed.error!.message, /'messageAttributes\.odd'/);
  assert.equal(fits.error, undefined);
  assert.equal(sqs.requests.count("SendMessageBatch"), 1);
});

/** The bytes of each entry, request by request, as they came to SQS. */
function requests(sqs: ReturnType<typeof memorySqs>): number[][] {
  return sqs.requests.list.filter(({ action }) => action === "SendMessageBatch").map(({ input }) =>
    (input as { Entries: { MessageBody: string; MessageAttributes?: Record<string, { StringValue: string }> }[] })
      .Entries.map(({ MessageBody, MessageAttributes = {} }) =>
        Buffer.byteLength(MessageBody) +
        sizeOf(Object.fromEntries(
          // ExtendedPayloadSize is a Number, as are ours.
          Object.entries(MessageAttributes).map(([name, { StringValue }]) => [name, Number(StringValue)]),
        ))
      )
  );
}

const batches = fc.array(
  fc.record({
    bytes: fc.oneof(
      fc.integer({ min: 1, max: 200_000 }),
      fc.constantFrom(MIB / 10, Math.floor(MIB / 10) + 1, MIB / 2, MIB / 2 + 1, MIB / 4, 300_000),
    ),
    n: fc.option(fc.integer({ min: 0, max: 1000 }), { nil: undefined }),
  }),
  { minLength: 1, maxLength: 24 },
);

for (const stores of [false, true]) {
  Deno.test(`publishAll() ${stores ? "with" : "without"} payloads never sends more than 1 MiB or ten at once, and all of it`, async () => {
    await fc.assert(
      fc.asyncProperty(batches, async (given) => {
        const { sqs, broker, stored } = setUp(() => 262_144, stores ? {} : { payloads: undefined });
        const messages = given.map(({ bytes, n }) => ({
          body: "x".repeat(bytes),
          ...(n !== undefined && { messageAttributes: { n } }),
        }));
        const results = await Array.fromAsync(publishAll(broker, messages, { queue: "q" }));
        assert.ok(results.every(({ error }) => !error), String(results.find(({ error }) => error)?.error));
        assert.equal(sqs.messages("q").length, given.length);
        for (const entries of requests(sqs)) {
          assert.ok(entries.length <= 10 && entries.reduce((a, b) => a + b, 0) <= MIB, entries.join());
        }
        const large = given.filter(({ bytes, n }) => bytes + (n === undefined ? 0 : sizeOf({ n })) > 262_144);
        assert.ok(stores ? stored.length >= large.length : stored.length === 0);
      }),
      { numRuns: 60 },
    );
  });
}

Deno.test("publishAll() makes room in a batch with the largest bodies alone", async () => {
  const { broker, sqs, stored } = setUp(() => 262_144);
  const sizes = [250_000, 100_000, 240_000, 10, 200_000, 255_000, 90_000];
  const results = await publishMany(broker, sizes.map((bytes) => ({ body: "x".repeat(bytes) })), { queue: "q" });
  // Together 1,135,010: one of 255,000 stored is enough.
  assert.deepEqual(stored.map(({ bytes }) => bytes), [255_000]);
  assert.deepEqual(results.map(({ payload }) => !!payload), sizes.map((bytes) => bytes === 255_000));
  assert.equal(requests(sqs).length, 1);
});
