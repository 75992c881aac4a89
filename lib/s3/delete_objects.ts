import * as v from "valibot";
import { refuse } from "../check.ts";
import { utf8Bytes } from "../codec/base64.ts";
import { badAnswer } from "../http/answer.ts";
import { xmlList } from "../http/xml.ts";
import { readXmlAnswer } from "../http/read_xml_answer.ts";
import type { AwsRequest } from "../types.ts";
import { checksumText, crc32c } from "./crc32c.ts";
import { s3Request } from "./request.ts";
import { fitsXml, xmlText } from "./xml_text.ts";

/** Keys of one {@linkcode deleteObjects}. */
export const MAX_DELETES = 1000;

/** Options of {@linkcode deleteObjects}. */
export interface DeleteObjectsOptions {
  /** The bucket's name. */
  readonly bucket: string;
  /** 1 to 1,000 keys. */
  readonly keys: readonly string[];
  /** SHA-256 of the request's body in hex, which makes it part of the signature. Default: left to TLS and its checksum. */
  readonly contentSha256?: string | undefined;
}

/** The answer to {@linkcode deleteObjects}: what was not deleted. */
export interface DeleteObjectsOutput {
  /** The keys that are still there, and why. */
  readonly failed: readonly { readonly key: string; readonly awsCode: string; readonly message: string }[];
}

const Text = /* @__PURE__ */ (() => v.optional(v.string(), ""))();
const Answer = /* @__PURE__ */ (() =>
  v.object({
    DeleteResult: v.union([
      v.pipe(v.string(), v.transform(() => ({ Error: [] }))),
      v.object({ Error: v.optional(xmlList(v.object({ Key: Text, Code: Text, Message: Text })), []) }),
    ]),
  }))();

/**
 * Builds a `DeleteObjects` request: no I/O, no clock, no randomness. Deleting what is not there succeeds; a key that
 * could not be deleted is in `failed`, never an error of the whole.
 *
 * @param options Bucket and keys.
 * @returns The unsigned request and the parser of its answer, for `sign` or `send`.
 * @throws {ConfigError} If there are no keys, more than 1,000, or one with control characters, which XML can't carry:
 * {@linkcode deleteObject} deletes it.
 * @see {@link https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html}
 *
 * @example Usage
 * ```ts
 * import assert from "node:assert/strict";
 * import { deleteObjects } from "@dashi/sqs/s3";
 *
 * const request = deleteObjects({ bucket: "letters", keys: ["a", "<b>"] });
 * assert.ok(request.body.includes("<Key>&#60;b&#62;</Key>"));
 * ```
 */
export function deleteObjects(options: DeleteObjectsOptions): AwsRequest<DeleteObjectsOutput> {
  const { bucket, keys } = options;
  if (!Array.isArray(keys) || !keys.length || keys.length > MAX_DELETES) {
    refuse("keys", `a list of 1 to ${MAX_DELETES} keys`, keys?.length);
  }
  for (const key of keys) {
    if (typeof key !== "string" || !key || !fitsXml(key)) refuse("keys", "keys without control characters", key);
  }
  const body = '<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' +
    keys.map((key) => `<Object><Key>${xmlText(key)}</Key></Object>`).join("") + "<Quiet>true</Quiet></Delete>";
  return s3Request(
    "DeleteObjects",
    {
      method: "POST",
      bucket,
      query: { delete: "" },
      headers: {
        "content-type": "application/xml",
        "x-amz-checksum-crc32c": checksumText(crc32c(utf8Bytes(body))),
        "x-amz-content-sha256": options.contentSha256,
      },
      body,
    },
    async (response, asked) => {
      const answer = v.safeParse(Answer, await readXmlAnswer(response, asked, asked.toError));
      if (!answer.success) throw badAnswer(asked, response, "it has no DeleteResult");
      return {
        failed: answer.output.DeleteResult.Error.map(({ Key, Code, Message }) => ({
          key: Key,
          awsCode: Code,
          message: Message,
        })),
      };
    },
  );
}
