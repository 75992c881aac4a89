import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { kombu } from "../../lib/codec/kombu.ts";
import { parsePythonJson, stringifyPythonJson } from "../../lib/codec/python_json.ts";
import { ConfigError, DecodeError } from "../../lib/errors.ts";
import { vectors } from "./vectors.ts";

Deno.test("parsePythonJson() reads each of Python's types as kombu writes them", async () => {
  const all = await vectors<{ name: string; json: string; value?: unknown }>("kombu_json");
  assert.ok(all.length > 20);
  for (const vector of all) {
    const value = parsePythonJson(vector.json);
    if ("value" in vector) assert.deepEqual(value, vector.value, vector.name);
  }
});

Deno.test("parsePythonJson() keeps __proto__ as a plain property", () => {
  for (const extra of ["", ',"n":NaN', ',"d":{"__type__":"date","__value__":"2024-01-02"}']) {
    const value = parsePythonJson(`{"__proto__":{"polluted":1}${extra}}`) as Record<string, unknown>;
    assert.ok(Object.hasOwn(value, "__proto__"));
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
    assert.equal(value.polluted, undefined);
  }
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
});

Deno.test("parsePythonJson() leaves tokens inside of text and keys alone", () => {
  const text = '{"NaN":"a NaN","x\\"NaN,":["Infinity","12345678901234567890\\\\"],"12345678901234567890" : NaN}';
  assert.deepEqual(parsePythonJson(text), {
    NaN: "a NaN",
    'x"NaN,': ["Infinity", "12345678901234567890\\"],
    "12345678901234567890": NaN,
  });
});

Deno.test("parsePythonJson() rounds no integer and makes a bigint of no other number", () => {
  assert.deepEqual(
    parsePythonJson("[9007199254740991, 9007199254740993, -9007199254740993, 1234567890123456.5, 1e16, -0.0, 1e400]"),
    [9007199254740991, 9007199254740993n, -9007199254740993n, 1234567890123456.5, 1e16, -0, Infinity],
  );
});

Deno.test("parsePythonJson() leaves a type that it does not know as the object that it is", () => {
  for (
    const json of [
      '{"__type__":"money","__value__":[1]}',
      '{"__type__":"toString","__value__":1}',
      '{"__type__":["date"],"__value__":"2024-01-02"}',
      '{"__type__":"date","__value__":"2024-01-02","more":1}',
    ]
  ) assert.deepEqual(parsePythonJson(json), JSON.parse(json));
});

Deno.test("parsePythonJson() refuses typed values that hold something else", () => {
  for (
    const [type, value] of [
      ["datetime", "tomorrow"],
      ["datetime", "2024-13-45T00:00:00"],
      ["datetime", 5],
      ["date", null],
      ["decimal", {}],
      ["uuid", { hex: "12" }],
      ["uuid", null],
      ["base64", "//4"],
      ["bytes", [1]],
    ] as const
  ) {
    const json = JSON.stringify({ __type__: type, __value__: value });
    assert.throws(() => parsePythonJson(json), DecodeError, json);
  }
});

/** Reads JSON as the body of a message. */
const readBody = (body: string) =>
  kombu().decode({
    body: JSON.stringify({ body, "content-type": "application/json", properties: {} }),
    messageAttributes: {},
  });

Deno.test("kombu() refuses what Python refuses, without repeating it", () => {
  for (
    const json of [
      "{",
      "-NaN",
      "1NaN",
      "NaN NaN",
      "{NaN: 1}",
      "{12345678901234567890: 1}",
      "0000000000000000001",
      '["NaN',
      '"secret',
      "nan",
      '[NaN, "secret\\',
    ]
  ) {
    assert.throws(() => readBody(json), (error: Error) => {
      assert.ok(error instanceof DecodeError, json);
      assert.doesNotMatch(error.message + error.cause, /secret/);
      return true;
    });
  }
});

Deno.test("parsePythonJson() refuses a million nested arrays", () => {
  const opening = "[".repeat(1e6);
  for (
    const json of [
      opening,
      opening + "]".repeat(1e6),
      opening + "NaN" + "]".repeat(1e6),
      '{"a":'.repeat(1e6) + '{"__type__":"date","__value__":"2024-01-02"}' + "}".repeat(1e6),
      // Closing brackets inside of text do not count.
      '["\\"]]",'.repeat(2000) + "1" + "]".repeat(2000),
    ]
  ) assert.throws(() => parsePythonJson(json), DecodeError);
});

