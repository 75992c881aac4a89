import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { connect } from "../../lib/connect.ts";
import { AwsError, ConfigError, IntegrityError } from "../../lib/errors.ts";
import { s3Payloads } from "../../lib/payloads/mod.ts";
import { partSize } from "../../lib/payloads/upload_parts.ts";
import type { DashiEvent, PayloadContext } from "../../lib/types.ts";
import { CREDENTIALS, refused, type S3Call, slowCrc32c, strictS3 } from "./strict_s3.ts";

const ABOUT = { shared: false, queue: "orders" };
const PART = 5 * 2 ** 20;

function setUp(fault?: (call: S3Call) => Response | undefined | Promise<Response | undefined>) {
  const s3 = strictS3({ fault });
  const broker = connect({ region: "eu-west-1", credentials: CREDENTIALS, random: () => 0, http: { fetch: s3.fetch } });
  const events: DashiEvent[] = [];
  const context: PayloadContext = { broker, emit: (event) => events.push(event) };
  return { s3, store: s3Payloads({ bucket: "letters", key: () => "1" }), context, events };
}

/** A stream of so many bytes in chunks of a size, that tells whether it was cancelled. */
function source(bytes: number, chunk: number) {
  const seen = { cancelled: false, given: 0 };
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const size = Math.min(chunk, bytes - seen.given);
      if (size === 0) return controller.close();
      const piece = new Uint8Array(size);
      for (let i = 0; i < size; i += 97) piece[i] = (seen.given + i) % 251;
      seen.given += size;
      controller.enqueue(piece);
    },
    cancel() {
      seen.cancelled = true;
    },
  }, { highWaterMark: 0 });
  return { stream, seen };
}

async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

Deno.test("s3Payloads() brings back streams of every size, those around a part's too", async () => {
  const around = fc.tuple(fc.constantFrom(0, PART, 2 * PART), fc.integer({ min: -2, max: 2 })).map(([n, d]) =>
    Math.max(0, n + d)
  );
  await fc.assert(
    fc.asyncProperty(around, fc.integer({ min: 100_000, max: 8_000_000 }), async (size, chunk) => {
      const { store, context, s3 } = setUp();
      const stored = await store.offload(source(size, chunk).stream, ABOUT, context);
      assert.equal(stored.location.size, size);
      assert.equal(s3.uploads.size, 0);
      assert.equal(s3.calls.filter(({ method }) => method === "PUT").length, Math.max(1, Math.ceil(size / PART)));
      const { stream } = await store.resolve(stored.body, { lazy: true, messageAttributes: {} }, context);
      const expected = await bytesOf(source(size, chunk).stream);
      assert.equal(Buffer.compare(await bytesOf(stream()), expected), 0);
    }),
    { numRuns: 10 },
  );
});

Deno.test("s3Payloads() sends a part again that failed, and completes an upload whose answer was lost", async () => {
  let failed = 0;
  let lost = false;
  const { store, context, s3 } = setUp((call) => {
    const query = call.url.searchParams;
    if (query.get("partNumber") === "2" && failed++ < 2) return refused(503, "SlowDown");
    if (call.method === "POST" && query.has("uploadId") && !lost) {
      lost = true;
      const [id, { parts }] = [...s3.uploads][0];
      s3.objects.set("letters/1", { bytes: new Uint8Array(Buffer.concat([...parts.values()])), headers: {} });
      s3.uploads.delete(id);
      return refused(500, "InternalError");
    }
  });
  const { location } = await store.offload(source(2 * PART + 7, 3_000_000).stream, ABOUT, context);
  assert.equal(location.size, 2 * PART + 7);
  assert.equal(s3.objects.get("letters/1")!.bytes.length, 2 * PART + 7);
});

/** Puts an upload together and forgets it, as S3 does. */
function complete({ objects, uploads }: ReturnType<typeof strictS3>, last = Infinity): void {
  const [id, { parts }] = [...uploads][0];
  const bytes = new Uint8Array(Buffer.concat([...parts.values()]));
  objects.set("letters/1", { bytes: bytes.slice(0, last), headers: {} });
  uploads.delete(id);
}

Deno.test("s3Payloads() leaves nothing of an upload that S3 may have completed, and says of nothing that it could not", async () => {
  const { store, context, s3, events } = setUp(({ method, url }) => {
    if (method !== "POST" || !url.searchParams.has("uploadId")) return undefined;
    if (s3.uploads.size) complete(s3);
    return refused(500, "InternalError");
  });
  await assert.rejects(store.offload(source(PART, PART).stream, ABOUT, context), { awsCode: "InternalError" });
  assert.deepEqual([s3.uploads.size, s3.objects.size], [0, 0]);
  const told = events.map((event) => event.type === "payload" && [event.operation, !!event.error]);
  assert.deepEqual(told, [["store", true]]);
});

Deno.test("s3Payloads() takes no other object for the one whose upload is gone", async () => {
  const { store, context, s3 } = setUp(({ method, url }) => {
    if (method !== "POST" || !url.searchParams.has("uploadId") || !s3.uploads.size) return undefined;
    complete(s3, 7);
    return refused(500, "InternalError");
  });
  await assert.rejects(store.offload(source(PART, PART).stream, ABOUT, context), { awsCode: "NoSuchUpload" });
  assert.equal(s3.calls.filter(({ method }) => method === "HEAD").length, 1);
});

