import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { kombu } from "../../lib/codec/kombu.ts";
import { ConfigError, DecodeError } from "../../lib/errors.ts";
import type { DecodedMessage, OutgoingMessage } from "../../lib/types.ts";
import { vectors } from "./vectors.ts";

const codec = kombu();
const decode = (body: string) => codec.decode({ body, messageAttributes: {} });

function outgoing(fields: Partial<OutgoingMessage>): OutgoingMessage {
  return { body: null, headers: {}, properties: {}, exchange: "", routingKey: "orders", messageId: "tag-1", ...fields };
}

interface Vector extends DecodedMessage {
  readonly name: string;
  readonly body: string;
  readonly value?: unknown;
  readonly error?: string;
}

Deno.test("kombu() reads every form that kombu sends", async () => {
  const all = await vectors<Vector>("kombu_envelopes");
  assert.ok(all.length > 15);
  for (const { name, body, value, error, headers = {}, properties = {}, ...rest } of all) {
    if (error) {
      await assert.rejects(async () => await decode(body), (fault: Error) => {
        assert.ok(fault instanceof DecodeError);
        assert.match(fault.message, new RegExp(error));
        return true;
      });
      continue;
    }
    const message = await decode(body);
    assert.deepEqual(message.body, value, name);
    assert.equal(message.contentType, rest.contentType);
    assert.equal(message.contentEncoding, rest.contentEncoding);
    for (const [key, header] of Object.entries(headers)) assert.deepEqual(message.headers?.[key], header);
    for (const [key, property] of Object.entries(properties)) assert.deepEqual(message.properties?.[key], property);
    assert.deepEqual(message.properties?.delivery_info, { exchange: "", routing_key: "q" });
  }
});

Deno.test("kombu() writes kombu's envelope, base64 over all of it", () => {
  const { body } = codec.encode(outgoing({
    body: { id: 1 },
    headers: { tenant: "a" },
    properties: {
      correlation_id: "c",
      priority: 5,
      expiration: "60000",
      delivery_tag: "old",
      delivery_info: { exchange: "old", hop: 1 },
      body_encoding: "utf-8",
    },
    exchange: "news",
    routingKey: "a.b",
  })) as { body: string };
  assert.deepEqual(JSON.parse(atob(body)), {
    body: btoa('{"id":1}'),
    "content-encoding": "utf-8",
    "content-type": "application/json",
    headers: { tenant: "a" },
    properties: {
      delivery_mode: 2,
      priority: 5,
      correlation_id: "c",
      expiration: "60000",
      delivery_info: { exchange: "news", routing_key: "a.b", hop: 1 },
      body_encoding: "base64",
      delivery_tag: "tag-1",
    },
  });
});

Deno.test("kombu() leaves the outer base64 out when told, and for a fanout exchange", async () => {
  for (
    const { body } of [
      await kombu({ base64: false }).encode(outgoing({ body: 1 })),
      await codec.encode(outgoing({ body: 1, fanout: true })),
    ]
  ) {
    assert.equal(JSON.parse(body).properties.body_encoding, "base64");
    assert.equal((await decode(body)).body, 1);
  }
});

Deno.test("kombu() writes no character that SQS refuses without base64", async () => {
  const { body } = await kombu({ base64: false, bodyEncoding: "utf-8" }).encode(
    outgoing({ body: "a\uffffb", headers: { "\ufffe": "\0" } }),
  );
  assert.doesNotMatch(body, /[^\t\n\r -\ud7ff\ue000-\ufffd]/);
  assert.equal((await decode(body)).body, "a\uffffb");
});

Deno.test("kombu() gives text, bytes and values the content types of kombu's producer", async () => {
  for (
    const [body, contentType, contentEncoding] of [
      ["text", "text/plain", "utf-8"],
      [Uint8Array.of(255), "application/data", "binary"],
      [[1], "application/json", "utf-8"],
    ] as const
  ) {
    const sent = await codec.encode(outgoing({ body }));
    const message = await decode(sent.body);
    assert.deepEqual(message, { ...message, body, contentType, contentEncoding });
  }
});

