import { IntegrityError } from "../errors.ts";
import type { S3Checksums } from "../s3/checksums.ts";
import { checksumText, crc32, crc32c } from "../s3/crc32c.ts";

/** Sums up bytes as they pass. */
export interface Checker {
  add(bytes: Uint8Array): void;
  /** @throws {IntegrityError} If the sum or the number of the bytes is not the one that was announced. */
  finish(): void;
}

interface Hash {
  update(bytes: Uint8Array): void;
  digest(encoding: "base64"): string;
}

/** node's SHA-256, where the runtime has it: WebCrypto's wants all the bytes at once. */
function sha256(): Hash | undefined {
  const { process } = globalThis as {
    process?: { getBuiltinModule?(name: "node:crypto"): { createHash(name: string): Hash } | undefined };
  };
  return process?.getBuiltinModule?.("node:crypto")?.createHash("sha256");
}

/**
 * Checks bytes against what S3 says of the object: their number, and a CRC-32C, a CRC-32, or (where the runtime has
 * `node:crypto`) a SHA-256 of the whole.
 */
export function checkerFor(checksums: S3Checksums, size: number | undefined): Checker {
  const expected = checksums.crc32c ?? checksums.crc32 ?? checksums.sha256;
  const sum = checksums.crc32c ? crc32c : checksums.crc32 ? crc32 : undefined;
  const hash = sum ? undefined : expected && sha256();
  let crc = 0;
  let bytes = 0;
  return {
    add(chunk) {
      bytes += chunk.length;
      if (sum) crc = sum(chunk, crc);
      else if (hash) hash.update(chunk);
    },
    finish() {
      if (size !== undefined && bytes !== size) {
        throw new IntegrityError(`The payload broke off: ${bytes} of ${size} bytes came`);
      }
      const found = sum ? checksumText(crc) : hash ? hash.digest("base64") : expected;
      if (found !== expected) {
        throw new IntegrityError("The payload is not what was stored: its checksum is another");
      }
    },
  };
}
