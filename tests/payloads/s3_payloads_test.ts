import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import {
  AwsError,
  ConfigError,
  DecodeError,
  IntegrityError,
  PayloadForbiddenError,
  PayloadNotFoundError,
} from "../../lib/errors.ts";
import { s3Payloads, type S3PayloadsOptions, SHARED_SEGMENT } from "../../lib/payloads/mod.ts";
import { memorySqs } from "../../lib/testing/mod.ts";
import { ABOUT, EAGER, LAZY, plain, pointerTo, setUp } from "./setup.ts";
import { CREDENTIALS, refused, type S3Call, slowCrc32c } from "./strict_s3.ts";

Deno.test("s3Payloads() brings back every text under every key, signed as S3 wants it", async () => {
  const { store, context, s3 } = setUp({ prefix: "in box/", key: () => key });
  let key = "";
  const keys = fc.string({ unit: "binary", minLength: 1, maxLength: 60 }).filter((text) =>
    !/(?:^|\/)\.{1,2}(?:\/|$)/.test(text)
  );
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(keys, fc.constantFrom("a b", "a+b", "a%2Fb", "ü/日本", "a//b", "/", "a*'()!", "?x#y", "\\", "a;b=c&d")),
      fc.string({ unit: "binary", maxLength: 200 }),
      async (newKey, body) => {
        key = newKey;
        const stored = await store.offload(body, ABOUT, context);
        assert.ok(s3.objects.has(`letters/in box/${key}`));
        assert.ok(store.isPointer(stored.body, {}));
        const about = { lazy: false, messageAttributes: plain(stored.messageAttributes) };
        const found = await store.resolve(stored.body, about, context);
        assert.equal(found.body, body);
        await store.cleanUp([found.location], context);
        assert.equal(s3.objects.size, 0);
      },
    ),
    { numRuns: 150 },
  );
});

Deno.test("s3Payloads() refuses text that UTF-8 has no bytes for, before any request", async () => {
  const { store, context, s3 } = setUp();
  await assert.rejects(store.offload("half a \ud83c", ABOUT, context), ConfigError);
  assert.equal(s3.calls.length, 0);
});

Deno.test("s3Payloads() signs every body, an empty one too: a bucket's policy may refuse what is UNSIGNED-PAYLOAD", async () => {
  const { store, context, s3 } = setUp({
    fault: ({ headers }) =>
      /^[0-9a-f]{64}$/.test(headers.get("x-amz-content-sha256")!) ? undefined : refused(403, "AccessDenied"),
  });
  const parts = new Blob([new Uint8Array(5 * 2 ** 20), "x"]).stream();
  for (const body of ["", "text", parts]) {
    const stored = await store.offload(body, ABOUT, context);
    await new Response((await store.resolve(stored.body, LAZY, context)).stream()).bytes();
    await store.cleanUp([stored.location], context);
  }
  assert.equal(s3.objects.size, 0);
  assert.deepEqual(new Set(s3.calls.map(({ method }) => method)), new Set(["PUT", "GET", "DELETE", "POST"]));
});

Deno.test("s3Payloads() refuses a key that no URL can carry, before any request", async () => {
  const { store, context, s3 } = setUp();
  for (const key of ["..", ".", "a/../b", "./a", "a/."]) {
    await assert.rejects(store.resolve(pointerTo(key), EAGER, context), PayloadForbiddenError);
  }
  const { store: writer, context: writing } = setUp({ key: () => "../x" });
  await assert.rejects(writer.offload("x", ABOUT, writing), ConfigError);
  assert.equal(s3.calls.length, 0);
});

Deno.test("s3Payloads() writes the Extended Client's pointer, and the older one when told to", async () => {
  const now = setUp({ key: () => "1" });
  const stored = await now.store.offload("grüße", ABOUT, now.context);
  assert.equal(
    stored.body,
    '["software.amazon.payloadoffloading.PayloadS3Pointer",{"s3BucketName":"letters","s3Key":"1"}]',
  );
  assert.deepEqual(stored.messageAttributes, { ExtendedPayloadSize: { DataType: "Number", StringValue: "7" } });
  const old = setUp({ key: () => "1", legacyAttribute: true });
  const older = await old.store.offload("grüße", ABOUT, old.context);
  assert.equal(older.body, '["com.amazon.sqs.javamessaging.MessageS3Pointer",{"s3BucketName":"letters","s3Key":"1"}]');
  assert.deepEqual(older.messageAttributes, { SQSLargePayloadSize: { DataType: "Number", StringValue: "7" } });
});

