/**
 * What every S3 request has in common: the path, the headers, and errors in XML.
 *
 * @module
 */
import { assertText, refuse } from "../check.ts";
import { type AwsError, BucketRegionError } from "../errors.ts";
import { type Asked, awsError, type Fault } from "../http/answer.ts";
import { readXmlAnswer } from "../http/read_xml_answer.ts";
import type { AwsBody, AwsRequest } from "../types.ts";
import { objectPath } from "./object_path.ts";

/** The parts of an S3 request. */
export interface S3RequestParts<Body extends AwsBody> {
  readonly method: string;
  /** The bucket's name. */
  readonly bucket: string;
  /** The object's key; without one the request is about the bucket. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Headers; those that are undefined are left out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: Body;
}

/**
 * Builds a request of S3's REST protocol.
 *
 * @param read Makes the output of a good answer.
 */
export function s3Request<Output, Body extends AwsBody = string>(
  action: string,
  parts: S3RequestParts<Body>,
  read: (response: Response, asked: Asked & { toError(fault: Fault): AwsError }) => Output | Promise<Output>,
): AwsRequest<Output, Body> {
  const { method, bucket, key, query = {}, headers = {} } = parts;
  assertBucket(bucket);
  const asked = { service: "s3", action } as const;
  return {
    ...asked,
    method,
    path: key === undefined ? "/" : objectPath(key),
    query,
    headers: Object.fromEntries(
      Object.entries({ "x-amz-content-sha256": UNSIGNED_PAYLOAD, ...headers }).filter(([name, value]) => {
        if (value !== undefined && !/^[\x20-\x7e]*$/.test(value)) {
          refuse(`headers.${name}`, "printable ASCII, the only text of a header that S3 keeps", "other characters");
        }
        return value !== undefined;
      }),
    ) as Record<string, string>,
    body: parts.body ?? "" as Body,
    bucket,
    async parse(response) {
      const toError = (fault: Fault) => s3Error(asked, response, fault);
      // A redirect without a body, a HEAD: readXmlAnswer() makes them errors too.
      if (!response.ok) await readXmlAnswer(response, asked, toError);
      return await read(response, { ...asked, toError });
    },
  };
}

/** The value of `x-amz-content-sha256` where the signature leaves the body to TLS and to the checksum header. */
export const UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD";

/** Throws unless the value is a bucket's name. It goes into a host name, so nothing else is taken. */
export function assertBucket(bucket: unknown, path = "bucket"): asserts bucket is string {
  assertText(path, bucket);
  if (!/^[A-Za-z0-9][\w.-]{1,254}$/.test(bucket) || bucket.includes("..")) {
    refuse(path, "the name of a bucket: letters, digits, '.', '-' and '_', two at least", bucket);
  }
}

const BY_STATUS: Readonly<Record<number, string>> = {
  301: "PermanentRedirect",
  304: "NotModified",
  307: "TemporaryRedirect",
  403: "AccessDenied",
  404: "NotFound",
  412: "PreconditionFailed",
  503: "SlowDown",
};

/** The error for what S3 said. One that names the bucket's region is a {@linkcode BucketRegionError}. */
function s3Error(asked: Asked, response: Response, fault: Fault): AwsError {
  const { status, headers } = response;
  const { action } = asked;
  // A page is a proxy's, whose status says nothing of the object.
  const awsCode = /^Http\d/.test(fault.awsCode) && !/HTML/.test(fault.message) && BY_STATUS[status] || fault.awsCode;
  const advice = status === 403 ? `: the credentials need s3:${PERMISSIONS[action] ?? action} on this key` : "";
  const error = awsError(asked, response, { awsCode, message: fault.message + advice });
  if (/Redirect$|^AuthorizationHeaderMalformed$|^IllegalLocationConstraintException$/.test(awsCode)) {
    const region = headers.get("x-amz-bucket-region") ?? /expecting '([^']+)'/.exec(fault.message)?.[1] ?? "";
    // The region becomes part of a host name.
    if (/^[a-z]{2,4}(?:-[a-z]+)+-\d{1,2}$/.test(region)) {
      return new BucketRegionError(`${error.message}: the bucket is in ${region}`, { ...error, region });
    }
  }
  return error;
}

const PERMISSIONS: Readonly<Record<string, string>> = {
  HeadObject: "GetObject",
  DeleteObjects: "DeleteObject",
  CreateMultipartUpload: "PutObject",
  UploadPart: "PutObject",
  CompleteMultipartUpload: "PutObject",
};
