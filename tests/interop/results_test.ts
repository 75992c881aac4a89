/**
 * Celery's own S3 result backend on one side, this library on the other, moto between them. `MOTO_ENDPOINT` is where
 * moto listens, `INTEROP_PYTHON` a Python that has Celery; without them the tests are skipped.
 *
 * @module
 */
import assert from "node:assert/strict";
import { connect, TaskFailedError } from "@dashi/sqs";
import { s3Results } from "@dashi/sqs/payloads";

const endpoint = Deno.env.get("MOTO_ENDPOINT");
const python = Deno.env.get("INTEROP_PYTHON");
const ignore = !endpoint || !python;
if (ignore) console.log("results: skipped, as MOTO_ENDPOINT and INTEROP_PYTHON are not both set");

async function setUp() {
  const bucket = `interop-${crypto.randomUUID()}`;
  const ask = async (what: object): Promise<{ result?: unknown; error?: unknown }> => {
    const child = new Deno.Command(python!, {
      args: [`${import.meta.dirname}/celery_results.py`],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(JSON.stringify({ endpoint, bucket, ...what })));
    await writer.close();
    const { success, stdout, stderr } = await child.output();
    assert.ok(success, new TextDecoder().decode(stderr));
    return JSON.parse(new TextDecoder().decode(stdout));
  };
  await ask({ do: "setup" });
  const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" };
  const broker = connect({ region: "eu-west-1", endpoint, credentials });
  return { ask, broker, results: s3Results({ bucket, basePath: "app/" }) };
}

const VALUE = { text: "Grüße, 🍜", list: [1, 2.5, null, true], nested: { a: [] } };

Deno.test({ name: "s3Results().get() reads what Celery stored, values and failures", ignore }, async () => {
  const { ask, broker, results } = await setUp();
  await ask({ do: "done", id: "1", result: VALUE });
  assert.deepEqual(await results.get("1", { broker, timeout: 60 }), VALUE);
  await ask({ do: "failed", id: "2", result: "missing" });
  await assert.rejects(results.get("2", { broker, timeout: 60 }), (error) => {
    assert.ok(error instanceof TaskFailedError);
    assert.deepEqual([error.type, error.module, error.traceback], ["KeyError", "builtins", "Traceback of Python"]);
    assert.match(error.message, /KeyError: missing$/);
    return true;
  });
});

Deno.test({ name: "s3Results().store() stores what Celery reads, values and failures", ignore }, async () => {
  const { ask, broker, results } = await setUp();
  await results.store("1", { status: "SUCCESS", result: VALUE }, { broker });
  assert.deepEqual((await ask({ do: "get", id: "1" })).result, VALUE);
  const result = { exc_type: "ValueError", exc_message: ["no", 1], exc_module: "builtins" };
  await results.store("2", { status: "FAILURE", result, traceback: "at line 1" }, { broker });
  assert.deepEqual((await ask({ do: "get", id: "2" })).error, ["ValueError", "no", 1]);
});