Deno.test("s3Payloads() takes the key of the S3Key attribute, written and read", async () => {
  const { store, context, s3 } = setUp();
  const messageAttributes = { S3Key: { DataType: "String", StringValue: "mine" } };
  const stored = await store.offload("x", { ...ABOUT, messageAttributes }, context);
  assert.equal(stored.location.key, "mine");
  const plainly = await store.offload("y", { ...ABOUT, messageAttributes: { S3Key: "also mine" } }, context);
  assert.equal(plainly.location.key, "also mine");
  await plainly.undo();
  const bare = '["software.amazon.payloadoffloading.PayloadS3Pointer",{"s3BucketName":"letters"}]';
  const found = await store.resolve(bare, { lazy: false, messageAttributes: { S3Key: "mine" } }, context);
  assert.equal(found.body, "x");
  assert.equal(s3.objects.size, 1);
});

Deno.test("s3Payloads() keeps metadata, tags and encryption with the object", async () => {
  const { store, context, s3 } = setUp({
    metadata: { Origin: "shop" },
    tags: { "cost center": "a+b" },
    serverSideEncryption: { algorithm: "aws:kms", kmsKeyId: "k", bucketKey: true },
  });
  const { location } = await store.offload("x", ABOUT, context);
  assert.deepEqual(s3.objects.get(`letters/${location.key}`)!.headers, {
    "x-amz-checksum-crc32c": slowCrc32c(new TextEncoder().encode("x")),
    "x-amz-meta-origin": "shop",
    "x-amz-tagging": "cost%20center=a%2Bb",
    "x-amz-server-side-encryption": "aws:kms",
    "x-amz-server-side-encryption-aws-kms-key-id": "k",
    "x-amz-server-side-encryption-bucket-key-enabled": "true",
  });
});

Deno.test("s3Payloads() never follows a pointer outside of allowed buckets and prefixes", async () => {
  const { store, context, s3 } = setUp({
    prefix: "a/",
    allowedBuckets: ["letters", "other"],
    allowedPrefixes: ["a/", "b/"],
  });
  for (const [bucket, key] of [["evil", "a/1"], ["letters", "c/1"], ["letters", "A/1"], ["letters", ""]]) {
    await assert.rejects(
      store.resolve(pointerTo(key, bucket), EAGER, context),
      (error) => error instanceof PayloadForbiddenError || (key === "" && error instanceof DecodeError),
    );
  }
  assert.equal(s3.calls.length, 0);
  await assert.rejects(store.resolve(pointerTo("b/1", "other"), EAGER, context), PayloadNotFoundError);
  assert.equal(s3.calls.length, 1);
});

Deno.test("s3Payloads() calls a hostile pointer undecodable", async () => {
  const { store, context, s3 } = setUp();
  const head = '["software.amazon.payloadoffloading.PayloadS3Pointer"';
  const bodies = [
    head,
    `${head}]`,
    `${head},null]`,
    `${head},{"s3BucketName":{},"s3Key":[]}]`,
    `${head},{"s3BucketName":"letters","s3Key":"x"},1]`,
    `${head},${"[".repeat(50_000)}`,
    `${head},{"__proto__":{"s3BucketName":"letters","s3Key":"x"}}]`,
  ];
  for (const body of bodies) {
    assert.ok(store.isPointer(body, {}));
    await assert.rejects(store.resolve(body, EAGER, context), DecodeError);
  }
  assert.equal(s3.calls.length, 0);
});

Deno.test("s3Payloads() removes only its own payloads, each once and in one request", async () => {
  const { store, context, s3, payloads } = setUp({ prefix: "p/", allowedBuckets: ["letters", "other"] });
  const at = (bucket: string, key: string) => {
    s3.objects.set(`${bucket}/${key}`, { bytes: new Uint8Array(), headers: {} });
    return { bucket, key };
  };
  const gone = [at("letters", "p/<1>&\r"), at("letters", "p/2"), at("letters", "p/3\x01")];
  const kept = [
    at("other", "p/1"),
    at("letters", "q/1"),
    at("letters", `p/${SHARED_SEGMENT}/1`),
    at("letters", `${SHARED_SEGMENT}/p/1`),
  ];
  await store.cleanUp([...gone, ...kept, ...gone], context);
  assert.deepEqual([...s3.objects.keys()], kept.map(({ bucket, key }) => `${bucket}/${key}`));
  assert.deepEqual(s3.calls.map(({ method }) => method), ["DELETE", "POST"]);
  assert.equal(payloads().length, 3);
  const off = setUp({ deleteOnAck: false });
  await off.store.cleanUp([{ bucket: "letters", key: "1" }], off.context);
  assert.equal(off.s3.calls.length, 0);
});