Deno.test("s3Payloads() looks for no object whose completion S3 refused", async () => {
  const { store, context, s3 } = setUp(({ method, url }) =>
    method === "POST" && url.searchParams.has("uploadId") ? refused(400, "InvalidPart") : undefined
  );
  await assert.rejects(store.offload(source(PART, PART).stream, ABOUT, context), { awsCode: "InvalidPart" });
  assert.equal(s3.calls.filter(({ method }) => method === "HEAD").length, 0);
  assert.deepEqual([s3.uploads.size, s3.objects.size], [0, 0]);
});

Deno.test("s3Payloads() waits for no part that gets no answer where another part or the source fails", async () => {
  for (const fails of ["part", "source", "signal"] as const) {
    const { store, context, s3 } = setUp(({ url }) => {
      const part = url.searchParams.get("partNumber");
      if (part === "1") return new Promise<never>(() => {});
      return part && fails === "part" ? refused(403, "AccessDenied") : undefined;
    });
    const controller = new AbortController();
    let given = 0;
    const stream = new ReadableStream<Uint8Array>({
      pull(source) {
        if (given++ < 2) source.enqueue(new Uint8Array(PART));
        else if (fails === "source") source.error(new RangeError("no more"));
        else if (fails === "signal") controller.abort(new RangeError("no more"));
      },
    }, { highWaterMark: 0 });
    const work = store.offload(stream, ABOUT, { ...context, signal: controller.signal });
    await assert.rejects(work, fails === "part" ? AwsError : RangeError);
    assert.deepEqual([s3.uploads.size, s3.objects.size], [0, 0]);
  }
});

Deno.test("s3Payloads() sums up the whole of an upload in parts", async () => {
  const { store, context, s3 } = setUp();
  await store.offload(source(PART + 7, 3_000_000).stream, ABOUT, context);
  const { bytes, headers } = s3.objects.get("letters/1")!;
  assert.equal(headers["x-amz-checksum-crc32c"], slowCrc32c(bytes));
});

Deno.test("s3Payloads() takes a 200 with an error in it as a failed completion", async () => {
  const { store, context, s3 } = setUp(({ method, url }) =>
    method === "POST" && url.searchParams.has("uploadId")
      ? new Response("\n  <Error><Code>InternalError</Code><Message>late</Message></Error>")
      : undefined
  );
  await assert.rejects(store.offload(source(PART, PART).stream, ABOUT, context), AwsError);
  assert.equal(s3.calls.filter(({ url }) => url.searchParams.has("uploadId")).length, 1 + 3 + 1);
  assert.equal(s3.uploads.size, 0);
  assert.equal(s3.objects.size, 0);
});

Deno.test("s3Payloads() aborts an upload that fails, and cancels its source", async () => {
  for (
    const [failing, refusal, Class] of [
      ["2", () => refused(403, "AccessDenied"), AwsError],
      ["1", () => refused(400, "BadDigest"), IntegrityError],
    ] as const
  ) {
    let told = () => {};
    const answered = new Promise<void>((resolve) => told = resolve);
    const { store, context, s3 } = setUp(async ({ url }) => {
      const part = url.searchParams.get("partNumber");
      if (part === failing) {
        told();
        return refusal();
      }
      if (part) await answered; // or all others could pass a part whose hash takes its time
    });
    const { stream, seen } = source(20 * PART, PART);
    await assert.rejects(store.offload(stream, ABOUT, context), Class);
    assert.equal(s3.uploads.size, 0);
    assert.ok(seen.cancelled);
    assert.ok(seen.given < 6 * PART, "it does not read on");
  }
});

Deno.test("s3Payloads() leaves no part of a source that fails or gives no bytes", async () => {
  for (const wrong of ["error", "text"]) {
    const { store, context, s3 } = setUp();
    let given = 0;
    const stream = new ReadableStream({
      pull(controller) {
        if (given++ < 3) controller.enqueue(new Uint8Array(PART));
        else if (wrong === "text") controller.enqueue("text" as unknown as Uint8Array);
        else controller.error(new RangeError("no more"));
      },
    });
    await assert.rejects(store.offload(stream, ABOUT, context), wrong === "text" ? ConfigError : RangeError);
    assert.equal(s3.uploads.size + s3.objects.size, 0);
  }
});

Deno.test("s3Payloads() stops an upload when the signal fires, also while its source says nothing", async () => {
  for (const parts of [0, 2]) {
    const { store, context, s3 } = setUp();
    const controller = new AbortController();
    let given = 0;
    let cancelled = false;
    const stream = new ReadableStream<Uint8Array>({
      pull(source) {
        if (given++ < parts) return source.enqueue(new Uint8Array(PART));
        controller.abort(new Error("enough"));
        return new Promise(() => {});
      },
      cancel() {
        cancelled = true;
      },
    }, { highWaterMark: 0 });
    await assert.rejects(store.offload(stream, ABOUT, { ...context, signal: controller.signal }), /enough/);
    assert.equal(s3.uploads.size + s3.objects.size, 0);
    assert.equal(s3.calls.length > 0, parts > 0); // what was never begun needs no removing
    assert.ok(cancelled);
  }
});

Deno.test("s3Payloads() cuts streams into parts that S3 takes, up to 4.8 TiB", () => {
  let whole = 0;
  for (let part = 1; part <= 10_000; part++) {
    const size = partSize(part);
    assert.ok(size >= PART && size <= 5 * 2 ** 30);
    whole += size;
  }
  assert.equal(partSize(1000), PART);
  assert.ok(whole >= 4.8 * 2 ** 40);
});
