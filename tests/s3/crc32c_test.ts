import assert from "node:assert/strict";
import fc from "fast-check";
import { checksumText, crc32c, crc32cOfBoth } from "../../lib/s3/mod.ts";
import { crc32 } from "../../lib/s3/crc32c.ts";
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