Deno.test("s3Payloads() tells what it stored, read and removed, and how many bytes it has", async () => {
  const { store, context, payloads } = setUp({ key: () => "1" });
  const { body } = await store.offload("日本", ABOUT, context);
  const { location } = await store.resolve(body, EAGER, context);
  await store.cleanUp([location], context);
  const about = { type: "payload", bucket: "letters", key: "1" };
  assert.deepEqual(JSON.parse(JSON.stringify(payloads())), [
    { ...about, operation: "store", size: 6 },
    { ...about, operation: "read", size: 6 },
    { ...about, operation: "remove" },
  ]);
});

Deno.test("s3Payloads() tells of a stream that was read to its end, and of what undo() removed", async () => {
  const { store, context, payloads } = setUp({ key: () => "1" });
  const { body, location, undo } = await store.offload("日本", ABOUT, context);
  assert.equal(location.size, 6);
  const { stream } = await store.resolve(body, LAZY, context);
  assert.equal(await new Response(stream()).text(), "日本");
  await undo();
  const about = { type: "payload", bucket: "letters", key: "1" };
  assert.deepEqual(JSON.parse(JSON.stringify(payloads())), [
    { ...about, operation: "store", size: 6 },
    { ...about, operation: "read", size: 6 },
    { ...about, operation: "remove" },
  ]);
});

Deno.test("s3Payloads() refuses a key() that gives no text, or none at all", async () => {
  for (const wrong of ["", 7, {}]) {
    const { store, context, s3 } = setUp({ key: () => wrong as string });
    await assert.rejects(store.offload("x", ABOUT, context), { name: "ConfigError", message: /'key'/ });
    assert.equal(s3.calls.length, 0);
  }
});

Deno.test("s3Payloads() says nothing of a removal that failed but that it failed", async () => {
  const { store, context, payloads } = setUp({
    key: () => "1",
    fault: ({ method }) => method === "DELETE" ? refused(403, "AccessDenied") : undefined,
  });
  const { undo } = await store.offload("x", ABOUT, context);
  await undo();
  const told = payloads().map((event) => event.type === "payload" && [event.operation, !!event.error]);
  assert.deepEqual(told, [["store", false], ["remove", true]]);
});

Deno.test("s3Payloads() makes a clean-up that failed an event", async () => {
  const fault = ({ method, key, body }: S3Call) =>
    key === "9" || new TextDecoder().decode(body).includes("<Key>5</Key>")
      ? refused(403, "AccessDenied")
      : method === "POST"
      ? new Response(
        "<DeleteResult><Error><Key>2</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>",
      )
      : undefined;
  const { store, context, payloads } = setUp({ fault });
  await store.cleanUp(["1", "2"].map((key) => ({ bucket: "letters", key })), context);
  await store.cleanUp(["5", "6"].map((key) => ({ bucket: "letters", key })), context);
  await store.cleanUp([{ bucket: "letters", key: "9" }], context);
  const failed = payloads().filter((event) => event.type === "payload" && event.error);
  assert.deepEqual(failed.map((event) => event.type === "payload" && event.key), ["2", "5", "6", "9"]);
});

for (const reason of ["stopped", null]) {
  Deno.test(`s3Payloads() tells of an upload that abort(${JSON.stringify(reason)}) ended as one that failed`, async () => {
    const { store, context, payloads } = setUp();
    const offloading = store.offload("body", ABOUT, { ...context, signal: AbortSignal.abort(reason) });
    await assert.rejects(offloading, (error) => error === reason);
    const [event] = payloads();
    assert.ok(event.type === "payload" && event.error instanceof Error);
  });
}