Deno.test("kombu() writes an ArrayBuffer as its bytes, alone and inside of a value", async () => {
  const bytes = Uint8Array.of(255, 0, 104);
  const alone = await decode((await codec.encode(outgoing({ body: bytes.buffer }))).body);
  assert.deepEqual([alone.body, alone.contentType], [bytes, "application/data"]);
  const inside = await decode((await codec.encode(outgoing({ body: { photo: bytes.buffer } }))).body);
  assert.deepEqual(inside.body, { photo: bytes });
});

Deno.test("kombu() writes a string as JSON where that content type is asked for", async () => {
  const sent = await codec.encode(outgoing({ body: "text", contentType: "application/json" }));
  const message = await decode(sent.body);
  assert.equal(message.contentType, "application/json");
  assert.equal(message.body, "text");
});

Deno.test("kombu() refuses to write a function or a symbol, which JSON has no word for", () => {
  for (const body of [() => 1, Symbol("x")]) {
    assert.throws(() => kombu().encode(outgoing({ body })), { name: "ConfigError", message: /'body'/ });
  }
});

Deno.test("kombu() refuses to write values as text, and half a surrogate pair", () => {
  for (const body of [{ a: 1 }, "\ud800"]) {
    assert.throws(() => codec.encode(outgoing({ body, contentType: "text/plain" })), ConfigError);
  }
  assert.throws(() => kombu({ base64: "yes" as unknown as boolean }), ConfigError);
  assert.throws(() => kombu({ bodyEncoding: "hex" as "base64" }), ConfigError);
  assert.throws(() => kombu({ Base64: false } as never), { name: "ConfigError", message: /known are base64/ });
});

Deno.test("kombu() reads a body that is no envelope as plain text", async () => {
  for (
    const body of [
      "hello",
      "test", // base64 by its letters, but not UTF-8 inside
      "",
      "{",
      "[1, 2]",
      '{"id": 1}',
      '{"__proto__": {"properties": {}}}',
      "eyJpZCI6IDF9=",
      "héllo",
      "12345678",
      "YWJj YWJj",
      "YWJj\nYWJj",
      "YWJ=", // valid, but not as base64 is written
      "\u3000YWJj", // white space, but none that Python strips from bytes
      "\ufeff",
    ]
  ) {
    assert.deepEqual(await decode(body), { body, headers: {}, properties: { delivery_info: {} } }, body);
  }
});

Deno.test("kombu() undoes base64 around a plain body, as kombu does", async () => {
  assert.equal((await decode(btoa('{"id": 1}'))).body, '{"id": 1}');
  assert.equal((await decode(` ${btoa("hello")}\n`)).body, "hello");
});

Deno.test("kombu() answers at once, and with a promise for compression alone", async () => {
  const sent = codec.encode(outgoing({ body: 1 }));
  assert.ok(!(sent instanceof Promise));
  assert.ok(!(decode((sent as { body: string }).body) instanceof Promise));
  const packed = codec.encode(outgoing({ body: 1, contentEncoding: "gzip" }));
  assert.ok(packed instanceof Promise);
  assert.ok(decode((await packed).body) instanceof Promise);
});

Deno.test("kombu() marks compression with kombu's header and undoes it", async () => {
  for (const contentEncoding of ["gzip", "zlib"]) {
    for (const body of [{ text: "x".repeat(9999) }, "x".repeat(9999), new Uint8Array(9999)]) {
      const sent = await codec.encode(outgoing({ body, contentEncoding }));
      assert.ok(sent.body.length < 1500);
      assert.equal(JSON.parse(atob(sent.body)).headers.compression, "application/x-gzip");
      assert.deepEqual((await decode(sent.body)).body, body);
    }
  }
  await assert.rejects(async () => await codec.encode(outgoing({ body: 1, contentEncoding: "br" })), ConfigError);
});

Deno.test("kombu() writes no compression of another message's headers over a body that is not compressed", async () => {
  const headers = { tenant: "a", compression: "application/x-gzip" };
  for (const body of [{ id: 1 }, "x", null, Uint8Array.of(0, 255)]) {
    const sent = await codec.encode(outgoing({ body, headers }));
    const message = await decode(sent.body);
    assert.deepEqual([message.body, message.headers], [body, { tenant: "a" }]);
  }
  const packed = await codec.encode(outgoing({ body: { id: 1 }, headers, contentEncoding: "gzip" }));
  assert.deepEqual((await decode(packed.body)).headers, headers);
});

