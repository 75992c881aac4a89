import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "../support/fast_check.ts";
import { md5Hex, md5OfAttributes, portableMd5 } from "../../lib/codec/md5.ts";

Deno.test("md5Hex() gives the digests of RFC 1321", () => {
  for (
    const [text, digest] of [
      ["", "d41d8cd98f00b204e9800998ecf8427e"],
      ["abc", "900150983cd24fb0d6963f7d28e17f72"],
      ["12345678901234567890".repeat(4), "57edf4a22be3c955ac49da2e2107b67a"],
    ]
  ) {
    assert.equal(md5Hex(text), digest);
    assert.equal(portableMd5(new TextEncoder().encode(text)), digest);
  }
});

Deno.test("md5Hex() does without node:crypto", () => {
  const bytes = (text: string | Uint8Array) => typeof text === "string" ? new TextEncoder().encode(text) : text;
  const { getBuiltinModule } = process;
  const digests = (data: string | Uint8Array) => [md5Hex(data), createHash("md5").update(bytes(data)).digest("hex")];
  try {
    const refuse = () => {
      throw new Error("FIPS");
    };
    for (const stand of [undefined, () => undefined, () => ({}), () => ({ hash: refuse }), refuse]) {
      process.getBuiltinModule = stand as typeof getBuiltinModule;
      fc.assert(
        fc.property(fc.oneof(fc.string({ unit: "grapheme" }), fc.uint8Array({ maxLength: 300 })), (data) => {
          const [ours, theirs] = digests(data);
          assert.equal(ours, theirs);
        }),
      );
      for (let length = 50; length < 130; length++) {
        const [ours, theirs] = digests(new Uint8Array(length).fill(length));
        assert.equal(ours, theirs);
      }
    }
  } finally {
    process.getBuiltinModule = getBuiltinModule;
  }
});

Deno.test("md5OfAttributes() gives the digests that SQS answers with", () => {
  assert.equal(md5OfAttributes({}), "d41d8cd98f00b204e9800998ecf8427e");
  assert.equal(
    md5OfAttributes({ one: { DataType: "String", StringValue: "text" } }),
    "5e6dbfe00ecbd5136257764959433232",
  );
  assert.equal(
    md5OfAttributes({
      b: { DataType: "Number", StringValue: "1.5" },
      "a.x": { DataType: "String.custom", StringValue: "é😀" },
      B: { DataType: "Binary.png", BinaryValue: "/wAB" },
    }),
    "9029751b08a8af92b145fc50a1f62e6d",
  );
});