Deno.test("s3Payloads() marks shared payloads in their key, and undo() removes what was stored", async () => {
  const { store, context, s3 } = setUp({ prefix: "p/" });
  const stored = await store.offload("x", { ...ABOUT, shared: true }, context);
  assert.match(stored.location.key, /^p\/dashi-shared\/[0-9a-f-]{36}$/);
  await store.cleanUp([stored.location], context);
  assert.equal(s3.objects.size, 1);
  await stored.undo();
  assert.equal(s3.objects.size, 0);
});

Deno.test("s3Payloads() asks a bucket in another region there, and the next time at once", async () => {
  const { store, context, s3 } = setUp();
  s3.regions.letters = "us-gov-west-1";
  const stored = await store.offload("x", ABOUT, context);
  assert.deepEqual(s3.calls.map(({ region }) => region), ["eu-west-1", "us-gov-west-1"]);
  assert.equal(s3.calls[1].url.hostname, "letters.s3.us-gov-west-1.amazonaws.com");
  assert.equal((await store.resolve(stored.body, EAGER, context)).body, "x");
  assert.equal(s3.calls.length, 3);
});

Deno.test("s3Payloads() lets no redirect lead a signed request to a host of its choice", async () => {
  const fault = () =>
    refused(301, "PermanentRedirect", { "x-amz-bucket-region": "evil.example/", location: "https://evil.example/" });
  const { store, context, s3 } = setUp({ fault });
  await assert.rejects(store.resolve(pointerTo("1"), EAGER, context), AwsError);
  assert.equal(s3.calls.length, 1);
});

Deno.test("s3Payloads() uses its own region, credentials and endpoint", async () => {
  const { store, context, s3 } = setUp(
    { region: "eu-west-1", credentials: CREDENTIALS, endpoint: "http://127.0.0.1:9" },
    {
      region: "ap-south-1",
      credentials: { accessKeyId: "OTHER", secretAccessKey: "x" },
      endpoint: "http://127.0.0.1:8",
    },
  );
  const stored = await store.offload("x", ABOUT, context);
  assert.equal(s3.calls[0].url.href, `http://127.0.0.1:9/letters/${stored.location.key}`);
  assert.equal(s3.calls[0].region, "eu-west-1");
});

Deno.test("s3Payloads() tries a SlowDown again, both ways", async () => {
  let faults = 0;
  const { store, context } = setUp({ fault: () => faults++ % 2 ? undefined : refused(503, "SlowDown") });
  const stored = await store.offload("x", ABOUT, context);
  assert.equal((await store.resolve(stored.body, EAGER, context)).body, "x");
  assert.equal(faults, 4);
});

Deno.test("s3Payloads() tells a payload that is gone from one that may not be read", async () => {
  const gone = setUp();
  await assert.rejects(gone.store.resolve(pointerTo("1"), EAGER, gone.context), PayloadNotFoundError);
  const denied = setUp({ fault: () => refused(403, "AccessDenied") });
  await assert.rejects(
    denied.store.resolve(pointerTo("1"), EAGER, denied.context),
    (error) => error instanceof AwsError && error.status === 403 && /s3:GetObject/.test(error.message),
  );
  const bucket = setUp({ fault: () => refused(404, "NoSuchBucket") });
  await assert.rejects(bucket.store.resolve(pointerTo("1"), EAGER, bucket.context), AwsError);
  const ignoring = setUp({ ignoreNotFound: true });
  for (const how of [EAGER, LAZY]) {
    assert.equal((await ignoring.store.resolve(pointerTo("1"), how, ignoring.context)).missing, true);
  }
});

Deno.test("s3Payloads() makes bytes that S3 got wrong an IntegrityError, and leaves nothing", async () => {
  const { store, context, s3 } = setUp({
    fault: ({ method }) => method === "PUT" ? refused(400, "BadDigest") : undefined,
  });
  await assert.rejects(store.offload("x", ABOUT, context), IntegrityError);
  const lying = setUp({
    fault: ({ method }) =>
      method === "PUT" ? new Response(null, { headers: { "x-amz-checksum-crc32c": "AAAAAA==" } }) : undefined,
  });
  await assert.rejects(lying.store.offload("x", ABOUT, lying.context), IntegrityError);
  assert.equal(lying.s3.calls.at(-1)!.method, "DELETE");
  assert.equal(s3.objects.size, 0);
});

