import { type Crc, crcWasm } from "./crc_wasm.ts";

/** The polynomial, its lowest power first. */
const HIGH = 0x9a6c9329;
const LOW = 0xac4bc9b5;

let tables: { readonly high: Int32Array; readonly low: Int32Array } | undefined;

/** Eight tables of 256, made with the first checksum, so that eight bytes are taken in one step. */
function makeTables(): NonNullable<typeof tables> {
  const [high, low] = [new Int32Array(8 * 256), new Int32Array(8 * 256)];
  for (let i = 0; i < high.length; i++) {
    if (i < 256) {
      low[i] = i;
      for (let bit = 0; bit < 8; bit++) {
        const odd = -(low[i] & 1);
        low[i] = (low[i] >>> 1 | high[i] << 31) ^ (odd & LOW);
        high[i] = high[i] >>> 1 ^ (odd & HIGH);
      }
    } else {
      const [before, byte] = [i - 256, low[i - 256] & 255];
      low[i] = (low[before] >>> 8 | high[before] << 24) ^ low[byte];
      high[i] = high[before] >>> 8 ^ high[byte];
    }
  }
  return { high, low };
}

/**
 * The CRC-64/NVME of some bytes, which S3 and AWS's SDKs choose where nobody chose another. Without `BigInt`, which is
 * far slower.
 *
 * @param bytes The bytes.
 * @param before The checksum of the bytes that came before these. Default: none came.
 * @returns The checksum's lower half, and its upper one.
 * @see {@link https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html}
 */
export const crc64nvme: (bytes: Uint8Array, before?: Crc) => Crc = /* @__PURE__ */ (() => {
  const sum = crcWasm([45, 54, 61, 73, 74, 120, 145, 159, 161, 162, 191, 213], byTables);
  return (bytes, before = [0, 0]) => sum(bytes, before);
})();

function byTables(bytes: Uint8Array, before: Crc): Crc {
  const { high: h, low: l } = tables ??= makeTables();
  let low = ~before[0];
  let high = ~before[1];
  const words = bytes.length & ~7;
  for (let i = 0; i < words; i += 8) {
    const a = low ^ (bytes[i] | bytes[i + 1] << 8 | bytes[i + 2] << 16 | bytes[i + 3] << 24);
    const b = high ^ (bytes[i + 4] | bytes[i + 5] << 8 | bytes[i + 6] << 16 | bytes[i + 7] << 24);
    const i0 = 1792 + (a & 255);
    const i1 = 1536 + (a >>> 8 & 255);
    const i2 = 1280 + (a >>> 16 & 255);
    const i3 = 1024 + (a >>> 24);
    const i4 = 768 + (b & 255);
    const i5 = 512 + (b >>> 8 & 255);
    const i6 = 256 + (b >>> 16 & 255);
    const i7 = b >>> 24;
    high = h[i0] ^ h[i1] ^ h[i2] ^ h[i3] ^ h[i4] ^ h[i5] ^ h[i6] ^ h[i7];
    low = l[i0] ^ l[i1] ^ l[i2] ^ l[i3] ^ l[i4] ^ l[i5] ^ l[i6] ^ l[i7];
  }
  for (let i = words; i < bytes.length; i++) {
    const at = (low ^ bytes[i]) & 255;
    low = (low >>> 8 | high << 24) ^ l[at];
    high = high >>> 8 ^ h[at];
  }
  return [~low >>> 0, ~high >>> 0];
}
