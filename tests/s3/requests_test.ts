import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "../support/fast_check.ts";
import { AwsError, BucketRegionError, ConfigError } from "../../lib/errors.ts";
import { slowCrc32c } from "../payloads/strict_s3.ts";
import { sign } from "../../lib/http/sign.ts";
import {
  abortMultipartUpload,
  completeMultipartUpload,
  createMultipartUpload,
  deleteObject,
  deleteObjects,
  getObject,
  headObject,
  objectPath,
  putObject,
  type PutObjectOptions,
  uploadPart,
} from "../../lib/s3/mod.ts";

const AT = { bucket: "letters", key: "a/b c" };

function refused(status: number, code: string, message = "m"): Response {
  return new Response(`<Error><Code>${code}</Code><Message>${message}</Message></Error>`, { status });
}

Deno.test("objectPath() survives a URL for every key that it takes", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", minLength: 1, maxLength: 100 }), (key) => {
      if (key.split("/").some((segment) => segment === "." || segment === "..")) {
        assert.throws(() => objectPath(key), ConfigError);
      } else {
        const { pathname, search, hash } = new URL("https://letters.s3.eu-west-1.amazonaws.com" + objectPath(key));
        assert.equal(decodeURIComponent(pathname.slice(1)), key);
        assert.equal(search + hash, "");
        assert.equal(key.split("/").length, pathname.split("/").length - 1);
      }
    }),
    { numRuns: 500 },
  );
  for (const key of ["", "a/..", "%2e%2e/..", "\ud800", "é".repeat(513)]) {
    assert.throws(() => objectPath(key), ConfigError);
  }
});

Deno.test("putObject() refuses a bucket that is no bucket's name, and headers that S3 can't keep", () => {
  for (const bucket of ["", "a", "a/b", "a..b", "evil.com#", "-a", "a@b", "x".repeat(300)]) {
    assert.throws(() => putObject({ ...AT, bucket, body: "x" }), ConfigError);
  }
  assert.throws(() => putObject({ ...AT, body: "x", metadata: { a: "é" } }), ConfigError);
  assert.throws(() => putObject({ ...AT, body: "x", metadata: { a: "1\r\nx-evil: 1" } }), ConfigError);
  assert.throws(() => putObject({ ...AT, body: "x", metadata: { "a b": "1" } }), ConfigError);
});

Deno.test("bytes are sent whatever memory their type allows: a Buffer's, or what a Worker's TextEncoder gives", async () => {
  const body: Uint8Array = Buffer.from("soup");
  const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" };
  for (const request of [putObject({ ...AT, body }), uploadPart({ ...AT, uploadId: "u", partNumber: 1, body })]) {
    assert.equal(await (await sign(request, { credentials })).text(), "soup");
  }
});

Deno.test("every builder gives S3's method, path, query and headers", () => {
  const upload = { ...AT, uploadId: "u+1" };
  const parts = [{ partNumber: 1, etag: '"e&1"', crc32c: "AAAAAA==" }];
  const shown = [
    putObject({ ...AT, body: "x", checksums: { crc32c: "AAAAAA==" }, contentSha256: "00", onlyIfNew: true }),
    getObject({ ...AT, versionId: "v" }),
    getObject({ ...AT, range: "bytes=0-9", ifMatch: '"e"' }),
    headObject(AT),
    headObject({ ...AT, versionId: "v" }),
    deleteObject(AT),
    deleteObject({ ...AT, versionId: "v" }),
    createMultipartUpload({ ...AT, crc32c: true }),
    uploadPart({ ...upload, partNumber: 3, body: "x" }),
    completeMultipartUpload({ ...upload, parts, crc32c: "AAAAAA==", size: 1 }),
    abortMultipartUpload(upload),
  ].map(({ method, path, query, headers, bucket }) => {
    assert.equal(path, "/a/b%20c");
    assert.equal(bucket, "letters");
    const { "x-amz-content-sha256": hash, ...rest } = headers;
    return [method, query, hash, rest];
  });
  const unsigned = "UNSIGNED-PAYLOAD";
  assert.deepEqual(shown, [
    ["PUT", {}, "00", { "x-amz-checksum-crc32c": "AAAAAA==", "if-none-match": "*" }],
    ["GET", { versionId: "v" }, unsigned, { "x-amz-checksum-mode": "ENABLED" }],
    ["GET", {}, unsigned, { range: "bytes=0-9", "if-match": '"e"' }],
    ["HEAD", {}, unsigned, {}],
    ["HEAD", { versionId: "v" }, unsigned, {}],
    ["DELETE", {}, unsigned, {}],
    ["DELETE", { versionId: "v" }, unsigned, {}],
    ["POST", { uploads: "" }, unsigned, { "x-amz-checksum-algorithm": "CRC32C", "x-amz-checksum-type": "FULL_OBJECT" }],
    ["PUT", { partNumber: "3", uploadId: "u+1" }, unsigned, {}],
    ["POST", { uploadId: "u+1" }, unsigned, {
      "content-type": "application/xml",
      "x-amz-checksum-crc32c": "AAAAAA==",
      "x-amz-checksum-type": "FULL_OBJECT",
      "x-amz-mp-object-size": "1",
    }],
    ["DELETE", { uploadId: "u+1" }, unsigned, {}],
  ]);
  const { body } = completeMultipartUpload({ ...upload, parts });
  assert.match(body, /<Part><ChecksumCRC32C>AAAAAA==<\/ChecksumCRC32C><ETag>"e&#38;1"<\/ETag><PartNumber>1</);
});