Deno.test("s3Payloads() removes what a try without a good answer may have stored, also where the next one is refused", async () => {
  for (const [statuses, methods] of [[[403], ["PUT"]], [[500, 403], ["PUT", "PUT", "DELETE"]]] as const) {
    let tries = 0;
    const { store, context, s3 } = setUp({
      fault: ({ method }) => method === "PUT" ? refused(statuses[tries++], "AccessDenied") : undefined,
    });
    await assert.rejects(store.offload("x", ABOUT, context), AwsError);
    assert.deepEqual(s3.calls.map(({ method }) => method), methods);
  }
});

Deno.test("s3Payloads() keeps nobody waiting who gives up on an S3 that does not answer", async () => {
  for (const method of ["PUT", "DELETE"]) {
    const { clock } = memorySqs();
    const controller = new AbortController();
    const fault = (call: S3Call) => {
      if (call.method !== method) return refused(500, "InternalError");
      controller.abort(new Error("enough"));
      return new Promise<Response>(() => {});
    };
    const { store, context } = setUp({ fault }, { clock });
    const began = +clock.now();
    const under = { ...context, signal: controller.signal };
    await assert.rejects(clock.run(() => store.offload("x", ABOUT, under)), method === "PUT" ? /enough/ : AwsError);
    assert.ok(+clock.now() - began < 10_000);
  }
});

Deno.test("s3Payloads() names a wrong option", () => {
  const wrong: [Record<string, unknown>, RegExp][] = [
    [{ bucket: "" }, /bucket/],
    [{ bucket: "a/../b" }, /bucket/],
    [{ prefix: "../" }, /key/],
    [{ threshold: -1 }, /threshold/],
    [{ maxBytes: 0 }, /maxBytes/],
    [{ allowedBuckets: "letters" }, /allowedBuckets/],
    [{ deleteOnAck: "yes" }, /deleteOnAck/],
    [{ treshold: 1 }, /treshold/],
    [{ key: "x" }, /key/],
    [{ allowedPrefixes: [3] }, /allowedPrefixes/],
    [{ metadata: 3 }, /metadata/],
    [{ metadata: { dish: "ラーメン" } }, /metadata\.dish/],
    [{ tags: ["dish"] }, /tags/],
    [{ tags: { dish: 3 } }, /tags\.dish/],
    [{ storageClass: 3 }, /storageClass/],
    [{ serverSideEncryption: "AES256" }, /serverSideEncryption\.algorithm/],
    [{ credentials: { accessKeyId: "AKIDEXAMPLE" } }, /credentials\.secretAccessKey/],
    [{ endpoint: "letters.example.com" }, /endpoint/],
    [{ region: "EU (Ireland)" }, /region/],
    [{ endpoint: { s3: "ftp://example.com" } }, /endpoint\.s3/],
  ];
  for (const options of [undefined, null]) assert.throws(() => s3Payloads(options as never), ConfigError);
  for (const [options, what] of wrong) {
    assert.throws(
      () => s3Payloads({ bucket: "letters", ...options } as S3PayloadsOptions),
      (error) => error instanceof ConfigError && what.test(error.message),
    );
  }
});

Deno.test("a proxy's page with status 200 is no stored payload, and none that was read", async () => {
  const page = () => new Response("<html>Sign in</html>", { headers: { "content-type": "text/html" } });
  for (const method of ["PUT", "GET"]) {
    let pages = 0;
    const { store, context } = setUp({
      fault: (call) => call.method === method && pages < 2 ? (pages++, page()) : undefined,
    });
    const { body, messageAttributes } = await store.offload("a letter", ABOUT, context);
    const found = await store.resolve(body, { lazy: false, messageAttributes: plain(messageAttributes) }, context);
    assert.equal(found.body, "a letter");
    assert.equal(pages, 2, method);
  }
  const { store, context } = setUp({ fault: page });
  await assert.rejects(store.offload("a letter", ABOUT, context), { awsCode: "InvalidAnswer", retryable: true });
});

Deno.test("a page that is not there says nothing of the payload: its message is not dropped", async () => {
  const page = () => new Response("<html>No such page</html>", { status: 404 });
  const { store, context } = setUp({ ignoreNotFound: true, fault: page });
  await assert.rejects(store.resolve(pointerTo("k"), EAGER, context), {
    awsCode: "Http404",
    message: /it is an HTML page/,
  });
});
