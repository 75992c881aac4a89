import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { checksumText, crc32c, crc32cOfBoth } from "../../lib/s3/mod.ts";
import { crc32 } from "../../lib/s3/crc32c.ts";
import { crc32cWasm, FEWEST } from "../../lib/s3/crc32c_wasm.ts";
import { slowCrc32c } from "../payloads/strict_s3.ts";

const bytes = fc.uint8Array({ maxLength: 300 });

Deno.test("crc32c() and crc32() are right for every length and place in memory", () => {
  fc.assert(fc.property(bytes, fc.nat(9), (data, skipped) => {
    const slice = data.subarray(skipped);
    assert.equal(checksumText(crc32c(slice)), slowCrc32c(slice));
    assert.equal(checksumText(crc32(slice)), slowCrc32c(slice, 0xedb88320));
  }));
  assert.equal(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
});

Deno.test("crc32c() goes on from the bytes before, and crc32cOfBoth() puts two pieces together", () => {
  fc.assert(fc.property(bytes, fc.nat(300), (data, at) => {
    const [first, second] = [data.subarray(0, at), data.subarray(at)];
    assert.equal(crc32c(second, crc32c(first)), crc32c(data));
    assert.equal(crc32cOfBoth(crc32c(first), crc32c(second), second.length), crc32c(data));
  }));
});

Deno.test("crc32c() is right for many bytes, in WebAssembly and without", () => {
  const all = new Uint8Array(400_000).map((_, i) => i * i >>> 3);
  const slow = (bytes: Uint8Array, before = 0) => {
    let crc = ~before;
    for (const byte of bytes) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >>> 1 ^ 0x82f63b78 : crc >>> 1;
    }
    return ~crc >>> 0;
  };
  const wasm = crc32cWasm(slow)!;
  const around = [FEWEST, 131_072 - 3 * 3344, 131_072, 262_144].map((at) => fc.integer({ min: at - 40, max: at + 40 }));
  fc.assert(
    fc.property(fc.oneof(...around, fc.nat(all.length)), fc.nat(40), (length, skipped) => {
      const [bytes, before] = [all.subarray(skipped, length), length];
      const expected = slow(bytes, before);
      assert.equal(wasm(bytes, before), expected);
      assert.equal(crc32c(bytes, before), expected);
    }),
    { numRuns: 40 },
  );
});

Deno.test("crc32cWasm() says where a runtime makes no WebAssembly of bytes", () => {
  const { Module } = WebAssembly;
  try {
    WebAssembly.Module = function () {
      throw new WebAssembly.CompileError("Wasm code generation disallowed by embedder");
    } as unknown as typeof Module;
    assert.equal(crc32cWasm(crc32c), undefined);
  } finally {
    WebAssembly.Module = Module;
  }
});
