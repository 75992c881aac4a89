import { builtin } from "../builtin.ts";
import { IntegrityError } from "../errors.ts";
import { CHECKSUMS, type S3Checksums } from "../s3/checksums.ts";
import { checksumText, crc32, crc32c } from "../s3/crc32c.ts";
import { crc64nvme } from "../s3/crc64nvme.ts";

/** Checks bytes as they pass. */
export interface Checker {
  add(bytes: Uint8Array): void;
  /** @throws {IntegrityError} If the checksum or the number of the bytes is not the one that was announced. */
  finish(): void;
  /**
   * Checks all the bytes at once, where that was not possible as they passed.
   *
   * @throws {IntegrityError} If the checksum is not the one that was announced.
   */
  check(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
}

interface Hash {
  update(bytes: Uint8Array): void;
  digest(encoding: "base64"): string;
}

/** node's hashes, where the runtime has them: WebCrypto's want all the bytes at once. */
function nodeHash(name: string): Hash | undefined {
  return builtin<{ createHash(name: string): Hash }>("node:crypto")?.createHash(name);
}

function crcHash<Crc>(sum: (bytes: Uint8Array, before: Crc) => Crc, none: Crc, text: (crc: Crc) => string): Hash {
  let crc = none;
  return { update: (bytes) => void (crc = sum(bytes, crc)), digest: () => text(crc) };
}

function hashOf(name: typeof CHECKSUMS[number]): Hash | undefined {
  if (name === "crc32c") return crcHash(crc32c, 0, checksumText);
  if (name === "crc32") return crcHash(crc32, 0, checksumText);
  if (name === "crc64nvme") return crcHash(crc64nvme, [0, 0], ([low, high]) => checksumText(high, low));
  return nodeHash(name);
}

/**
 * Checks bytes against what S3 says of the object: their number, and a checksum of the whole. SHA-256 and SHA-1 take
 * `node:crypto`; without it they are left to `check()`.
 *
 * @param takeCrc32 Whether the CRC-32 will do where a CRC-32C is announced.
 */
export function checkerFor(checksums: S3Checksums, size: number | undefined, takeCrc32 = false): Checker {
  const name = CHECKSUMS.find((name) => checksums[name]);
  const hash = name && hashOf(name);
  const other = takeCrc32 && name === "crc32c" ? hashOf("crc32") : undefined;
  let bytes = 0;
  const compare = (...found: (string | undefined)[]) => {
    if (!found.includes(checksums[name!])) {
      throw new IntegrityError("The payload is not what was stored: its checksum is another");
    }
  };
  return {
    add(chunk) {
      bytes += chunk.length;
      hash?.update(chunk);
      other?.update(chunk);
    },
    finish() {
      if (size !== undefined && bytes !== size) {
        throw new IntegrityError(`The payload broke off: ${bytes} of ${size} bytes came`);
      }
      if (hash) compare(hash.digest("base64"), other?.digest("base64"));
    },
    async check(all) {
      if (!name || hash) return;
      const sum = await crypto.subtle.digest(name.replace("sha", "SHA-"), all);
      compare(btoa(String.fromCharCode(...new Uint8Array(sum))));
    },
  };
}

/** Throws if S3 tells another CRC-32C than that of the bytes that were sent; not every server tells one. */
export function assertSame(crc32c: string, theirs: S3Checksums): void {
  if (theirs.crc32c !== undefined && theirs.crc32c !== crc32c) {
    throw new IntegrityError("S3 got other bytes than were sent: its CRC-32C is another");
  }
}
