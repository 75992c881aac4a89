import assert from "node:assert/strict";
import { keepCall } from "../../lib/celery_call.ts";
import { connect } from "../../lib/connect.ts";
import { AwsError, ConfigError, DecodeError, IntegrityError, TaskFailedError, TimeoutError } from "../../lib/errors.ts";
import { s3Results, type S3ResultsOptions } from "../../lib/payloads/mod.ts";
import type { GroupCall } from "../../lib/celery/mod.ts";
import { memorySqs } from "../../lib/testing/mod.ts";
import type { Call, ResultOptions } from "../../lib/types.ts";
import { wrongClock } from "../support/wrong_clock.ts";
import { CREDENTIALS, refused, type S3Call, strictS3 } from "./strict_s3.ts";

function setUp(fault?: (call: S3Call) => Response | undefined) {
  const s3 = strictS3({ fault });
  const { clock } = memorySqs({ start: new Date("2030-01-02T03:04:05Z") });
  const broker = connect({
    region: "eu-west-1",
    credentials: CREDENTIALS,
    random: () => 0,
    clock,
    http: { fetch: s3.fetch },
  });
  const results = s3Results({ bucket: "results", basePath: "app/" });
  const put = (id: string, text: string) =>
    s3.objects.set(`results/app/celery-task-meta-${id}`, { bytes: new TextEncoder().encode(text), headers: {} });
  return { s3, clock, broker, results, put };
}

Deno.test("s3Results().get() gives what a Celery worker stored", async () => {
  const { results, broker, put } = setUp();
  put(
    "1",
    '{"status": "SUCCESS", "result": [1, NaN, {"__type__": "bytes", "__value__": "x"}], "traceback": null, "task_id": "1"}',
  );
  assert.deepEqual(await results.get("1", { broker }), [1, NaN, new TextEncoder().encode("x")]);
});

Deno.test("s3Results().get() waits for a result, past half of one, STARTED and RETRY", async () => {
  const states = [
    '{"status": "SUCC',
    "",
    '{"status": "STARTED"}',
    '{"status": "RETRY", "result": {"exc_type": "X"}}',
    '{"status": "SUCCESS", "result": 5}',
  ];
  const { results, broker, clock, s3 } = setUp(() => s3.calls.length > 2 ? new Response(states.shift()) : undefined);
  const call: Call<number> = keepCall({ id: "1" }, broker);
  const value: number = await clock.run(() => results.get(call, { timeout: 60 }));
  assert.equal(value, 5);
  assert.equal(s3.calls.length, 7);
});

Deno.test("s3Results().get() ends after its timeout, with its signal, and with S3's refusal", async () => {
  const { results, broker, clock, s3 } = setUp();
  await assert.rejects(clock.run(() => results.get("1", { broker, timeout: 30 })), TimeoutError);
  assert.equal(clock.now().toISOString(), "2030-01-02T03:04:35.000Z");
  assert.equal(s3.calls.length, 11, "it asks less and less often, as docs/celery.md says");
  const controller = new AbortController();
  const waiting = results.get("1", { broker, signal: controller.signal });
  controller.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
  const denied = setUp(() => refused(403, "AccessDenied"));
  await assert.rejects(denied.results.get("1", { broker: denied.broker }), AwsError);
});

Deno.test("s3Results().get() waits where S3 is down for a while, and tells why where that is longer than its timeout", async () => {
  let down = Infinity;
  const { results, broker, clock, put } = setUp(() => +clock.now() < down ? refused(503, "SlowDown") : undefined);
  const call = keepCall({ id: "2", parent: { id: "1" } }, broker);
  await assert.rejects(
    clock.run(() => results.get(call, { timeout: 60 })),
    (error) => error instanceof TimeoutError && error.cause instanceof AwsError && error.cause.awsCode === "SlowDown",
  );
  down = +clock.now() + 60_000;
  put("2", '{"status": "SUCCESS", "result": 5}');
  assert.equal(await clock.run(() => results.get(call)), 5);
});

Deno.test("s3Results().get() makes a failure an error with type, module and traceback", async () => {
  const { results, broker, put } = setUp();
  put(
    "1",
    '{"status": "FAILURE", "result": {"exc_type": "KeyError", "exc_message": ["a", 1], "exc_module": "builtins"}, "traceback": "Traceback …"}',
  );
  await assert.rejects(results.get("1", { broker }), (error) => {
    assert.ok(error instanceof TaskFailedError);
    assert.equal(error.message, "Task 1 failed with KeyError: a, 1");
    assert.deepEqual([error.type, error.module, error.traceback], ["KeyError", "builtins", "Traceback …"]);
    return true;
  });
  put("2", '{"status": "REVOKED", "result": null}');
  await assert.rejects(
    results.get("2", { broker }),
    (error) => error instanceof TaskFailedError && error.type === "TaskRevokedError",
  );
});

