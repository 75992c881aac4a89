import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import process from "node:process";
import fc from "../support/fast_check.ts";
import { connect } from "../../lib/connect.ts";
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
import type { ConnectOptions, DashiEvent, PayloadContext, PayloadGate, PlainAttributeValue } from "../../lib/types.ts";
import { CREDENTIALS, refused, type S3Call, slowCrc32c, strictS3 } from "./strict_s3.ts";

const ABOUT = { shared: false, queue: "orders" };

function setUp(
  given: Partial<S3PayloadsOptions> & { fault?: (call: S3Call) => Response | undefined } = {},
  connection: ConnectOptions = {},
) {
  const { fault, ...options } = given;
  const s3 = strictS3({ fault });
  const events: DashiEvent[] = [];
  const broker = connect({
    region: "eu-west-1",
    credentials: CREDENTIALS,
    random: () => 0,
    http: { fetch: s3.fetch },
    onEvent: (event) => events.push(event),
    ...connection,
  });
  const store = s3Payloads({ bucket: "letters", ...options });
  const context: PayloadContext = { broker, emit: (event) => events.push(event) };
  return { s3, events, broker, store, context, payloads: () => events.filter(({ type }) => type === "payload") };
}

function plain(attributes: Readonly<Record<string, unknown>>): Record<string, PlainAttributeValue> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [name, (value as { StringValue: string }).StringValue]),
  );
}

const pointerTo = (key: string, bucket = "letters") =>
  JSON.stringify(["software.amazon.payloadoffloading.PayloadS3Pointer", { s3BucketName: bucket, s3Key: key }]);

const EAGER = { lazy: false, messageAttributes: {} };
const LAZY = { lazy: true, messageAttributes: {} };

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

/** Answers the first `times` GETs with what `spoil` makes of them. */
function spoiled(times: number, spoil: () => Response) {
  return ({ method }: S3Call) => method === "GET" && times-- > 0 ? spoil() : undefined;
}

const HALF = () => new Response("ha", { headers: { "content-length": "4" } });
const BROKEN = () =>
  new Response(
    new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode("ha"));
        controller.error(new TypeError("connection reset"));
      },
    }),
    { headers: { "content-length": "4" } },
  );
const WRONG = () => new Response("hell", { headers: { "content-length": "4", "x-amz-checksum-crc32c": "AAAAAA==" } });

Deno.test("s3Payloads() reads a body again that broke off or came wrong, and gives up with a typed error", async () => {
  for (const [spoil, Class] of [[HALF, IntegrityError], [BROKEN, AwsError], [WRONG, IntegrityError]] as const) {
    const once = setUp({ fault: spoiled(1, spoil), key: () => "1" });
    await once.store.offload("half", ABOUT, once.context);
    assert.equal((await once.store.resolve(pointerTo("1"), EAGER, once.context)).body, "half");
    const always = setUp({ fault: spoiled(9, spoil) });
    await assert.rejects(always.store.resolve(pointerTo("1"), EAGER, always.context), Class);
    assert.equal(always.s3.calls.length, 3);
    const lazy = setUp({ fault: spoiled(9, spoil) });
    const { body, stream } = await lazy.store.resolve(pointerTo("1"), LAZY, lazy.context);
    assert.equal(body, undefined);
    assert.equal(lazy.s3.calls.length, 0);
    await assert.rejects(new Response(stream()).text(), Class);
    const [told] = lazy.payloads();
    assert.ok(told.type === "payload" && told.operation === "read" && told.error instanceof Class);
  }
});

Deno.test("s3Payloads() checks what other clients summed up, eager and lazy", async () => {
  const half = new TextEncoder().encode("half");
  const hash = (name: string) => createHash(name).update(half).digest("base64");
  const sums = {
    crc32: slowCrc32c(half, 0xedb88320),
    crc64nvme: "Cs7jLPH6vZE=",
    sha256: hash("sha256"),
    sha1: hash("sha1"),
  };
  for (const [name, sum] of Object.entries(sums)) {
    let said = sum;
    const fault = () => new Response(half, { headers: { "content-length": "4", [`x-amz-checksum-${name}`]: said } });
    const { store, context } = setUp({ fault });
    const lazily = async () => {
      const { stream } = await store.resolve(pointerTo("1"), LAZY, context);
      return await new Response(stream()).text();
    };
    assert.equal((await store.resolve(pointerTo("1"), EAGER, context)).body, "half");
    assert.equal(await lazily(), "half");
    said = "AAAA";
    await assert.rejects(store.resolve(pointerTo("1"), EAGER, context), IntegrityError);
    await assert.rejects(lazily(), IntegrityError);
  }
});

