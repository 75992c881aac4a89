/** How s3Payloads() reads: what it checks, how much of memory it takes, and how long it waits. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import process from "node:process";
import { AwsError, DecodeError, IntegrityError, PayloadForbiddenError } from "../../lib/errors.ts";
import { memorySqs } from "../../lib/testing/mod.ts";
import type { PayloadGate } from "../../lib/types.ts";
import { wrongClock } from "../support/wrong_clock.ts";
import { ABOUT, EAGER, LAZY, pointerTo, setUp } from "./setup.ts";
import { type S3Call, slowCrc32c } from "./strict_s3.ts";

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

Deno.test("s3Payloads() tells of a body that broke off what the runtime said, without what hangs on its error", async () => {
  const error = Object.assign(new TypeError("terminated"), { request: { authorization: "a secret" } });
  const { store, context } = setUp({
    fault: () => new Response(new ReadableStream({ pull: (controller) => controller.error(error) })),
  });
  await assert.rejects(store.resolve(pointerTo("1"), EAGER, context), ({ cause }: AwsError) => {
    assert.equal((cause as Error).message, "terminated");
    assert.ok(!Deno.inspect(cause).includes("a secret"));
    return true;
  });
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

Deno.test("s3Payloads() takes moto's CRC-32 for the CRC-32C of parts, and no other sum, at an endpoint of one's own", async () => {
  const half = new TextEncoder().encode("half");
  const endpoint = "http://127.0.0.1:9";
  const right = slowCrc32c(half, 0xedb88320);
  const cases: [sum: string, etag: string, endpoint: string | undefined, taken: boolean][] = [
    [right, '"ab-2"', endpoint, true],
    [slowCrc32c(half), '"ab-2"', endpoint, true],
    ["AAAA", '"ab-2"', endpoint, false],
    [right, '"ab"', endpoint, false],
    [right, '"ab-2"', undefined, false],
  ];
  for (const [sum, etag, endpoint, taken] of cases) {
    const fault = () => new Response(half, { headers: { "content-length": "4", "x-amz-checksum-crc32c": sum, etag } });
    const { store, context } = setUp({ fault, endpoint });
    const read = store.resolve(pointerTo("1"), EAGER, context);
    if (taken) assert.equal((await read).body, "half");
    else await assert.rejects(read, IntegrityError);
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
    const { store, context } = setUp({ fault }, { clock: wrongClock(clock, () => set) });
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

Deno.test("s3Payloads() ends a stream whose first answer does not come, and its request with it", async () => {
  for (const how of ["cancel", "abort"] as const) {
    const asked = Promise.withResolvers<AbortSignal>();
    const fetch = (request: Request) => {
      asked.resolve(request.signal);
      return new Promise<Response>(() => {});
    };
    const { store, context, payloads } = setUp({}, { http: { fetch } });
    const controller = new AbortController();
    const reader = (await store.resolve(pointerTo("1"), LAZY, context)).stream(controller.signal).getReader();
    const read = reader.read();
    const signal = await asked.promise;
    if (how === "cancel") {
      await reader.cancel();
      assert.equal((await read).done, true);
      await new Promise((resolve) => setTimeout(resolve, 0));
      assert.equal(payloads().length, 0, "who cancels is told of no failure");
    } else {
      controller.abort(new Error("enough"));
      await assert.rejects(read, /enough/);
    }
    assert.ok(signal.aborted);
  }
});

Deno.test("s3Payloads() goes by the size that a message announces, under the older name too", async () => {
  for (const name of ["ExtendedPayloadSize", "SQSLargePayloadSize"]) {
    const { store, context, s3 } = setUp({ maxBytes: 100 });
    const about = { lazy: false, messageAttributes: { [name]: "101" } };
    await assert.rejects(store.resolve(pointerTo("1"), about, context), PayloadForbiddenError);
    assert.equal(s3.calls.length, 0);
  }
});

Deno.test("s3Payloads() sets no memory aside for a size above maxBytes that S3 tells", async () => {
  const fault = () => new Response("soup", { headers: { etag: '"x"', "content-length": "5497558138880" } });
  const { store, context } = setUp({ fault });
  await assert.rejects(store.resolve(pointerTo("1"), EAGER, context), { name: "PayloadForbiddenError" });
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