Deno.test("s3Results().get() names the exception that Celery had to wrap", async () => {
  const { results, broker, put } = setUp();
  put(
    "1",
    `{"status": "FAILURE", "result": {"exc_type": "UnpickleableExceptionWrapper",
      "exc_message": ["shop.errors", "SoldOut", ["ramen", 2], "SoldOut('ramen', 2)"],
      "exc_module": "celery.utils.serialization"}, "traceback": "Traceback …"}`,
  );
  await assert.rejects(results.get("1", { broker }), (error) => {
    assert.ok(error instanceof TaskFailedError);
    assert.equal(error.message, "Task 1 failed with SoldOut: ramen, 2");
    assert.deepEqual([error.type, error.module, error.traceback], ["SoldOut", "shop.errors", "Traceback …"]);
    return true;
  });
});

Deno.test("s3Results().get() waits no longer where a task before it in the chain was revoked or has failed", async () => {
  const { results, broker, put, clock } = setUp();
  const call: Call = keepCall({ id: "3", parent: { id: "2", parent: { id: "1" } } }, broker);
  put("1", '{"status": "RETRY", "result": null}');
  await assert.rejects(clock.run(() => results.get(call, { timeout: 60 })), TimeoutError);
  put("1", '{"status": "REVOKED", "result": {"exc_type": "TaskRevokedError", "exc_message": ["expired"]}}');
  await assert.rejects(clock.run(() => results.get(call, { timeout: 60 })), {
    message: "Task 1 failed with TaskRevokedError: expired",
  });
  put("2", '{"status": "SUCCESS", "result": 4}');
  await assert.rejects(clock.run(() => results.get(call, { timeout: 60 })), TimeoutError);
  put("2", "pickled");
  put("3", '{"status": "SUCCESS", "result": 5}');
  assert.equal(await results.get(call), 5);
});

Deno.test("s3Results().get() waits no hours for its timeout where the clock is set back by hours", async () => {
  const { results, clock, s3 } = setUp();
  let set = 0;
  const other = connect({
    region: "eu-west-1",
    credentials: CREDENTIALS,
    clock: wrongClock(clock, () => set),
    http: { fetch: s3.fetch },
  });
  clock.sleep(5).then(() => set = -7_200_000);
  const began = +clock.now();
  await assert.rejects(clock.run(() => results.get("1", { broker: other, timeout: 10 })), TimeoutError);
  assert.ok(+clock.now() - began <= 20_000, `${+clock.now() - began} ms`);
});

Deno.test("s3Results().store() writes what a Celery client reads, and never over a success", async () => {
  const { results, broker, s3 } = setUp();
  const read = () => JSON.parse(new TextDecoder().decode(s3.objects.get("results/app/celery-task-meta-1")!.bytes));
  await results.store("1", { status: "STARTED", result: { pid: 1 } }, { broker });
  assert.deepEqual(read(), {
    result: { pid: 1 },
    traceback: null,
    children: [],
    date_done: null,
    status: "STARTED",
    task_id: "1",
  });
  await results.store("1", { status: "SUCCESS", result: 5 }, { broker });
  assert.equal(read().date_done, "2030-01-02T03:04:05.000+00:00");
  await results.store("1", { status: "FAILURE" }, { broker });
  assert.equal((await results.meta("1", { broker }))?.status, "SUCCESS");
  await results.forget("1", { broker });
  assert.equal(s3.objects.size, 0);
});

Deno.test("s3Results().store() writes null for what JSON leaves out: Celery's AsyncResult.result fails without a result", async () => {
  const { results, broker, s3 } = setUp();
  // As task.update("SUCCESS") without a result does.
  await results.store("1", { status: "SUCCESS", result: undefined, date_done: undefined }, { broker });
  assert.deepEqual(JSON.parse(new TextDecoder().decode(s3.objects.get("results/app/celery-task-meta-1")!.bytes)), {
    result: null,
    traceback: null,
    children: [],
    date_done: "2030-01-02T03:04:05.000+00:00",
    status: "SUCCESS",
    task_id: "1",
  });
  // What a handler may return without a thought: what off() gives, say.
  for (const result of [() => {}, Symbol("no word of JSON's")]) {
    await results.store("2", { status: "STARTED", result }, { broker });
    assert.equal((await results.meta("2", { broker }))!.result, null);
  }
});

