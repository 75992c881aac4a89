/**
 * A strict S3, versitygw, which verifies every signature. `VERSITYGW` is its binary; without it the tests are skipped.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { connect, send } from "@dashi/sqs";
import { deleteObject, getObject, headObject, putObject } from "@dashi/sqs/s3";
import { s3Payloads } from "@dashi/sqs/payloads";

const binary = Deno.env.get("VERSITYGW");
const ignore = !binary;
if (ignore) console.log("strict S3: skipped, as VERSITYGW is not set");

const BUCKET = "strict-bucket";
const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "a secret of the test's own" };
/** Keys that clients get wrong. A gateway to files has no empty segments, so `//` is not among them. */
const KEYS = [
  "plain",
  "with space",
  "a+b",
  "100%",
  "100%25",
  "grüße/日本語/🍜",
  "a=b&c=d",
  "tilde~(paren)!*'",
  "deep/er/key",
];

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

async function startGateway() {
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(`${folder}/${BUCKET}`);
  const port = await freePort();
  const child = new Deno.Command(binary!, {
    args: [
      "--access",
      credentials.accessKeyId,
      "--secret",
      credentials.secretAccessKey,
      "--port",
      `127.0.0.1:${port}`,
      "posix",
      folder,
    ],
    stdout: "null",
    stderr: "null",
  }).spawn();
  const endpoint = `http://127.0.0.1:${port}`;
  for (let tries = 0;; tries++) {
    try {
      await (await fetch(endpoint)).body?.cancel();
      break;
    } catch (error) {
      if (tries > 600) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  return {
    endpoint,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      await Deno.remove(folder, { recursive: true });
    },
  };
}

Deno.test({ name: "a strict S3 takes the signature of every key, with and without a body", ignore }, async () => {
  await using gateway = await startGateway();
  const broker = connect({ endpoint: gateway.endpoint, region: "us-east-1", credentials });
  for (const key of KEYS) {
    const body = new TextEncoder().encode(`the body of ${key}`);
    await send(broker, putObject({ bucket: BUCKET, key, body }));
    await send(broker, headObject({ bucket: BUCKET, key }));
    const { body: stream } = await send(broker, getObject({ bucket: BUCKET, key }));
    assert.equal(await new Response(stream).text(), `the body of ${key}`, key);
    await send(broker, deleteObject({ bucket: BUCKET, key }));
  }
});

Deno.test({ name: "a strict S3 refuses another secret: the signatures do count", ignore }, async () => {
  await using gateway = await startGateway();
  const wrong = { ...credentials, secretAccessKey: "not the secret" };
  const broker = connect({ endpoint: gateway.endpoint, region: "us-east-1", credentials: wrong });
  const put = putObject({ bucket: BUCKET, key: "k", body: new Uint8Array(3) });
  await assert.rejects(send(broker, put), { awsCode: "SignatureDoesNotMatch" });
});

Deno.test({ name: "a strict S3 stores and gives back a stream of many parts", ignore }, async () => {
  await using gateway = await startGateway();
  const broker = connect({ endpoint: gateway.endpoint, region: "us-east-1", credentials });
  const store = s3Payloads({ bucket: BUCKET });
  const context = { broker, emit: () => {} };
  const bytes = new Uint8Array(12 * 2 ** 20).map((_, index) => index % 251);
  const stored = await store.offload(new Blob([bytes]).stream(), { shared: false, queue: "q" }, context);
  const read = await store.resolve(stored.body, { lazy: true, messageAttributes: {} }, context);
  assert.deepEqual(new Uint8Array(await new Response(read.stream()).arrayBuffer()), bytes);
  await store.cleanUp([stored.location], context);
  await assert.rejects(send(broker, headObject({ bucket: BUCKET, key: stored.location.key })), { status: 404 });
});
