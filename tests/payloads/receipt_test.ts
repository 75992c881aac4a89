import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { embedReceiptHandle, parseReceiptHandle } from "../../lib/payloads/mod.ts";

const bucket = fc.stringMatching(/^[a-z0-9][a-z0-9.-]{2,20}$/);
const receipt = fc.stringMatching(/^[A-Za-z0-9+/=]{1,60}$/);

Deno.test("parseReceiptHandle() takes apart what embedReceiptHandle() wrote, whatever the key", () => {
  const keys = fc.oneof(
    fc.string({ unit: "binary", minLength: 1 }),
    fc.constantFrom("a-..s3Key..-b", "-..s3BucketName..-"),
  );
  fc.assert(fc.property(bucket, keys, receipt, (bucket, key, receiptHandle) => {
    const location = { bucket, key };
    assert.deepEqual(parseReceiptHandle(embedReceiptHandle(receiptHandle, location)), { receiptHandle, location });
  }));
});

Deno.test("parseReceiptHandle() leaves every other receipt handle as it is", () => {
  fc.assert(fc.property(fc.string(), (receiptHandle) => {
    assert.deepEqual(parseReceiptHandle(receiptHandle), { receiptHandle });
  }));
  for (
    const broken of [
      "-..s3BucketName..-b",
      "-..s3BucketName..-b-..s3BucketName..--..s3Key..-k",
      "-..s3Key..-k-..s3Key..-r",
    ]
  ) {
    assert.deepEqual(parseReceiptHandle(broken), { receiptHandle: broken });
  }
});
