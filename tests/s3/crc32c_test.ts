import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { checksumText, crc32c, crc32cOfBoth } from "../../lib/s3/mod.ts";
import { crc32 } from "../../lib/s3/crc32c.ts";
import { crc64nvme } from "../../lib/s3/crc64nvme.ts";
import { type Crc, crcWasm } from "../../lib/s3/crc_wasm.ts";
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

/** A CRC bit by bit, of reflected polynomials: slow, and plainly right. */
function slowCrc(polynomial: bigint, bits: bigint, bytes: Uint8Array, before = 0n): bigint {
  const ones = (1n << bits) - 1n;
  let crc = before ^ ones;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? crc >> 1n ^ polynomial : crc >> 1n;
  }
  return crc ^ ones;
}

const whole = ([low, high]: readonly number[]) => BigInt(high) << 32n | BigInt(low);

Deno.test("crc64nvme() is right for every length, and goes on from the bytes before", () => {
  assert.equal(whole(crc64nvme(new TextEncoder().encode("123456789"))), 0xae8b14860a799888n);
  assert.equal(checksumText(...crc64nvme(new TextEncoder().encode("123456789")).toReversed()), "rosUhgp5mIg=");
  fc.assert(fc.property(bytes, fc.nat(300), (data, at) => {
    const [first, second] = [data.subarray(0, at), data.subarray(at)];
    const expected = slowCrc(0x9a6c9329ac4bc9b5n, 64n, data);
    assert.equal(whole(crc64nvme(data)), expected);
    assert.equal(whole(crc64nvme(second, crc64nvme(first))), expected);
  }));
});

const all = new Uint8Array(400_000).map((_, i) => i * i >>> 3);

Deno.test("each CRC is the same for many bytes at once and for few at a time", () => {
  const sums: [string, (bytes: Uint8Array, before?: Crc) => Crc][] = [
    ["crc32c", (bytes, [before] = [0]) => [crc32c(bytes, before)]],
    ["crc32", (bytes, [before] = [0]) => [crc32(bytes, before)]],
    ["crc64nvme", crc64nvme],
  ];
  const around = [4 * 3344, 4 * 4800, 131_072 - 3 * 3344, 131_072, 262_144].map((at) =>
    fc.integer({ min: at - 40, max: at + 40 })
  );
  for (const [name, sum] of sums) {
    fc.assert(
      fc.property(fc.oneof(...around, fc.nat(all.length)), fc.nat(40), (length, skipped) => {
        const data = all.subarray(skipped, length);
        const before = sum(all.subarray(0, 9));
        let expected = before;
        for (let at = 0; at < data.length; at += 1000) expected = sum(data.subarray(at, at + 1000), expected);
        assert.deepEqual(sum(data, before), expected, name);
      }),
      { numRuns: 40 },
    );
  }
});

Deno.test("crcWasm() takes many bytes in WebAssembly, and leaves little to the tables", () => {
  let left = 0;
  const lags = [65, 155, 170, 195, 209];
  const tables = (bytes: Uint8Array, [before]: Crc) => {
    left += bytes.length;
    return [Number(slowCrc(0x82f63b78n, 32n, bytes, BigInt(before >>> 0)))];
  };
  assert.deepEqual(crcWasm(lags, tables)(all.subarray(0, 120_000), [7]), [crc32c(all.subarray(0, 120_000), 7)]);
  assert.ok(left < 4000);
  const { Module } = WebAssembly;
  try {
    WebAssembly.Module = function () {
      throw new WebAssembly.CompileError("Wasm code generation disallowed by embedder");
    } as unknown as typeof Module;
    left = 0;
    assert.deepEqual(crcWasm(lags, tables)(all.subarray(0, 20_000), [7]), [crc32c(all.subarray(0, 20_000), 7)]);
    assert.equal(left, 20_000, "a runtime that makes no WebAssembly has the tables");
  } finally {
    WebAssembly.Module = Module;
  }
});