Deno.test("kombu() leaves the compression of bytes with a content type to whoever compressed them, as kombu does", async () => {
  const deflated = new Blob(['{"id":1}']).stream().pipeThrough(new CompressionStream("deflate"));
  const body = new Uint8Array(await new Response(deflated).arrayBuffer());
  const headers = { compression: "application/x-gzip" };
  const sent = await codec.encode(outgoing({ body, headers, contentType: "application/json" }));
  assert.deepEqual((await decode(sent.body)).body, { id: 1 });
});

function envelope(fields: Record<string, unknown>, properties: unknown = { body_encoding: "base64" }): string {
  return JSON.stringify({ "content-type": "application/json", "content-encoding": "utf-8", properties, ...fields });
}

Deno.test("kombu() makes a DecodeError of a damaged envelope", async () => {
  const nested = "[".repeat(1e6);
  assert.equal((await decode(envelope({ body: btoa("1") }))).body, 1); // whole, so what is damaged is what each case says
  for (
    const body of [
      envelope({ body: "eyJpZCI6IDF" }),
      envelope({ body: btoa('{"id"') }),
      envelope({ body: btoa("\xff\xfe") }),
      envelope({ body: "!!!!" }),
      envelope({ body: btoa(nested) }),
      envelope({ body: { id: 1 } }),
      envelope({ body: 5 }),
      envelope({ body: btoa("1"), headers: [] }),
      envelope({ body: btoa("1"), headers: "x" }),
      envelope({ body: btoa("1"), headers: { __type__: "bytes", __value__: "x" } }),
      envelope({ body: btoa("1"), properties: { __type__: "datetime", __value__: "2030-01-02T03:04:05" } }),
      envelope({ body: btoa("1") }, null),
      envelope({ body: btoa("1") }, []),
      envelope({ body: "1" }, { body_encoding: "hex" }), // as text it would be whole
      envelope({ body: btoa("1") }, { body_encoding: { toString: 1 } }),
      envelope({ body: btoa("1"), "content-type": { toString: 1 } }),
      envelope({ body: btoa("x"), "content-type": "text/plain", "content-encoding": "no-such-charset" }),
      envelope({ body: btoa("x"), headers: { compression: "application/x-gzip" } }),
      envelope({ body: btoa("x"), headers: { compression: "application/zstd" } }),
      envelope({ body: btoa("x"), headers: { compression: { toString: 1 } } }),
      `{"properties": ${nested}`,
      '{"properties": {}, "headers": {"at": {"__type__": "datetime", "__value__": "never"}}}',
    ]
  ) {
    await assert.rejects(async () => await decode(body), DecodeError, body.slice(0, 200));
  }
  for (const damaged of [envelope({ body: btoa("1"), headers: [] }), envelope({ body: btoa("1") }, "x")]) {
    await assert.rejects(async () => await decode(damaged), /its headers and properties must be objects/);
  }
});

Deno.test("kombu() reads what has no serializer as bytes or text, as kombu does", async () => {
  for (
    const [body, contentType] of [
      [Uint8Array.of(0xff, 0xd8), "image/jpeg"],
      [Uint8Array.of(0), "application/octet-stream"],
      ["<a/>", "application/xml"],
      ["import this", "text/x-python"],
      ['{"a": 1}', "application/vnd.api+json"],
    ] as const
  ) {
    const sent = await codec.encode(outgoing({ body, contentType }));
    const message = await decode(sent.body);
    assert.deepEqual([message.body, message.contentType], [body, contentType]);
  }
  const unnamed = await decode(envelope({ body: btoa("x"), "content-type": "", "content-encoding": "" }));
  assert.deepEqual(unnamed, { ...unnamed, body: "x", contentType: undefined, contentEncoding: undefined });
});

