import assert from "node:assert/strict";
import { fromWireAttributes, toWireAttributes } from "../../lib/codec/attributes.ts";
import { json } from "../../lib/codec/json.ts";
import { text } from "../../lib/codec/text.ts";
import { ConfigError, DecodeError } from "../../lib/errors.ts";
import type { Codec, OutgoingMessage } from "../../lib/types.ts";

function outgoing(fields: Partial<OutgoingMessage>): OutgoingMessage {
  return { body: "x", headers: {}, properties: {}, exchange: "", routingKey: "q", messageId: "m", ...fields };
}

/** Writes and reads by way of SQS's wire. */
async function roundTrip(codec: Codec, message: OutgoingMessage) {
  const { body, messageAttributes = {} } = await codec.encode(message);
  return await codec.decode({ body, messageAttributes: fromWireAttributes(toWireAttributes(messageAttributes)) });
}

for (const [name, codec] of [["json()", json()], ["text()", text()]] as const) {
  Deno.test(`${name} carries headers and properties as message attributes`, async () => {
    const headers = { tenant: "a", tries: 3, id: 2n ** 64n, raw: Uint8Array.of(1) };
    const properties = { correlation_id: "c", priority: 5, expiration: "60000" };
    const message = await roundTrip(codec, outgoing({ headers: { ...headers, gone: undefined }, properties }));
    assert.deepEqual(message.headers, headers);
    assert.deepEqual(message.properties, properties);
    assert.equal(message.body, "x");
  });

  Deno.test(`${name} drops no header silently`, () => {
    for (const value of [{ a: 1 }, null, true, "", NaN, new Date(0)]) {
      assert.throws(() => codec.encode(outgoing({ headers: { kind: value } })), (error: Error) => {
        return error instanceof ConfigError && error.message.includes("'headers.kind'");
      });
      assert.throws(() => codec.encode(outgoing({ properties: { kind: value } })), /'properties\.kind'/);
    }
    assert.throws(() => codec.encode(outgoing({ headers: { "property.priority": 1 } })), ConfigError);
  });

  Deno.test(`${name} refuses compression, which it has no header for`, () => {
    assert.throws(() => codec.encode(outgoing({ contentEncoding: "gzip" })), /kombu\(\)/);
  });
}

Deno.test("json() and text() make no header of what marks a body in S3", async () => {
  for (const codec of [json(), text()]) {
    const messageAttributes = { tenant: "a", ExtendedPayloadSize: 7, SQSLargePayloadSize: 7, S3Key: "orders/1" };
    const { headers } = await codec.decode({ body: "1", messageAttributes });
    assert.deepEqual(headers, { tenant: "a" });
  }
});

Deno.test("json() writes JSON that SQS takes", async () => {
  const { body } = await json().encode(outgoing({ body: { a: "\uffff\0\ud800é" } }));
  assert.equal(body, '{"a":"\\uffff\\u0000\\ud800é"}');
  assert.deepEqual((await json().decode({ body, messageAttributes: {} })).body, { a: "\uffff\0\ud800é" });
});

Deno.test("json() refuses what has no JSON", () => {
  const round: unknown[] = [];
  round.push(round);
  for (const body of [undefined, () => 1, 1n, round]) {
    assert.throws(() => json().encode(outgoing({ body })), ConfigError);
  }
});

Deno.test("json() makes a DecodeError of other bodies, without repeating them", () => {
  for (const body of ["secret", "", '{"secret":', "NaN", "[".repeat(1e6) + "]".repeat(1e6)]) {
    assert.throws(() => json().decode({ body, messageAttributes: {} }), (error: Error) => {
      return error instanceof DecodeError && !/secret/.test(error.message + error.cause);
    });
  }
});

Deno.test("text() takes strings alone", () => {
  for (const body of [1, undefined, new Uint8Array()]) {
    assert.throws(() => text().encode(outgoing({ body })), ConfigError);
  }
});
