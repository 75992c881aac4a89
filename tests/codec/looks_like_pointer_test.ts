import assert from "node:assert/strict";
import { looksLikePointer } from "../../lib/codec/looks_like_pointer.ts";

const place = { s3BucketName: "b", s3Key: "k" };

Deno.test("looksLikePointer() knows both classes of the Extended Client libraries", () => {
  for (
    const name of [
      "software.amazon.payloadoffloading.PayloadS3Pointer",
      "com.amazon.sqs.javamessaging.MessageS3Pointer",
    ]
  ) {
    assert.ok(looksLikePointer(JSON.stringify([name, place])));
    assert.ok(looksLikePointer(JSON.stringify([name, place], null, 2)));
    assert.ok(looksLikePointer(`["${name}", damaged`));
    assert.ok(!looksLikePointer(JSON.stringify({ name })));
    assert.ok(!looksLikePointer(JSON.stringify([place, name])));
    assert.ok(!looksLikePointer(JSON.stringify([name.replaceAll(".", "-"), place])));
  }
});
