/**
 * A large payload as a stream, each way, beside a plain unsigned `fetch` of as many bytes, against a local server in a
 * process of its own: MB/s, milliseconds of this process's CPU for a GB, and how far its memory grew. The two take
 * turns, and the best round of each is shown: other work on the machine only slows them.
 *
 * `deno run -A bench/payload_stream.ts [MiB] [rounds]`, 2048 and 3 by default.
 *
 * @module
 */
import process from "node:process";
import { connect } from "@dashi/sqs";
import { s3Payloads } from "@dashi/sqs/payloads";
import { checksumText, crc32c } from "@dashi/sqs/s3";

const MIB = 2 ** 20;
const PIECE = new Uint8Array(65_536).map((_, i) => i % 251);

/** A stream of so many bytes. */
function source(bytes: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  let left = bytes;
  return new ReadableStream({
    pull(controller) {
      if (left <= 0) return controller.close();
      controller.enqueue(PIECE.slice());
      left -= PIECE.length;
    },
  });
}

/** As little of S3 as it takes. */
function serve(size: number): void {
  let crc = 0;
  for (let sent = 0; sent < size; sent += PIECE.length) {
    crc = crc32c(PIECE, crc);
  }
  Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: ({ port }) => console.log(port),
  }, async (request) => {
    const { searchParams } = new URL(request.url);
    if (request.body) { for await (const _ of request.body); }
    if (request.method === "GET") {
      return new Response(source(size), {
        headers: {
          "x-amz-checksum-crc32c": checksumText(crc),
          "content-type": "binary/octet-stream",
        },
      });
    }
    if (searchParams.has("uploads")) {
      return new Response(
        "<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>",
      );
    }
    if (request.method === "POST") {
      return new Response(
        "<CompleteMultipartUploadResult><ETag>1</ETag></CompleteMultipartUploadResult>",
      );
    }
    return new Response(null, { headers: { etag: '"1"' } });
  });
}

async function drain(stream: ReadableStream<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const chunk of stream) bytes += chunk.length;
  return bytes;
}

/** What one piece of work took. */
interface Run {
  readonly speed: number;
  readonly cpu: number;
  readonly growth: number;
}

/** Does a piece of work, and tells its MB/s, its milliseconds of CPU for a GB, and the most MiB that memory grew. */
async function measure(size: number, work: () => Promise<unknown>): Promise<Run> {
  const before = Deno.memoryUsage().rss;
  let most = before;
  const timer = setInterval(
    () => most = Math.max(most, Deno.memoryUsage().rss),
    20,
  );
  const busy = process.cpuUsage();
  const began = performance.now();
  await work();
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(busy);
  clearInterval(timer);
  return { speed: size / 1e6 / seconds, cpu: (user + system) / 1000 / (size / 1e9), growth: (most - before) / MIB };
}

/** Lets plain `fetch` and the library take turns. */
async function compare(
  way: string,
  size: number,
  rounds: number,
  plain: () => Promise<unknown>,
  ours: () => Promise<unknown>,
): Promise<string> {
  const runs: (readonly [Run, Run])[] = [];
  while (runs.length < rounds) runs.push([await measure(size, plain), await measure(size, ours)]);
  const speeds = ["fetch", "s3Payloads"].map((name, i) => {
    const of = (figure: keyof Run) => runs.map((run) => run[i][figure]);
    const speed = Math.max(...of("speed"));
    console.log(
      `${`${name}, ${way}`.padEnd(20)} ${speed.toFixed(0).padStart(6)} MB/s  ` +
        `${Math.min(...of("cpu")).toFixed(0).padStart(6)} ms of CPU a GB  +${Math.max(...of("growth")).toFixed(0)} MiB`,
    );
    return speed;
  });
  return `${way} ${(speeds[1] / speeds[0]).toFixed(2)} of fetch`;
}

if (Deno.args[0] === "server") serve(Number(Deno.args[1]));
else {
  const size = Number(Deno.args[0] ?? 2048) * MIB;
  const rounds = Number(Deno.args[1] ?? 3);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", import.meta.url, "server", String(size)],
    stdout: "piped",
  }).spawn();
  try {
    const reader = child.stdout.getReader();
    const endpoint = `http://127.0.0.1:${new TextDecoder().decode((await reader.read()).value).trim()}`;
    await reader.cancel();
    const broker = connect({
      region: "eu-west-1",
      endpoint,
      credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" },
    });
    const store = s3Payloads({ bucket: "bench", key: () => "1" });
    const context = { broker, emit: () => {} };
    const about = { shared: false, queue: "bench" };
    const plainUp = (bytes: number) =>
      fetch(endpoint, { method: "PUT", body: source(bytes) }).then((response) => response.body?.cancel());
    const plainDown = async () => await drain((await fetch(endpoint)).body!);
    const up = (bytes: number) => store.offload(source(bytes), about, context);
    const down = async () => {
      const pointer = await up(1);
      const { stream } = await store.resolve(pointer.body, {
        lazy: true,
        messageAttributes: {},
      }, context);
      if (await drain(stream()) !== size) throw new Error("Bytes are missing");
    };
    await plainUp(64 * MIB);
    await up(64 * MIB);
    const ratios = [
      await compare("up", size, rounds, () => plainUp(size), () => up(size)),
      await compare("down", size, rounds, plainDown, down),
    ];
    console.log(ratios.join(", "));
  } finally {
    child.kill();
    await child.status;
  }
}
