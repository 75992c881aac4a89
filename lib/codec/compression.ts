/**
 * kombu's compression. What it names gzip is the zlib format (RFC 1950), under the type `application/x-gzip`.
 *
 * @module
 */
import { refuse, show } from "../check.ts";
import { ConfigError, DashiError, DecodeError } from "../errors.ts";

/** The most bytes that a body may have once it is decompressed, by default: 64 MiB. */
const MAX_DECOMPRESSED = 64 * 2 ** 20;

/** Bytes that go in at a time. Deno decompresses all that it is given before anybody can count what comes out. */
const SLICE = 32_768;

/** The value of the `compression` header that kombu writes for `gzip` and `zlib`, and what it reads. */
export const KOMBU_GZIP = "application/x-gzip";

const isKnown = (encoding: string): boolean => /^(?:gzip|zlib|application\/x-gzip)$/.test(encoding);

/**
 * Compresses bytes as kombu does.
 *
 * @param bytes The bytes.
 * @param encoding `gzip` or `zlib`: both are kombu's `application/x-gzip`, which is the zlib format.
 * @returns The compressed bytes.
 * @throws {ConfigError} If the encoding is another one, or the runtime has no CompressionStream.
 * @see {@link https://docs.celeryq.dev/projects/kombu/en/stable/reference/kombu.compression.html}
 */
export async function compress(bytes: Uint8Array<ArrayBuffer>, encoding: string): Promise<Uint8Array<ArrayBuffer>> {
  if (!isKnown(encoding)) refuse("contentEncoding", "gzip or zlib", encoding);
  return await pump(bytes, "CompressionStream", "deflate", ConfigError);
}

/**
 * Undoes kombu's compression. Bytes in the gzip format, which other writers make of its name, are read as well.
 *
 * @param bytes The compressed bytes.
 * @param encoding kombu's `compression` header.
 * @param maxBytes The most bytes that may come out. Default: 64 MiB.
 * @returns The bytes.
 * @throws {DecodeError} If the encoding is another one, the bytes are damaged, or too many would come out.
 */
export async function decompress(
  bytes: Uint8Array<ArrayBuffer>,
  encoding: string,
  maxBytes = MAX_DECOMPRESSED,
): Promise<Uint8Array<ArrayBuffer>> {
  if (!isKnown(encoding)) throw new DecodeError(`Cannot decompress ${show(encoding)}: pass a codec that can`);
  const format = bytes[0] === 0x1f && bytes[1] === 0x8b ? "gzip" : "deflate";
  try {
    const out = await pump(bytes, "DecompressionStream", format, DecodeError, maxBytes);
    // Not every runtime notices a stream that was cut off, so the trailer is checked: gzip's length, zlib's checksum.
    const trailer = new DataView(bytes.slice(-4).buffer);
    if (format === "gzip" ? trailer.getUint32(0, true) !== out.length : trailer.getUint32(0) !== adler32(out)) {
      throw new RangeError();
    }
    return out;
  } catch (cause) {
    throw cause instanceof DashiError ? cause : new DecodeError(`Cannot decompress '${encoding}' as it is damaged`);
  }
}

function adler32(bytes: Uint8Array): number {
  let low = 1;
  let high = 0;
  for (const byte of bytes) {
    low = (low + byte) % 65521;
    high = (high + low) % 65521;
  }
  return high * 65536 + low;
}

async function pump(
  bytes: Uint8Array<ArrayBuffer>,
  name: "CompressionStream" | "DecompressionStream",
  format: "gzip" | "deflate",
  Fault: typeof DashiError,
  maxBytes = Infinity,
): Promise<Uint8Array<ArrayBuffer>> {
  const Stream = (globalThis as { [name: string]: unknown })[name] as typeof CompressionStream | undefined;
  if (!Stream) throw new Fault(`Cannot use compression as this runtime has no ${name}`);
  let at = 0;
  let size = 0;
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      controller.enqueue(bytes.subarray(at, at += SLICE));
      if (at >= bytes.length) controller.close();
    },
  }).pipeThrough(new Stream(format)).pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        size += chunk.length;
        if (size > maxBytes) throw new Fault(`Cannot decompress a body to more than ${maxBytes} bytes`);
        controller.enqueue(chunk);
      },
    }),
  );
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
