/**
 * No input costs more than its length: each reader is given long inputs that trip naive ones, and has far more time than
 * it needs. A quadratic one would take minutes.
 */
import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { entityName } from "@dashi/sqs";
import { fromCelery } from "@dashi/sqs/config";
import { parseReceiptHandle } from "@dashi/sqs/payloads";
import { receiveMessage } from "../../lib/sqs/receive_message.ts";
import { fromBase64, textFromBase64 } from "../../lib/codec/base64.ts";
import { kombu } from "../../lib/codec/kombu.ts";
import { fromWireAttributes } from "../../lib/codec/attributes.ts";
import { md5OfAttributes } from "../../lib/codec/md5.ts";
import { looksLikePointer } from "../../lib/codec/looks_like_pointer.ts";
import { parsePythonJson } from "../../lib/codec/python_json.ts";
import { unwrapSns } from "../../lib/codec/unwrap_sns.ts";
import { readIsoDate } from "../../lib/celery/iso_date.ts";
import { readProfiles } from "../../lib/credentials/ini.ts";
import { keysIn } from "../../lib/credentials/metadata.ts";
import { allowTopic } from "../../lib/fanout/queue_policy.ts";
import { regionIn } from "../../lib/http/endpoint.ts";
import { readXml } from "../../lib/http/xml.ts";
import { parsePointer } from "../../lib/payloads/pointer.ts";
import { assertAllowed, settingsOf } from "../../lib/payloads/settings.ts";
import { sqsError } from "../../lib/sqs/sqs_error.ts";
import { stringifyPythonJson } from "../../lib/codec/python_json.ts";

const LENGTH = 300_000;
/** Seconds: hundreds of times what a linear reader takes. */
const BOUND = 10;

const SEEDS = [
  "a",
  " ",
  "\n",
  "1",
  '"',
  "\\",
  '\\"',
  "[",
  "{",
  '{"a":',
  "[[],",
  "<a>",
  "<a ",
  '<a b="',
  "<!--",
  "<![CDATA[",
  "&amp;",
  "&",
  "--",
  "NaN,",
  "-Infinity",
  "-1e",
  "A=",
  "====",
  "-..s3Key..-",
  "-..s3BucketName..-",
  ".",
  "..",
  ".fifo",
  "sqs.",
  "vpce-",
  "https://",
  "arn:aws:",
  "%41",
  "@",
  "/",
  ";a://",
  "[a]\n",
  "a=b #",
  "0123456789abcdef",
  "é",
  "\u{1F600}",
  '"__type__":',
  '{"__type__":"datetime","__value__":"',
  "::",
  "2030-01-01T",
];
const WRAPS = [["", ""], ['{"properties":{},"body":"', '"}'], ['["', '"]'], ["<a>", "</a>"], ["{", "}"], [
  "https://",
  ".amazonaws.com/1/q",
]];

const READERS: Record<string, (text: string) => unknown> = {
  "kombu().decode()": (body) => kombu().decode({ body, messageAttributes: {} }),
  "parsePythonJson()": parsePythonJson,
  "stringifyPythonJson()": (text) => stringifyPythonJson({ [text]: text, b: [text, NaN] }),
  "unwrapSns()": (text) => unwrapSns(`{"TopicArn":"${text}`),
  "textFromBase64()": textFromBase64,
  "fromBase64()": fromBase64,
  "looksLikePointer()": looksLikePointer,
  "parsePointer()": (text) => parsePointer(text),
  "assertAllowed()": (key) => assertAllowed(settingsOf({ bucket: "letters" }), { bucket: "letters", key }),
  "parseReceiptHandle()": parseReceiptHandle,
  "allowTopic()": (text) => allowTopic(text, "arn:aws:sns:eu-west-1:1:a", "arn:aws:sqs:eu-west-1:1:b"),
  "readXml()": (text) => readXml(text),
  "readProfiles()": readProfiles,
  "keysIn()": (text) => keysIn(text, "a test"),
  "regionIn()": regionIn,
  "readIsoDate()": (text) => readIsoDate("eta", text),
  "fromCelery()": (text) => fromCelery(`sqs://${text}`),
  "entityName()": entityName,
  "ReceiveMessage's parser": (text) => receiveMessage({ queueUrl: "https://x/y" }).parse(new Response(text)),
  "an error's message": (message) => sqsError("SendMessage", { status: 400, awsCode: message, message }),
  "attributes": (name) => fromWireAttributes({ [name]: { DataType: "Number", StringValue: name } }),
  "md5OfAttributes()": (name) => md5OfAttributes({ [name]: { DataType: "String", StringValue: name } }),
};

async function secondsFor(read: (text: string) => unknown, text: string): Promise<number> {
  const began = performance.now();
  try {
    await read(text);
  } catch {
    // Whether it can be read is asked elsewhere.
  }
  return (performance.now() - began) / 1000;
}

for (const [name, read] of Object.entries(READERS)) {
  Deno.test(`${name} takes time in proportion to its input`, async () => {
    for (const seed of SEEDS) {
      for (const [before, after] of WRAPS) {
        const seconds = await secondsFor(read, before + seed.repeat(LENGTH / seed.length) + after);
        assert.ok(seconds < BOUND, `${JSON.stringify(seed)} in ${JSON.stringify(before)} took ${seconds} s`);
      }
    }
  });
}

Deno.test("mixed pieces in long inputs stay within a generous bound", async () => {
  const piece = fc.tuple(fc.constantFrom(...SEEDS), fc.integer({ min: 1, max: 2000 }));
  const numRuns = Math.ceil(Number(Deno.env.get("FUZZ_RUNS") ?? 300) / 10);
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { minLength: 1, maxLength: 5 }),
      fc.constantFrom(...Object.keys(READERS)),
      async (pieces, name) => {
        const text = pieces.map(([seed, count]) => seed.repeat(count)).join("");
        assert.ok(await secondsFor(READERS[name], text) < BOUND);
      },
    ),
    { numRuns, seed: 20300101 },
  );
});
