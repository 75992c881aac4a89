/**
 * The other side of an interop test: peer.py as a process that is asked and answers, and the values that go between.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";

/** Where moto listens, and a Python that has Celery; `deno task test:interop` sets both. */
export const endpoint: string | undefined = Deno.env.get("MOTO_ENDPOINT");
const python = Deno.env.get("INTEROP_PYTHON");
/** True where they are not set: the tests are skipped. */
export const ignore: boolean = !endpoint || !python;

/** A value as a pair of its type in Python and its text. */
export type Pair = readonly [type: string, value: string | readonly Pair[] | readonly (readonly [string, Pair])[]];

/** A message as kombu's consumer has it. */
export interface Received {
  readonly body: Pair;
  readonly headers: Pair;
  readonly properties: Pair;
  readonly info: { readonly exchange?: string; readonly routing_key?: string };
  readonly contentType: string;
  readonly contentEncoding: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly messageAttributes: Readonly<Record<string, { readonly DataType: string; readonly StringValue?: string }>>;
}

/** The lines of a process's output, however they come. */
export async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string, undefined> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}

/** Starts the peer. */
export function startPeer(): { ask<T>(what: { do: string; [key: string]: unknown }): Promise<T> } & AsyncDisposable {
  const child = new Deno.Command(python!, {
    args: [`${import.meta.dirname}/peer.py`, endpoint!],
    env: { AWS_DEFAULT_REGION: "us-east-1", PYTHONWARNINGS: "ignore" },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  const lines = linesOf(child.stdout);
  return {
    async ask(what) {
      await writer.write(new TextEncoder().encode(`${JSON.stringify(what)}\n`));
      const { value, done } = await lines.next();
      if (done) throw new Error("the peer ended");
      const { answer, error } = JSON.parse(value);
      assert.equal(error, undefined, error);
      return answer;
    },
    async [Symbol.asyncDispose]() {
      await writer.close();
      await lines.return(undefined);
      await child.status;
    },
  };
}

/** What a pair is here, by the table of lib/codec/python_json.ts. */
export function valueOf([type, value]: Pair): unknown {
  const text = value as string;
  switch (type) {
    case "none":
      return null;
    case "bool":
      return text === "true";
    case "int":
      return Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text);
    case "float":
      return Number(text);
    case "datetime":
      return new Date(text);
    case "bytes":
      return Uint8Array.from(text.match(/../g) ?? [], (hex) => parseInt(hex, 16));
    case "list":
      return (value as Pair[]).map(valueOf);
    case "dict":
      return Object.fromEntries((value as [string, Pair][]).map(([key, item]) => [key, valueOf(item)]));
    default:
      return text;
  }
}

const text = fc.string({ unit: "binary", maxLength: 12 });
const key = fc.stringMatching(/^[a-z_]{1,8}$/).filter((name) => !/^__/.test(name));
const when = fc.date({ min: new Date("1970-01-02"), max: new Date("2200-01-01"), noInvalidDate: true });

const leaf: fc.Arbitrary<Pair> = fc.oneof(
  fc.constant<Pair>(["none", ""]),
  fc.boolean().map((value): Pair => ["bool", String(value)]),
  fc.maxSafeInteger().map((value): Pair => ["int", String(value)]),
  fc.bigInt({ min: 2n ** 60n, max: 2n ** 200n }).map((value): Pair => ["int", String(value)]),
  // A whole number beyond 2^53 has one form in JSON, whether it was a float or not.
  fc.double().filter((value) => !Number.isInteger(value) || Number.isSafeInteger(value)).map((
    value,
  ): Pair => ["float", Object.is(value, -0) ? "0" : String(value)]),
  text.map((value): Pair => ["text", value]),
  when.map((value): Pair => ["datetime", value.toISOString().replace("Z", "+00:00")]),
  when.map((value): Pair => ["datetime", value.toISOString().replace("Z", "+05:30")]),
  when.map((value): Pair => ["date", value.toISOString().slice(0, 10)]),
  when.map((value): Pair => ["time", value.toISOString().slice(11, 19)]),
  fc.tuple(fc.integer(), fc.stringMatching(/^\d{1,20}$/)).map((parts): Pair => ["decimal", parts.join(".")]),
  fc.uuid().map((value): Pair => ["uuid", value]),
  fc.uint8Array({ maxLength: 12 }).map((value): Pair => ["bytes", value.toHex()]),
);

const { tree } = fc.letrec<{ tree: Pair }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaf,
    fc.array(tie("tree"), { maxLength: 4 }).map((items): Pair => ["list", items]),
    fc.uniqueArray(fc.tuple(key, tie("tree")), { maxLength: 4, selector: ([name]) => name })
      .map((items): Pair => ["dict", items]),
  ),
}));

/** Values of every type that kombu's JSON has. */
export const pairs: fc.Arbitrary<Pair> = tree;

/** Arguments by name. */
export const kwargs: fc.Arbitrary<Pair> = fc.uniqueArray(fc.tuple(key, tree), {
  minLength: 1,
  maxLength: 4,
  selector: ([name]) => name,
}).map((items): Pair => ["dict", items]);
