import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "../support/fast_check.ts";
import { byteLength, fromBase64, textFromBase64, toBase64, utf8Text } from "../../lib/codec/base64.ts";

interface Native {
  fromBase64?: unknown;
  prototype: { toBase64?: unknown };
}

/** Runs a step with the runtime's own base64 and count of bytes, and without them. */
function both(step: () => void): void {
  step();
  const native = Uint8Array as unknown as Native;
  const { fromBase64, prototype: { toBase64 } } = native;
  native.fromBase64 = native.prototype.toBase64 = undefined;
  const scope = globalThis as { Buffer?: unknown };
  const { Buffer } = scope;
  delete scope.Buffer;
  try {
    step();
  } finally {
    native.fromBase64 = fromBase64;
    native.prototype.toBase64 = toBase64;
    scope.Buffer = Buffer;
  }
}

Deno.test("base64 is Node's base64, with the runtime's own and without it", () => {
  both(() => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const text = toBase64(bytes);
      assert.equal(text, Buffer.from(bytes).toString("base64"));
      assert.deepEqual([...fromBase64(text)], [...bytes]);
    }));
    const long = new Uint8Array(100_001).fill(200);
    assert.deepEqual(fromBase64(toBase64(long)), long);
    assert.deepEqual([...fromBase64("/w\n==")], [255]);
  });
});

Deno.test("fromBase64() refuses what is no base64, with the runtime's own and without it", () => {
  both(() => {
    for (const text of ["!", "a", "ab", "abc", "====", "ab=c", "-_-_", "é"]) {
      assert.throws(() => fromBase64(text), text);
    }
  });
});

Deno.test("textFromBase64() reads UTF-8, and only what encodes to the same text again", () => {
  both(() => {
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), fc.constantFrom(0, 9000), (text, more) => {
      const long = "a".repeat(more) + text;
      assert.equal(textFromBase64(toBase64(new TextEncoder().encode(long))), long);
    }));
    const text = fc.array(fc.constantFrom(..."YWJjZA=/w \n"), { maxLength: 12 }).map((units) => units.join(""));
    fc.assert(fc.property(text, (base64) => {
      const read = textFromBase64(base64);
      if (read !== undefined) assert.equal(toBase64(new TextEncoder().encode(read)), base64);
    }));
    const wrong = ["YWJ=", "YW", "YWJj ", "/w==", "!", "YWJj\nYWJj"];
    for (const text of wrong) {
      for (const before of ["", "YWJj".repeat(3000)]) assert.equal(textFromBase64(before + text), undefined, text);
    }
  });
});

Deno.test("utf8Text() keeps a byte order mark and refuses broken UTF-8", () => {
  assert.equal(utf8Text(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61)), "\ufeffa");
  for (const wrong of [[0xff], [0x61, 0xc3], [0xed, 0xa0, 0x80], [0xef, 0xbf, 0xbd, 0x80]]) {
    assert.throws(() => utf8Text(Uint8Array.from(wrong)));
  }
  assert.equal(utf8Text(Uint8Array.of(0xef, 0xbf, 0xbd)), "\ufffd");
});

Deno.test("byteLength() is the length of the UTF-8", () => {
  const text = fc.array(fc.constantFrom("a", "é", "€", "😀", "\ud800", "\udc00")).map((parts) => parts.join(""));
  both(() =>
    fc.assert(fc.property(fc.oneof(text, fc.string({ unit: "binary" })), (text) => {
      assert.equal(byteLength(text), new TextEncoder().encode(text).length);
    }))
  );
});
