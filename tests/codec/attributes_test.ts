import assert from "node:assert/strict";
import { attributesSize, fromWireAttributes, toWireAttributes } from "../../lib/codec/attributes.ts";
import { ConfigError } from "../../lib/errors.ts";
import type { MessageAttributeInput } from "../../lib/types.ts";

Deno.test("toWireAttributes() writes plain values and SQS's typed form", () => {
  assert.deepEqual(
    toWireAttributes({
      text: "é",
      count: 1.5,
      big: 2n ** 64n,
      bytes: Uint8Array.of(255),
      typed: { DataType: "String.custom", StringValue: "x" },
      number: { DataType: "Number.int", StringValue: "5" },
      binary: { DataType: "Binary", BinaryValue: Uint8Array.of(1) },
      wire: { DataType: "Binary.png", BinaryValue: "AQ==" },
    }),
    {
      text: { DataType: "String", StringValue: "é" },
      count: { DataType: "Number", StringValue: "1.5" },
      big: { DataType: "Number", StringValue: "18446744073709551616" },
      bytes: { DataType: "Binary", BinaryValue: "/w==" },
      typed: { DataType: "String.custom", StringValue: "x" },
      number: { DataType: "Number.int", StringValue: "5" },
      binary: { DataType: "Binary", BinaryValue: "AQ==" },
      wire: { DataType: "Binary.png", BinaryValue: "AQ==" },
    },
  );
});

Deno.test("toWireAttributes() refuses values that SQS refuses, by name", () => {
  for (
    const value of [
      "",
      "\0",
      NaN,
      Infinity,
      new Uint8Array(),
      true,
      null,
      undefined,
      {},
      [],
      new Date(0),
      { DataType: "Map", StringValue: "x" },
      { DataType: "String." },
      { DataType: "String", StringValue: "" },
      { DataType: "String", BinaryValue: "AQ==" },
      { DataType: "Number", StringValue: "x" },
      { DataType: "Number", StringValue: " " },
      { DataType: "Binary", StringValue: "x" },
      { DataType: "Binary", BinaryValue: "!" },
      { DataType: "Binary", BinaryValue: "" },
      { DataType: 1 },
    ]
  ) {
    assert.throws(() => toWireAttributes({ kind: value as MessageAttributeInput }), (error: Error) => {
      assert.ok(error instanceof ConfigError, String(value));
      assert.match(error.message, /'messageAttributes\.kind/);
      return true;
    });
  }
});

Deno.test("toWireAttributes() refuses names that SQS refuses", () => {
  for (
    const name of [
      "",
      ".a",
      "a.",
      "a..b",
      "a b",
      "é",
      "AWS.x",
      "aws.x",
      "Amazon.x",
      "x".repeat(257),
      "a\n",
      "\na",
      "a.\n",
    ]
  ) {
    assert.throws(() => toWireAttributes({ [name]: "x" }), ConfigError, name);
  }
  const fine = ["a.b-c_D1", "awsx", "x".repeat(256), "-"];
  assert.deepEqual(Object.keys(toWireAttributes(Object.fromEntries(fine.map((name) => [name, 1])))), fine);
});

Deno.test("toWireAttributes() takes ten", () => {
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`a${i}`, i]));
  assert.equal(Object.keys(toWireAttributes(many(10))).length, 10);
  assert.throws(() => toWireAttributes(many(11)), /'messageAttributes'.*10.*11/);
});

Deno.test("attributes never reach a prototype", () => {
  const wire = toWireAttributes(JSON.parse('{"__proto__": "x"}'));
  assert.equal(Object.getPrototypeOf(wire), Object.prototype);
  assert.deepEqual(Object.keys(fromWireAttributes(wire)), ["__proto__"]);
});

Deno.test("fromWireAttributes() gives text, numbers and bytes", () => {
  assert.deepEqual(
    fromWireAttributes({
      text: { DataType: "String.custom", StringValue: "5" },
      bytes: { DataType: "Binary", BinaryValue: "/w==" },
    }),
    { text: "5", bytes: Uint8Array.of(255) },
  );
  assert.deepEqual(fromWireAttributes(undefined), {});
});

Deno.test("fromWireAttributes() loses no digit of a number", () => {
  for (
    const [text, value] of [
      ["5", 5],
      ["-1.50", -1.5],
      ["1e3", 1000],
      ["0.1234567890123456", 0.1234567890123456],
      ["9007199254740991", 9007199254740991],
      ["9007199254740993", 9007199254740993n],
      ["-12345678901234567890", -12345678901234567890n],
      ["3.14159265358979323846", "3.14159265358979323846"],
      ["none", "none"],
      ["1e999", "1e999"],
    ] as const
  ) {
    assert.deepEqual(fromWireAttributes({ n: { DataType: "Number", StringValue: text } }), { n: value });
  }
});

Deno.test("attributesSize() counts name, type and value in bytes", () => {
  assert.equal(attributesSize({}), 0);
  for (const length of [1, 2, 3, 4, 100]) {
    const wire = toWireAttributes({ ab: new Uint8Array(length), text: "é" });
    assert.equal(attributesSize(wire), 2 + 6 + length + 4 + 6 + 2);
  }
});
