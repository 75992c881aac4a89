/** What reads bodies, attributes and tasks, against messages that nobody honest sent. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import fc from "../support/fast_check.ts";
import { json } from "../../lib/codec/json.ts";
import { fromWireAttributes } from "../../lib/codec/attributes.ts";
import { decompress } from "../../lib/codec/compression.ts";
import { kombu } from "../../lib/codec/kombu.ts";
import { parsePythonJson, stringifyPythonJson } from "../../lib/codec/python_json.ts";
import { unwrapSns } from "../../lib/codec/unwrap_sns.ts";
import { text as textCodec } from "../../lib/codec/text.ts";
import { readRequest } from "../../lib/celery/request.ts";
import { checkSignatures } from "../../lib/celery/check_signatures.ts";
import { DashiError } from "../../lib/errors.ts";
import type { Codec } from "../../lib/types.ts";
import { assertPlain, mutated, mutatedJson, settings, survives, text, value } from "./hostile.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");
const zipped = (text: string) => gzipSync(text).toString("base64");

const ENVELOPE = {
  body: base64('[[1,{"__type__":"datetime","__value__":"2030-01-01T00:00:00"}],{"x":NaN},{"callbacks":null}]'),
  "content-type": "application/json",
  "content-encoding": "utf-8",
  headers: { task: "app.add", id: "0f8fad5b-d9cb-469f-a165-70867728950e" },
  properties: { body_encoding: "base64", delivery_info: { exchange: "", routing_key: "a" }, delivery_tag: "t" },
};
const COMPRESSED = {
  ...ENVELOPE,
  body: zipped('{"a":1}'),
  headers: { compression: "application/x-gzip" },
};

const bodies = fc.oneof(
  mutatedJson(ENVELOPE).map((value) => JSON.stringify(value) ?? ""),
  mutatedJson(ENVELOPE).map((value) => base64(JSON.stringify(value) ?? "")),
  mutatedJson(COMPRESSED).map((value) => JSON.stringify(value) ?? ""),
  mutated(JSON.stringify(ENVELOPE), base64(JSON.stringify(ENVELOPE)), JSON.stringify(COMPRESSED)),
  value.map((value) => JSON.stringify(value) ?? ""),
  text,
);

const attributes = fc.dictionary(text, fc.oneof(text, fc.double(), fc.uint8Array()), { maxKeys: 3 });

for (const [name, codec] of Object.entries<Codec>({ kombu: kombu(), json: json(), text: textCodec() })) {
  Deno.test(`${name}() reads anything, or says with a typed error that it can't`, async () => {
    await fc.assert(
      fc.asyncProperty(bodies, attributes, async (body, messageAttributes) => {
        await survives(() => codec.decode({ body, messageAttributes }));
      }),
      settings,
    );
  });
}

const PYTHON =
  '{"at":{"__type__":"datetime","__value__":"2030-01-01T00:00:00.123456+01:00"},"d":{"__type__":"decimal",' +
  '"__value__":"1.5"},"u":{"__type__":"uuid","__value__":{"hex":"0f8fad5bd9cb469fa16570867728950e","version":4}},' +
  '"b":{"__type__":"base64","__value__":"AAE="},"n":[NaN,-Infinity,12345678901234567890]}';

Deno.test("parsePythonJson() reads anything, or says with a typed error or a SyntaxError that it can't", async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(mutated(PYTHON), text, value.map((value) => JSON.stringify(value))), async (input) => {
      await survives(
        () => parsePythonJson(input),
        (error) => error instanceof DashiError || error instanceof SyntaxError,
      );
    }),
    settings,
  );
});

Deno.test("what stringifyPythonJson() writes of hostile values is read back without a prototype touched", async () => {
  await fc.assert(
    fc.asyncProperty(value, async (input) => {
      const back = await survives(() => parsePythonJson(stringifyPythonJson(input)));
      if (typeof input === "object" && input && !Array.isArray(input) && back) {
        assert.ok(Object.keys(back as object).every((key) => Object.hasOwn(input, key)));
      }
    }),
    settings,
  );
});

Deno.test("unwrapSns() unwraps an SNS envelope or leaves the body alone", async () => {
  const envelope = {
    Type: "Notification",
    MessageId: "m",
    TopicArn: "arn:aws:sns:eu-west-1:123456789012:news",
    Message: "hello",
    MessageAttributes: { a: { Type: "Binary", Value: "AAE=" }, n: { Type: "Number", Value: "1" } },
  };
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        mutatedJson(envelope).map((value) => JSON.stringify(value) ?? ""),
        mutated(JSON.stringify(envelope)),
        text,
      ),
      async (body) => void await survives(() => unwrapSns(body), () => false),
    ),
    settings,
  );
});

Deno.test("fromWireAttributes() keeps every attribute under its own name, whatever the name", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(text, text), { maxLength: 5 }), async (entries) => {
      const wire = Object.fromEntries(
        entries.map(([name, StringValue]) => [name, { DataType: "String", StringValue }]),
      );
      const read = await survives(() => fromWireAttributes(wire), () => false) as object;
      assert.deepEqual(Object.keys(read), Object.keys(wire));
    }),
    settings,
  );
});

Deno.test("decompress() gives bytes or a typed error for every damage", async () => {
  const good = gzipSync("hello ".repeat(100));
  await fc.assert(
    fc.asyncProperty(
      fc.nat(good.length),
      fc.uint8Array({ maxLength: 20 }),
      fc.boolean(),
      async (at, junk, cut) => {
        const damaged = Buffer.concat([good.subarray(0, at), junk, cut ? Buffer.alloc(0) : good.subarray(at)]);
        await survives(() => decompress(new Uint8Array(damaged), "gzip"));
      },
    ),
    settings,
  );
});

const SIGNATURE = {
  task: "app.add",
  args: [1],
  kwargs: {},
  options: { queue: "celery", link: [], task_id: "t" },
  subtask_type: null,
  immutable: false,
};

Deno.test("a Celery message is a task or a typed error", async () => {
  const message = {
    headers: {
      task: "app.add",
      id: "i",
      eta: "2030-01-01T00:00:00+00:00",
      expires: "2030-01-02T00:00:00",
      retries: 1,
      timelimit: [10, 5],
      stamps: { a: ["b"] },
      stamped_headers: ["a"],
    },
    body: [[1, 2], { x: 1 }, { callbacks: [SIGNATURE], errbacks: null, chain: [SIGNATURE], chord: null }],
    properties: { reply_to: "r", correlation_id: "i" },
  };
  await fc.assert(
    fc.asyncProperty(mutatedJson(message), async (input) => {
      const given = Object.assign(Object.create(null), typeof input === "object" ? input : {});
      const delivery = { messageId: "m", queue: "q", headers: {}, properties: {}, ...given };
      if (typeof delivery.headers !== "object" || !delivery.headers) return; // the codec refuses those
      await survives(() => readRequest(delivery));
    }),
    settings,
  );
});

Deno.test("a Celery signature in a message never names a queue by URL, and goes no deeper than is safe", async () => {
  await fc.assert(
    fc.asyncProperty(mutatedJson(SIGNATURE), async (input) => {
      const read = await survives(() => checkSignatures(input)) as { options: Record<string, unknown> }[] | undefined;
      for (const { options } of read ?? []) {
        if (options.queue != null) assert.doesNotMatch(String(options.queue), /[/:]/);
      }
    }),
    settings,
  );
  const deep: Record<string, unknown> = { ...SIGNATURE };
  for (let at = deep, i = 0; i < 5000; i++) {
    const inner = { ...SIGNATURE, options: {} };
    at.options = { link: [inner] };
    at = inner;
  }
  assert.throws(() => checkSignatures(deep), DashiError);
  assertPlain(deep);
});