Deno.test("deleteObjects() sums up its body, as S3 demands", () => {
  const { method, path, query, headers, body } = deleteObjects({
    bucket: "letters",
    keys: ["a&b"],
    contentSha256: "00",
  });
  assert.deepEqual([method, path, query], ["POST", "/", { delete: "" }]);
  assert.deepEqual(headers, {
    "content-type": "application/xml",
    "x-amz-checksum-crc32c": slowCrc32c(new TextEncoder().encode(body)),
    "x-amz-content-sha256": "00",
  });
  assert.match(body, /<Key>a&#38;b<\/Key>.*<Quiet>true<\/Quiet>/);
});

Deno.test("an upload in parts needs an id, an ETag of each part, and a result", async () => {
  await assert.rejects(
    createMultipartUpload(AT).parse(new Response("<InitiateMultipartUploadResult/>")),
    (error) => error instanceof AwsError && /no UploadId/.test(error.message),
  );
  const part = uploadPart({ ...AT, uploadId: "u", partNumber: 1, body: "x" });
  await assert.rejects(
    part.parse(new Response("")),
    (error) => error instanceof AwsError && /ETag/.test(error.message),
  );
  assert.equal((await part.parse(new Response("", { headers: { etag: '"e"' } }))).etag, '"e"');
  const whole = completeMultipartUpload({ ...AT, uploadId: "u", parts: [{ partNumber: 1, etag: "e" }] });
  await assert.rejects(
    whole.parse(new Response("<CompleteMultipartUploadResult/>")),
    (error) => error instanceof AwsError && /no result/.test(error.message),
  );
  const answer = "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>";
  assert.deepEqual(await whole.parse(new Response(answer, { headers: { "x-amz-version-id": "v" } })), {
    etag: "e",
    versionId: "v",
  });
});

Deno.test("putObject() refuses an encryption that S3 has not", () => {
  const encrypted = (algorithm: string) =>
    putObject({ ...AT, body: "x", serverSideEncryption: { algorithm } as PutObjectOptions["serverSideEncryption"] });
  assert.equal(encrypted("aws:kms").headers["x-amz-server-side-encryption"], "aws:kms");
  assert.throws(() => encrypted("aes256"), { name: "ConfigError", message: /'serverSideEncryption\.algorithm'/ });
});

Deno.test("uploadPart() and deleteObjects() refuse what is out of S3's bounds", () => {
  for (const partNumber of [0, 10_001, 1.5]) {
    assert.throws(() => uploadPart({ ...AT, uploadId: "u", partNumber, body: "x" }), ConfigError);
  }
  for (const keys of [[], Array(1001).fill("x"), ["a\x00"], [""]]) {
    assert.throws(() => deleteObjects({ bucket: "letters", keys }), ConfigError);
  }
  assert.throws(() => completeMultipartUpload({ ...AT, uploadId: "u", parts: [] }), ConfigError);
});

Deno.test("parsers make S3's errors typed ones, with and without a body", async () => {
  const { parse } = getObject(AT);
  const of = (response: Response) => parse(response).then(() => assert.fail(), (error) => error);
  const slow = await of(refused(503, "SlowDown"));
  assert.deepEqual([slow.awsCode, slow.retryable], ["SlowDown", true]);
  const missing = await of(refused(404, "NoSuchKey"));
  assert.deepEqual([missing.awsCode, missing.retryable], ["NoSuchKey", false]);
  const broken = await headObject(AT).parse(new Response(null, { status: 500 })).catch((error) => error);
  assert.deepEqual([broken.awsCode, broken.retryable], ["Http500", true]);
  const head = await headObject(AT).parse(new Response(null, { status: 404 })).catch((error) => error);
  assert.ok(head instanceof AwsError && head.awsCode === "NotFound");
  const html = await of(new Response("<!doctype html><h1>502", { status: 502 }));
  assert.equal(html.retryable, true);
  const denied = await of(refused(403, "AccessDenied"));
  assert.match(denied.message, /s3:GetObject/);
  const bomb = await of(new Response('<!DOCTYPE x [<!ENTITY a "b">]><Error>&a;</Error>', { status: 400 }));
  assert.ok(bomb instanceof AwsError);
});

Deno.test("parsers tell a bucket's region, from the header or the message, and only a region", async () => {
  const { parse } = headObject(AT);
  const of = (response: Response) => parse(response).then(() => assert.fail(), (error) => error);
  const redirect = await of(new Response(null, { status: 301, headers: { "x-amz-bucket-region": "ap-south-1" } }));
  assert.ok(redirect instanceof BucketRegionError);
  assert.equal(redirect.region, "ap-south-1");
  const said = "the region 'us-east-1' is wrong; expecting 'eu-central-1'";
  assert.equal((await of(refused(400, "AuthorizationHeaderMalformed", said))).region, "eu-central-1");
  for (const region of ["", "evil.com/", "eu-west-1.evil.com", "EU", "eu-west-1@x"]) {
    const other = await of(new Response(null, { status: 301, headers: { "x-amz-bucket-region": region } }));
    assert.ok(!(other instanceof BucketRegionError));
  }
});

Deno.test("completeMultipartUpload() finds the error in an answer that began with 200", async () => {
  const { parse } = completeMultipartUpload({ ...AT, uploadId: "u", parts: [{ partNumber: 1, etag: "e" }] });
  await assert.rejects(parse(refused(200, "InternalError")), (error) => error instanceof AwsError && error.retryable);
  await assert.rejects(parse(new Response("<Half><Of")), AwsError);
  const { etag } = await parse(
    new Response("<CompleteMultipartUploadResult><ETag>&quot;e&quot;</ETag></CompleteMultipartUploadResult>"),
  );
  assert.equal(etag, '"e"');
});

Deno.test("deleteObjects() tells which keys were not deleted", async () => {
  const { parse } = deleteObjects({ bucket: "letters", keys: ["a", "b"] });
  const error = (key: string) => `<Error><Key>${key}</Key><Code>AccessDenied</Code><Message>no</Message></Error>`;
  const two = await parse(new Response(`<DeleteResult>${error("a")}${error("b")}</DeleteResult>`));
  assert.deepEqual(two.failed, ["a", "b"].map((key) => ({ key, awsCode: "AccessDenied", message: "no" })));
  assert.deepEqual((await parse(new Response("<DeleteResult/>"))).failed, []);
  await assert.rejects(parse(new Response("")), AwsError);
});

Deno.test("getObject() trusts no checksum of parts, and no length of what the runtime decoded", async () => {
  const of = (headers: Record<string, string>) => getObject(AT).parse(new Response("x", { headers }));
  assert.equal((await of({ "x-amz-checksum-crc32c": "AAAAAA==" })).checksums.crc32c, "AAAAAA==");
  assert.equal((await of({ "x-amz-checksum-crc32c": "AAAAAA==-2" })).checksums.crc32c, undefined);
  const parts = { "x-amz-checksum-crc32c": "AAAAAA==", "x-amz-checksum-type": "COMPOSITE" };
  assert.equal((await of(parts)).checksums.crc32c, undefined);
  assert.equal((await of({ "content-length": "9", "content-encoding": "gzip" })).size, undefined);
  const some = new Response("x", { status: 206, headers: { "x-amz-checksum-crc32c": "AAAAAA==" } });
  assert.deepEqual((await getObject({ ...AT, range: "bytes=0-0" }).parse(some)).checksums, {}, "that of the whole");
  assert.deepEqual((await of({ "x-amz-meta-a": "1" })).metadata, { a: "1" });
});

Deno.test("headObject() gives what the headers say of an object, and nothing for what they leave out", async () => {
  const of = (headers: Record<string, string>) => headObject(AT).parse(new Response(null, { headers }));
  const nothing = { etag: undefined, versionId: undefined, contentType: undefined, contentEncoding: undefined };
  assert.deepEqual(await of({}), { ...nothing, size: undefined, metadata: {} });
  const headers = { etag: '"e"', "x-amz-version-id": "v", "content-type": "text/plain", "content-length": "9" };
  const facts = { etag: '"e"', versionId: "v", contentType: "text/plain", size: 9 };
  assert.deepEqual(await of(headers), { ...nothing, ...facts, metadata: {} });
  for (const length of ["", "-1", "9e9", "9".repeat(16)]) {
    assert.equal((await of({ "content-length": length })).size, undefined, length);
  }
});