Deno.test("s3Payloads() checks a SHA of a whole payload in runtimes without node:crypto", async () => {
  const half = new TextEncoder().encode("half");
  for (const name of ["sha256", "sha1"]) {
    let said = createHash(name).update(half).digest("base64");
    const fault = () => new Response(half, { headers: { "content-length": "4", [`x-amz-checksum-${name}`]: said } });
    const { store, context } = setUp({ fault });
    const { getBuiltinModule } = process;
    try {
      process.getBuiltinModule = undefined as unknown as typeof getBuiltinModule;
      assert.equal((await store.resolve(pointerTo("1"), EAGER, context)).body, "half");
      said = "AAAA";
      await assert.rejects(store.resolve(pointerTo("1"), EAGER, context), IntegrityError);
    } finally {
      process.getBuiltinModule = getBuiltinModule;
    }
  }
});

Deno.test("s3Payloads() checks the length of what S3 knows only a checksum of parts of", async () => {
  const kept: Record<string, string>[] = [
    { "x-amz-checksum-crc32c": "AAAA-2" },
    { "x-amz-checksum-crc32c": "AAAA", "x-amz-checksum-type": "COMPOSITE" },
  ];
  for (const headers of kept) {
    let length = "4";
    const fault = () => new Response("half", { headers: { ...headers, "content-length": length } });
    const { store, context } = setUp({ fault });
    assert.equal((await store.resolve(pointerTo("1"), EAGER, context)).body, "half");
    length = "5";
    await assert.rejects(store.resolve(pointerTo("1"), EAGER, context), IntegrityError);
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

Deno.test("s3Payloads() reads no more than maxBytes into memory, whatever is announced", async () => {
  const big = { bytes: new Uint8Array(2000).fill(97), headers: {} };
  const { store, context, s3 } = setUp({ maxBytes: 1000 });
  s3.objects.set("letters/1", big);
  const told = { lazy: false, messageAttributes: { ExtendedPayloadSize: "2000" } };
  await assert.rejects(store.resolve(pointerTo("1"), told, context), PayloadForbiddenError);
  assert.equal(s3.calls.length, 0);
  await assert.rejects(store.resolve(pointerTo("1"), EAGER, context), PayloadForbiddenError);
  assert.equal(s3.calls.length, 1);
  const endless = setUp({ maxBytes: 1000, fault: () => new Response(new Blob(["x".repeat(5000)]).stream()) });
  await assert.rejects(endless.store.resolve(pointerTo("1"), EAGER, endless.context), PayloadForbiddenError);
  const { stream } = await store.resolve(pointerTo("1"), LAZY, context);
  assert.equal((await new Response(stream()).text()).length, 2000);
});

Deno.test("s3Payloads() reads a payload whose length nobody says, in pieces of any size", async () => {
  const text = Array.from({ length: 60_000 }, (_, i) => `${i} `).join("");
  const bytes = new TextEncoder().encode(text);
  const ends = [0, 1, 65_535, 65_537, 200_000, 200_001, bytes.length];
  const pieces = ends.slice(1).map((end, i) => bytes.slice(ends[i], end));
  const { store, context } = setUp({ fault: () => new Response(ReadableStream.from(pieces)) });
  const { body, location } = await store.resolve(pointerTo("1"), EAGER, context);
  assert.equal(body, text);
  assert.equal(location.size, bytes.length);
});

Deno.test("s3Payloads() leaves payloads above lazyAbove to the stream", async () => {
  const { store, context, s3 } = setUp({ lazyAbove: 10 });
  for (const [size, eager] of [[10, true], [11, false]] as const) {
    s3.objects.set("letters/1", { bytes: new Uint8Array(size).fill(97), headers: {} });
    const about = { lazy: false, messageAttributes: { ExtendedPayloadSize: size } };
    const { body, stream } = await store.resolve(pointerTo("1"), about, context);
    assert.equal(body, eager ? "a".repeat(size) : undefined);
    assert.equal(await new Response(stream()).text(), "a".repeat(size));
    assert.equal((await store.resolve(pointerTo("1"), { ...about, eager: true }, context)).body, "a".repeat(size));
  }
});

Deno.test("s3Payloads() calls a payload that is not UTF-8 undecodable, and streams its bytes", async () => {
  const { store, context, s3 } = setUp();
  s3.objects.set("letters/1", { bytes: new Uint8Array([0xff, 0xfe]), headers: {} });
  await assert.rejects(store.resolve(pointerTo("1"), EAGER, context), DecodeError);
  const { stream } = await store.resolve(pointerTo("1"), LAZY, context);
  assert.deepEqual(new Uint8Array(await new Response(stream()).arrayBuffer()), new Uint8Array([0xff, 0xfe]));
});

Deno.test("s3Payloads() ends a stream that stalls after its reader took a rest", async () => {
  const { clock } = memorySqs();
  const chunks = ["a", "b"];
  const fault = () =>
    new Response(
      new ReadableStream({
        pull(source) {
          const chunk = chunks.shift();
          return chunk ? source.enqueue(new TextEncoder().encode(chunk)) : new Promise<void>(() => {});
        },
      }, { highWaterMark: 0 }),
      { headers: { "content-length": "4" } },
    );
  const { store, context } = setUp({ fault }, { clock });
  const reader = (await store.resolve(pointerTo("1"), LAZY, context)).stream().getReader();
  await clock.run(async () => {
    await reader.read();
    await clock.sleep(60); // longer than a read may take
    await reader.read();
    await assert.rejects(reader.read(), { awsCode: "Timeout" });
  });
});

Deno.test("s3Payloads() ends a download that stalls with a typed error", async () => {
  const { clock } = memorySqs();
  const silent = () =>
    new Response(new ReadableStream({ pull: () => new Promise(() => {}) }), { headers: { "content-length": "4" } });
  const { store, context } = setUp({ fault: silent }, { clock });
  const { stream } = await store.resolve(pointerTo("1"), LAZY, context);
  const timedOut = (error: unknown) => error instanceof AwsError && error.awsCode === "Timeout";
  await assert.rejects(clock.run(() => new Response(stream()).text()), timedOut);
  await assert.rejects(clock.run(() => store.resolve(pointerTo("1"), EAGER, context)), timedOut);
});

Deno.test("s3Payloads() reads on what came while the event loop stood still, and waits no longer for a clock set back", async () => {
  for (const [leap, comes] of [[3_600_000, true], [3_600_000, false], [-3_600_000, false]] as const) {
    const { clock } = memorySqs();
    let set = 0;
    const skewed = {
      now: () => +clock.now() + set,
      sleep: (seconds: number, signal?: AbortSignal) => clock.sleep(seconds, signal),
    };
    const fault = () =>
      new Response(
        new ReadableStream({
          async pull(source) {
            await clock.sleep(5);
            set = leap;
            await clock.sleep(comes ? 5.05 : 1e6); // just after the timer that rings too late
            source.enqueue(new TextEncoder().encode("soup"));
            source.close();
          },
        }, { highWaterMark: 0 }),
        { headers: { "content-length": "4" } },
      );
    const { store, context } = setUp({ fault }, { clock: skewed });
    const { stream } = await store.resolve(pointerTo("1"), LAZY, context);
    const began = +clock.now();
    const read = clock.run(() => new Response(stream()).text());
    if (comes) assert.equal(await read, "soup");
    else await assert.rejects(read, { awsCode: "Timeout" });
    assert.ok(+clock.now() - began <= 30_000, `${+clock.now() - began} ms`);
  }
});

Deno.test("s3Payloads() ends a stream that is cancelled or aborted, and its connection with it", async () => {
  for (const how of ["cancel", "abort"] as const) {
    let ended = false;
    const fault = () =>
      new Response(
        new ReadableStream({ start: (c) => c.enqueue(new Uint8Array(3)), cancel: () => void (ended = true) }),
      );
    const { store, context } = setUp({ fault });
    const controller = new AbortController();
    const reader = (await store.resolve(pointerTo("1"), LAZY, context)).stream(controller.signal).getReader();
    assert.equal((await reader.read()).value?.length, 3);
    if (how === "cancel") await reader.cancel();
    else {
      const next = reader.read();
      controller.abort(new Error("enough"));
      await assert.rejects(next, /enough/);
    }
    assert.ok(ended);
  }
});

Deno.test("s3Payloads().gate() lets a consumer's downloads in by their bytes, in order", async () => {
  const { store } = setUp({ maxBytesInFlight: 10 });
  const gate = store.gate!();
  const inside: number[] = [];
  const enter = (bytes: number, signal?: AbortSignal) =>
    gate.enter(bytes, signal).then((leave) => (inside.push(bytes), leave));
  const first = await enter(6);
  const large = enter(20);
  const controller = new AbortController();
  const dropped = enter(3, controller.signal);
  const last = enter(4);
  controller.abort(new Error("gone"));
  await assert.rejects(dropped, /gone/);
  await assert.rejects(enter(1, controller.signal), /gone/);
  assert.deepEqual(inside, [6]);
  first();
  first();
  (await large)();
  (await last)();
  assert.deepEqual(inside, [6, 20, 4]);
});

Deno.test("s3Payloads() waits for the bytes that S3 tells, whatever the message announces", async () => {
  const { store, context } = setUp();
  const { body } = await store.offload("eight by", ABOUT, context);
  for (const [announced, waits] of [[1, [1, -1, 8, -8]], [8, [8, -8]], [20, [20, -20]]] as const) {
    const waited: number[] = [];
    const gate: PayloadGate = {
      enter(bytes) {
        waited.push(bytes);
        return Promise.resolve(() => void waited.push(-bytes));
      },
    };
    const about = { lazy: false, messageAttributes: { ExtendedPayloadSize: announced } };
    assert.equal((await store.resolve(body, about, { ...context, gate })).body, "eight by");
    assert.deepEqual(waited, waits);
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
