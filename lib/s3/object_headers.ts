import { assertText, each, is, oneOf, refuse } from "../check.ts";

/** What S3 keeps beside an object's bytes. */
export interface ObjectOptions {
  /** The media type. Default: S3's, `binary/octet-stream`. */
  readonly contentType?: string | undefined;
  /** Metadata of the user's own, 2 KiB of printable ASCII in all. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Up to ten tags. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** How S3 encrypts the object. Default: as the bucket says. */
  readonly serverSideEncryption?: ServerSideEncryption | undefined;
  /** The storage class, such as `STANDARD_IA`. */
  readonly storageClass?: string | undefined;
}

/** Encryption by S3, with keys of S3 or of KMS. */
export interface ServerSideEncryption {
  /** S3's own keys, KMS, or KMS twice. */
  readonly algorithm: "AES256" | "aws:kms" | "aws:kms:dsse";
  /** The KMS key's id or ARN. Default: the account's key for S3. */
  readonly kmsKeyId?: string | undefined;
  /** Asks KMS once for many objects. */
  readonly bucketKey?: boolean | undefined;
}

/**
 * The headers of what S3 keeps beside an object.
 *
 * @throws {ConfigError} If an option is wrong.
 * @see {@link https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html}
 */
export function objectHeaders(options: ObjectOptions): Record<string, string | undefined> {
  const { metadata = {}, tags = {}, serverSideEncryption: encryption, storageClass } = options;
  if (storageClass !== undefined) assertText("storageClass", storageClass);
  each(is("string"))("tags", tags);
  is("object")("metadata", metadata);
  const headers: Record<string, string | undefined> = {
    "content-type": options.contentType,
    "x-amz-storage-class": storageClass,
    "x-amz-tagging": new URLSearchParams(tags).toString().replaceAll("+", "%20") || undefined,
  };
  for (const [name, value] of Object.entries(metadata)) {
    if (!/^[\w.-]+$/.test(name) || typeof value !== "string" || !/^[ -~]*$/.test(value)) {
      refuse(`metadata.${name}`, "printable ASCII under a name of letters, digits, '.', '-' and '_'", value);
    }
    headers[`x-amz-meta-${name.toLowerCase()}`] = value;
  }
  if (encryption) {
    oneOf("AES256", "aws:kms", "aws:kms:dsse")("serverSideEncryption.algorithm", encryption.algorithm);
    headers["x-amz-server-side-encryption"] = encryption.algorithm;
    headers["x-amz-server-side-encryption-aws-kms-key-id"] = encryption.kmsKeyId;
    headers["x-amz-server-side-encryption-bucket-key-enabled"] = encryption.bucketKey?.toString();
  }
  return headers;
}
