/** Checksums in base64, as S3's `x-amz-checksum-…` headers have them. */
export interface S3Checksums {
  /** CRC-32C. */
  readonly crc32c?: string;
  /** CRC-32, of zlib. */
  readonly crc32?: string;
  /** SHA-256. */
  readonly sha256?: string;
}

/** The headers of checksums. */
export function checksumHeaders(checksums: S3Checksums = {}): Record<string, string | undefined> {
  const { crc32c, crc32, sha256 } = checksums;
  return {
    "x-amz-checksum-crc32c": crc32c,
    "x-amz-checksum-crc32": crc32,
    "x-amz-checksum-sha256": sha256,
  };
}

/** The checksums of a whole object, from headers. One of a checksum for each part (`…-3`) tells nothing of the whole. */
export function readChecksums(headers: Headers): S3Checksums {
  const whole = (name: string) => {
    const value = headers.get(`x-amz-checksum-${name}`);
    return value && !/-\d+$/.test(value) && headers.get("x-amz-checksum-type") !== "COMPOSITE" ? value : undefined;
  };
  return { crc32c: whole("crc32c"), crc32: whole("crc32"), sha256: whole("sha256") };
}
