/** Checksums in base64, as S3's `x-amz-checksum-…` headers have them. */
export interface S3Checksums {
  /** CRC-32C. */
  readonly crc32c?: string | undefined;
  /** CRC-32, of zlib. */
  readonly crc32?: string | undefined;
  /** CRC-64/NVME, which S3 computes itself where the client gave no checksum. */
  readonly crc64nvme?: string | undefined;
  /** SHA-256. */
  readonly sha256?: string | undefined;
  /** SHA-1. */
  readonly sha1?: string | undefined;
}

/** The names of the checksums, those that cost least first. */
export const CHECKSUMS = ["crc32c", "crc32", "crc64nvme", "sha256", "sha1"] as const;

/** The headers of checksums. */
export function checksumHeaders(checksums: S3Checksums = {}): Record<string, string | undefined> {
  return Object.fromEntries(CHECKSUMS.map((name) => [`x-amz-checksum-${name}`, checksums[name]]));
}

/** The checksums of a whole object, from headers. A checksum of the parts' checksums (`…-3`) tells nothing of the whole. */
export function readChecksums(headers: Headers): S3Checksums {
  const whole = (name: string) => {
    const value = headers.get(`x-amz-checksum-${name}`);
    return value && !/-\d+$/.test(value) && headers.get("x-amz-checksum-type") !== "COMPOSITE" ? value : undefined;
  };
  return Object.fromEntries(CHECKSUMS.map((name) => [name, whole(name)]));
}
