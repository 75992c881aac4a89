import assert from "node:assert/strict";
import { deflateSync, gzipSync, inflateSync } from "node:zlib";
import { compress, decompress } from "../../lib/codec/compression.ts";
import { ConfigError, DecodeError } from "../../lib/errors.ts";

const bytes = new TextEncoder().encode("dashi ".repeat(1000));

Deno.test("compress() makes kombu's zlib format under both names", async () => {
  for (const encoding of ["gzip", "zlib"]) {
    assert.deepEqual(new Uint8Array(inflateSync(await compress(bytes, encoding))), bytes);
  }
});

Deno.test("decompress() undoes the zlib and the gzip format", async () => {
  assert.deepEqual(await decompress(await compress(bytes, "gzip"), "application/x-gzip"), bytes);
  assert.deepEqual(await decompress(Uint8Array.from(gzipSync(bytes)), "gzip"), bytes);
});

Deno.test("decompress() stops a bomb at the bytes that it is given", async () => {
  const bomb = await compress(new Uint8Array(1 << 24), "zlib");
  assert.ok(bomb.length < 40_000);
  await assert.rejects(decompress(bomb, "zlib", (1 << 24) - 1), /DecodeError.*16777215|more than 16777215 bytes/);
  assert.equal((await decompress(bomb, "zlib", 1 << 24)).length, 1 << 24);
});

Deno.test("decompress() lets a runtime unpack no more of a bomb than its bound and what a slice makes", async () => {
  const bomb = new Uint8Array(deflateSync(new Uint8Array(2 ** 28), { level: 9 }));
  const { DecompressionStream } = globalThis;
  let unpacked = 0;
  globalThis.DecompressionStream = class {
    readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
    readonly writable: WritableStream<BufferSource>;
    constructor(format: CompressionFormat) {
      const { readable, writable } = new DecompressionStream(format);
      this.writable = writable;
      this.readable = readable.pipeThrough(
        new TransformStream({
          transform(chunk, controller) {
            unpacked += chunk.length;
            controller.enqueue(chunk);
          },
        }),
      );
    }
  } as typeof DecompressionStream;
  try {
    await assert.rejects(decompress(bomb, "zlib", 2 ** 20), DecodeError);
  } finally {
    globalThis.DecompressionStream = DecompressionStream;
  }
  assert.ok(unpacked <= 2 ** 27, `${unpacked} bytes were unpacked`);
});

Deno.test("decompress() refuses damaged bytes and other encodings", async () => {
  const whole = await compress(bytes, "zlib");
  const flipped = whole.slice();
  flipped[flipped.length - 1] ^= 1; // the checksum
  const gzip = Uint8Array.from(gzipSync(bytes));
  const cut = [whole.slice(0, -8), whole.slice(0, -1), whole.slice(0, 3), gzip.slice(0, -8), gzip.slice(0, -1)];
  for (const damaged of [new Uint8Array(), ...cut, flipped, bytes]) {
    await assert.rejects(decompress(damaged, "zlib"), DecodeError);
  }
  await assert.rejects(decompress(whole, "application/x-bz2"), /x-bz2/);
  await assert.rejects(compress(bytes, "deflate"), ConfigError);
});

Deno.test("compression names the feature that a runtime lacks", async () => {
  const { CompressionStream, DecompressionStream } = globalThis;
  const scope = globalThis as Record<string, unknown>;
  scope.CompressionStream = scope.DecompressionStream = undefined;
  try {
    await assert.rejects(compress(bytes, "gzip"), (error: Error) => {
      return error instanceof ConfigError && error.message.includes("no CompressionStream");
    });
    await assert.rejects(decompress(bytes, "gzip"), (error: Error) => {
      return error instanceof DecodeError && error.message.includes("no DecompressionStream");
    });
  } finally {
    Object.assign(scope, { CompressionStream, DecompressionStream });
  }
});
