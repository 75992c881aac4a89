/** A checksum as integers of 32 bits, the lowest first: two for one of 64 bits. */
export type Crc = readonly number[];

/** The checksum of bytes that come after others, whose own is `before`. */
export type Sum = (bytes: Uint8Array, before: Crc) => Crc;

/** Pages of 64 KiB. */
const PAGES = 2;

/**
 * Makes a checksum that takes many bytes in WebAssembly, without tables: some 6 GB/s, four times what they do and more.
 *
 * A CRC is the remainder of a division by a polynomial. That divides sparse ones too, such as CRC-32C's does y^209 +
 * y^144 + y^54 + y^39 + y^14 + 1 where y is x, and hence (squared seven times) also where y is x^128. By such a one
 * words of 16 bytes are divided with an XOR a term: each word of the quotient is the message's and those of the
 * quotient so many places before. Only the remainder, of 209 words, is left for the tables.
 *
 * @param lags How many places before, in ascending order: the highest power less each of the others.
 * @param tables Computes the checksum of the remainder, of what is too short, and of everything where the runtime makes
 * no WebAssembly of bytes or has no vectors. Browsers count as such, as they may report an attempt as a break of the
 * page's policy.
 */
export function crcWasm(lags: readonly number[], tables: Sum): Sum {
  const size = lags.at(-1)! * 16;
  let made: Sum | undefined;
  return (bytes, before) =>
    bytes.length < 4 * size ? tables(bytes, before) : (made ??= instance(lags, size, tables) ?? tables)(bytes, before);
}

function instance(lags: readonly number[], size: number, tables: Sum): Sum | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: unknown } };
  let exports: WebAssembly.Exports;
  try {
    if (!process?.getBuiltinModule) return undefined;
    exports = new WebAssembly.Instance(new WebAssembly.Module(machineCode(lags, size))).exports;
  } catch {
    return undefined;
  }
  const divide = exports.f as (from: number, to: number, ahead: number) => void;
  const { buffer } = exports.m as WebAssembly.Memory;
  const memory = new Uint8Array(buffer);
  const view = new DataView(buffer);
  // No word before the first, the quotient, no word again, and the remainder.
  const most = (memory.length - 3 * size) & -16;
  return (bytes, before) => {
    let crc = before;
    let at = 0;
    while (bytes.length - at >= 4 * size) {
      const quotient = (Math.min(most, bytes.length - at) & -16) - size;
      const remainder = quotient + 2 * size;
      memory.set(bytes.subarray(at, at += quotient), size);
      for (const [i, part] of crc.entries()) {
        view.setInt32(size + 4 * i, view.getInt32(size + 4 * i, true) ^ ~part, true);
      }
      divide(0, quotient, 0);
      memory.fill(0, quotient + size, remainder);
      memory.set(bytes.subarray(at, at += size), remainder);
      divide(quotient, quotient + size, size);
      crc = tables(memory.subarray(remainder, remainder + size), crc.map(() => ~0));
    }
    return tables(bytes.subarray(at), crc);
  };
}

/**
 * A module of one memory, `m`, and one function, `f(from, to, ahead)`: for each word of 16 bytes that lies `ahead` and
 * `size` bytes behind one of `from` to `to`, XORs it with those that lie so many words before the latter.
 *
 * @see {@link https://webassembly.github.io/spec/core/binary/index.html}
 */
function machineCode(lags: readonly number[], size: number): Uint8Array<ArrayBuffer> {
  const number = (n: number): number[] => n < 128 ? [n] : [n & 127 | 128, ...number(n >>> 7)];
  const section = (id: number, ...content: number[]) => [id, ...number(content.length), ...content];
  const i32 = 0x7f;
  const [from, to, ahead] = [0, 1, 2].map((local) => [0x20, local]); // local.get
  const target = [...from, ...ahead, 0x6a]; // i32.add
  const load = (offset: number) => [0xfd, 0, 4, ...number(offset)]; // v128.load, aligned to 2^4
  const xored = (lag: number) => [...from, ...load(size - lag * 16), 0xfd, 0x51]; // v128.xor
  const step = [...target, ...target, ...load(size), ...lags.flatMap(xored), 0xfd, 11, 4, ...number(size)];
  // loop; the step, with v128.store; from += 16; br_if from < to; end; end
  const code = [0, 3, 0x40, ...step, ...from, 0x41, 16, 0x6a, 0x22, 0, ...to, 0x49, 0x0d, 0, 0x0b, 0x0b];
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, 1, 0x60, 3, i32, i32, i32, 0), // types: one function of three numbers that gives nothing
    ...section(3, 1, 0),
    ...section(5, 1, 0, PAGES),
    ...section(7, 2, 1, 0x6d, 2, 0, 1, 0x66, 0, 0), // exports: m and f
    ...section(10, 1, ...number(code.length), ...code),
  ]);
}