Deno.test("s3Results() reads a compressed result, bounded", async () => {
  const { results, broker, s3 } = setUp();
  const stream = new Blob([JSON.stringify({ status: "SUCCESS", result: "x".repeat(1000) })]).stream();
  const deflated = await new Response(stream.pipeThrough(new CompressionStream("deflate"))).bytes();
  const head = new TextEncoder().encode("\0celery-compressed\0application/x-gzip\0");
  s3.objects.set("results/app/celery-task-meta-1", { bytes: new Uint8Array([...head, ...deflated]), headers: {} });
  assert.equal(await results.get("1", { broker }), "x".repeat(1000));
  const small = s3Results({ bucket: "results", basePath: "app/", maxBytes: 500 });
  await assert.rejects(small.get("1", { broker }), DecodeError);
});

Deno.test("s3Results() says of a result that it can't read, and waits for it no longer", async () => {
  const { results, broker, s3, put } = setUp();
  const bytes = Uint8Array.fromHex("80059507000000000000008c0373657694"); // pickle
  s3.objects.set("results/app/celery-task-meta-pickle", { bytes, headers: {} });
  put("yaml", "children: []\nstatus: SUCCESS\n");
  put("brotli", "\0celery-compressed\0application/x-brotli\0x");
  put("typed", '{"status": "SUCCESS", "result": {"__type__": "datetime", "__value__": "soon"}}');
  for (const id of ["pickle", "yaml"]) {
    const refusal = {
      name: "DecodeError",
      message: /result of task \w+ as it is not JSON: set Celery's result_serializer/,
    };
    await assert.rejects(results.get(id, { broker }), refusal);
    await assert.rejects(results.meta(id, { broker }), refusal);
  }
  for (const id of ["brotli", "typed"]) await assert.rejects(results.get(id, { broker }), DecodeError);
  await results.store("pickle", { status: "SUCCESS", result: 5 }, { broker });
  assert.equal(await results.get("pickle", { broker }), 5);
});

Deno.test("s3Results() puts Celery's key prefixes before the id", async () => {
  const { s3, broker } = setUp();
  await s3Results({ bucket: "results", globalKeyPrefix: "shop" }).store("1", { status: "SUCCESS" }, { broker });
  assert.deepEqual([...s3.objects.keys()], ["results/shop_celery-task-meta-1"]);
});

Deno.test("s3Results() asks about an id alone by its own region, keys and endpoint", async () => {
  const { s3, put } = setUp();
  put("1", '{"status": "SUCCESS", "result": 5}');
  const results = s3Results({ bucket: "results", basePath: "app/", region: "eu-west-1", credentials: CREDENTIALS });
  const { fetch } = globalThis;
  const signed: string[] = [];
  globalThis.fetch = (input, init) => {
    const request = new Request(input, init);
    signed.push(request.headers.get("authorization")!);
    return s3.fetch(request);
  };
  try {
    assert.equal(await results.get("1", { timeout: 1 }), 5);
    assert.equal(await results.meta("2"), undefined);
    assert.equal(await results.get({ id: "1" }), 5, "a call that went through JSON is an id");
  } finally {
    globalThis.fetch = fetch;
  }
  assert.equal(signed.length, 3);
  for (const text of signed) assert.ok(text.includes(`${CREDENTIALS.accessKeyId}/`) && text.includes("/eu-west-1/s3/"));
});

Deno.test("s3Results() names a wrong option", async () => {
  const { broker } = setUp();
  for (
    const options of [undefined, null, { bucket: "" }, { bucket: "results", basePath: 3 }, {
      bucket: "results",
      endpoint: "x",
    }]
  ) {
    assert.throws(() => s3Results(options as S3ResultsOptions), ConfigError);
  }
  const results = s3Results({ bucket: "results" });
  for (const id of ["", undefined, 3, {}]) await assert.rejects(results.get(id as string, { broker }), ConfigError);
  await assert.rejects(results.get("1", { broker, timeuot: 1 } as ResultOptions), /timeuot/);
  for (const options of [null, { signal: 3 }, { timeout: "1" }, { broker: "b" }]) {
    await assert.rejects(results.get("1", options as ResultOptions), ConfigError);
  }
  await assert.rejects(results.store("1", undefined as never, { broker }), ConfigError);
  const group: GroupCall = { id: "1", calls: [{ id: "2" }] };
  await assert.rejects(results.get(group, { broker }), /group.*'calls'/);
});

Deno.test("s3Results().store() keeps the state before when it fails", async () => {
  const { results, broker, put, s3 } = setUp(({ method }) => method === "PUT" ? refused(400, "BadDigest") : undefined);
  put("1", '{"status": "STARTED"}');
  await assert.rejects(results.store("1", { status: "SUCCESS" }, { broker }), IntegrityError);
  assert.equal((await results.meta("1", { broker }))?.status, "STARTED");
  assert.ok(s3.calls.every(({ method }) => method !== "DELETE"));
});