Deno.test("parsePythonJson() knows where a string ends, whatever is escaped in it", () => {
  fc.assert(fc.property(fc.array(fc.string({ unit: fc.constantFrom('"', "\\", "[", "{", "]", "a") })), (texts) => {
    const wide = [...texts, "[".repeat(2000)];
    assert.deepEqual(parsePythonJson(JSON.stringify(wide)), wide);
    const deep = (depth: number) => "[".repeat(depth) + JSON.stringify(wide) + "]".repeat(depth);
    assert.ok(parsePythonJson(deep(999)));
    assert.throws(() => parsePythonJson(deep(1000)), DecodeError);
  }));
});

Deno.test("parsePythonJson() reads long and wide bodies", () => {
  const wide = JSON.stringify(Array.from({ length: 20_000 }, (_, i) => ({ i, text: '[[{\\"' })));
  assert.equal((parsePythonJson(wide) as unknown[]).length, 20_000);
  assert.equal((parsePythonJson(`[NaN,"${"\\n".repeat(500_000)}"]`) as string[])[1].length, 500_000);
});

Deno.test("kombu() ends on hostile text that a backtracking reader would choke on", () => {
  for (
    const json of [
      '[NaN,"' + '\\"'.repeat(300_000),
      "[NaN," + "1".repeat(300_000) + ".",
      "[NaN" + " ".repeat(300_000),
      "[1" + "0".repeat(300_000) + "]",
    ]
  ) assert.throws(() => readBody(json), DecodeError);
});

Deno.test("stringifyPythonJson() writes what kombu's decoder reads", () => {
  assert.equal(
    stringifyPythonJson({
      at: new Date(1704164645678),
      text: new TextEncoder().encode("hé"),
      bytes: Uint8Array.of(255),
      big: 2n ** 70n,
      numbers: [NaN, Infinity, -Infinity],
      gone: undefined,
      list: [undefined],
      own: { toJSON: () => ({ ratio: NaN }) },
    }),
    '{"at":{"__type__":"datetime","__value__":"2024-01-02T03:04:05.678000+00:00"},' +
      '"text":{"__type__":"bytes","__value__":"hé"},"bytes":{"__type__":"base64","__value__":"/w=="},' +
      '"big":1180591620717411303424,"numbers":[NaN,Infinity,-Infinity],"list":[null],"own":{"ratio":NaN}}',
  );
  assert.equal(stringifyPythonJson({ toJSON: () => ({ ratio: NaN }) }), '{"ratio":NaN}');
  assert.equal(stringifyPythonJson(undefined), "null");
});

Deno.test("stringifyPythonJson() escapes what SQS refuses", () => {
  const text = stringifyPythonJson({ a: "\ufffe\uffff\0\ud800" });
  assert.equal(text, '{"a":"\\ufffe\\uffff\\u0000\\ud800"}');
});

Deno.test("stringifyPythonJson() refuses what has no JSON, or no datetime in Python", () => {
  const round: unknown[] = [];
  round.push(round);
  for (const value of [round, new Date(NaN), new Date(Date.UTC(10000, 0)), new Date(-1e14)]) {
    assert.throws(() => stringifyPythonJson(value), ConfigError);
  }
});

Deno.test("Python's JSON survives a round trip", () => {
  const leaf = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string(),
    fc.constantFrom("NaN", '"\udc00', "\udc00", "\\", '\\"\udc00', "\udc00\udc00", 'a"\udc001"'),
    fc.double().map((n) => Object.is(n, -0) ? 0 : n),
    fc.integer(),
    fc.bigInt().map((n) => n > 0n ? n + 2n ** 53n : n - 2n ** 53n),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array().map((bytes) => Uint8Array.from(bytes)),
    fc.date({ min: new Date("0001-01-01T00:00:00Z"), max: new Date("9999-12-31T23:59:59.999Z"), noInvalidDate: true }),
  );
  const tree = fc.letrec((tie) => ({
    value: fc.oneof({ depthSize: "small" }, leaf, fc.array(tie("value")), fc.dictionary(fc.string(), tie("value"))),
  })).value;
  fc.assert(
    fc.property(tree, (value) => {
      // Whole doubles beyond 2^53 are written as digits, and Python's integers have no bounds.
      const whole = (n: unknown): unknown => typeof n === "number" && Number.isInteger(n) && !Number.isSafeInteger(n);
      fc.pre(!some(value, whole));
      assert.deepEqual(plain(parsePythonJson(stringifyPythonJson(value))), plain(value));
    }),
    { numRuns: 500 },
  );
});

function some(value: unknown, test: (value: unknown) => unknown): boolean {
  if (test(value)) return true;
  return typeof value === "object" && value !== null && !(value instanceof Uint8Array) &&
    Object.values(value).some((inner) => some(inner, test));
}

/** fast-check makes objects without a prototype. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null || value instanceof Date || value instanceof Uint8Array) return value;
  return new Map(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}