Deno.test("kombu() refuses pickle and what takes a library to read, by name", async () => {
  for (
    const [type, why] of [
      ["application/x-python-serialize", /x-python-serialize.*pickle/],
      ["application/x-msgpack", /x-msgpack.*pass a codec/],
      ["application/x-yaml", /x-yaml/],
    ] as const
  ) {
    await assert.rejects(
      async () => await decode(envelope({ body: btoa("x"), "content-type": type })),
      (error: Error) => {
        assert.ok(error instanceof DecodeError);
        assert.match(error.message, why);
        return true;
      },
    );
  }
});

Deno.test("kombu() repeats in an error what fits into a line of a log", async () => {
  const long = "x\r\n".repeat(100_000);
  for (
    const envelope of [
      { "content-type": `application/x-python${long}`, body: "x", properties: {} },
      { "content-type": "text/plain", body: "x", headers: { compression: long }, properties: {} },
    ]
  ) {
    await assert.rejects(
      async () => await decode(JSON.stringify(envelope)),
      ({ message }: Error) => message.length < 300 && !/\n/.test(message),
    );
  }
});

Deno.test("kombu() reads texts in the encoding that they name, as Python names it", async () => {
  for (const encoding of ["latin-1", "latin1", "iso-8859-1", "ISO8859-1"]) {
    const text = { body: btoa("caf\xe9"), "content-type": "text/plain", "content-encoding": encoding };
    assert.equal((await decode(envelope(text))).body, "caf\xe9", encoding);
  }
});

Deno.test("kombu() reads JSON whose content type has a charset", async () => {
  const type = "application/json; charset=utf-8";
  assert.deepEqual((await decode(envelope({ body: btoa("[1]"), "content-type": type }))).body, [1]);
});

Deno.test("kombu() reads an empty body", async () => {
  assert.equal((await decode(envelope({ body: null }))).body, null);
  assert.equal((await decode(envelope({}))).body, null);
  assert.equal((await decode(envelope({ body: "" }))).body, "");
  const data = { body: "", "content-type": "application/data", "content-encoding": "binary" };
  assert.deepEqual((await decode(envelope(data))).body, new Uint8Array());
});

Deno.test("kombu() lets no message reach a prototype", async () => {
  const body =
    `{"headers": {"__proto__": {"task": "x"}}, "properties": {"__proto__": {"body_encoding": "base64"}}, "body": "plain"}`;
  const { headers, body: read } = await decode(body);
  assert.equal(headers?.task, undefined);
  assert.equal(Object.getPrototypeOf(headers), Object.prototype);
  assert.equal(read, "plain");
  const sent = await kombu({ base64: false }).encode(outgoing({ headers: JSON.parse('{"__proto__": {"a": 1}}') }));
  assert.ok(sent.body.includes('"__proto__":{"a":1}'));
});

Deno.test("what kombu() writes is what it reads", async () => {
  const text = fc.string({ unit: "binary" });
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(fc.jsonValue().map(exact), text, fc.uint8Array().map((bytes) => Uint8Array.from(bytes))),
      fc.dictionary(text, text, { noNullPrototype: true }),
      fc.boolean(),
      fc.constantFrom("base64" as const, "utf-8" as const),
      fc.constantFrom(undefined, "gzip"),
      async (body, headers, base64, bodyEncoding, contentEncoding) => {
        const sent = await kombu({ base64, bodyEncoding }).encode(outgoing({ body, headers, contentEncoding }));
        const message = await decode(sent.body);
        assert.deepEqual(message.body, JSON.parse(JSON.stringify({ body }, keep), revive).body);
        assert.deepEqual({ ...message.headers, compression: 0 }, { ...headers, compression: 0 });
      },
    ),
    { numRuns: 300 },
  );
});

/** Takes out the doubles beyond 2^53, which are integers in Python and come back as bigints. */
function exact(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, n) => typeof n === "number" && Math.abs(n) >= 2 ** 53 ? 0 : n));
}

/** Takes -0 and missing prototypes out, which JSON does not keep. */
function keep(_: string, value: unknown): unknown {
  return value instanceof Uint8Array ? { bytes$: [...value] } : value;
}
function revive(_: string, value: { bytes$?: number[] }): unknown {
  return value?.bytes$ ? Uint8Array.from(value.bytes$) : value;
}
