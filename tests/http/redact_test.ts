/** What send() lets nobody see, though a server repeats it. */
import assert from "node:assert/strict";
import { inspect } from "node:util";
import { AwsError } from "../../lib/errors.ts";
import { send } from "../../lib/http/send.ts";
import { deleteMessageBatch } from "../../lib/sqs/delete_message_batch.ts";
import { sendMessage } from "../../lib/sqs/send_message.ts";
import { bad, failure, good, KEYS, QUEUE, remove, setUp } from "./setup.ts";

/** The ways in which a secret could stand in a text. */
function forms(secret: string): string[] {
  return [
    secret,
    encodeURIComponent(secret),
    btoa(secret).replace(/=+$/, ""),
    Array.from(new TextEncoder().encode(secret), (byte) => byte.toString(16).padStart(2, "0")).join(""),
  ];
}

Deno.test("send() shows no secret, token or signature in errors, events and stacks, even where a server repeats them", async () => {
  const echo = (request: Request) => {
    const all = [...request.headers].map(([name, value]) => `${name}:${value}`).join(" ");
    return bad(
      "SignatureDoesNotMatch",
      `no: ${all} ${encodeURIComponent(all)} ${KEYS.secretAccessKey}\nThe Canonical String: ${all}`,
      {
        status: 403,
      },
    );
  };
  const answers = [
    echo,
    bad("IncompleteSignature", "Authorization header is wrong", { status: 400 }),
    (request: Request) => Promise.reject(new TypeError(`failed: ${request.headers.get("authorization")}`)),
    (request: Request) => Promise.reject(new TypeError("failed", { cause: request })),
    new Response("<html>"),
    new Response(null, { status: 302 }),
  ];
  for (const answer of answers) {
    const { broker, events, requests } = setUp([answer], { http: { maxAttempts: 2 } });
    const error = await failure<AwsError>(send(broker, sendMessage({ queueUrl: QUEUE, messageBody: "x" })));
    const seen = [
      inspect(error, { depth: 9, showHidden: true }),
      error.stack,
      JSON.stringify(error),
      inspect(events, { depth: 9, showHidden: true }),
      inspect(broker, { depth: 9, showHidden: true }),
      JSON.stringify(broker),
    ].join("\n");
    const signatures = requests.map(({ headers }) => headers.get("authorization")!.slice(-64));
    for (const secret of [KEYS.secretAccessKey, KEYS.sessionToken, ...signatures]) {
      for (const form of forms(secret)) assert.ok(!seen.includes(form), `${error.awsCode} shows ${form}`);
    }
  }
});

Deno.test("send() shows no secret that a server repeats as JSON in its words, with slashes escaped or not", async () => {
  const json = JSON.stringify({ secretAccessKey: KEYS.secretAccessKey, token: KEYS.sessionToken });
  for (const words of [json, json.replaceAll("/", "\\/")]) {
    const { broker } = setUp([bad("InvalidAction", words)]);
    const { message } = await failure<AwsError>(send(broker, remove));
    assert.match(message, /\{"secretAccessKey":"…","token":"…"\}/);
  }
});

Deno.test("send() shows no secret in the causes of an error that a fetch throws, even where they go in a circle", async () => {
  const details = { service: "sqs", action: "DeleteMessage", status: 0, awsCode: "Down", retryable: true } as const;
  const inner = new Error(`sent ${KEYS.sessionToken}`);
  const errors = [new AwsError("one", details, { cause: inner }), new AwsError("other", details)];
  inner.cause = errors[1];
  const { broker, requests } = setUp([0, 1, 0, 1].map((at) => errors[at]), { http: { maxAttempts: 4 } });
  assert.equal(await failure(send(broker, remove)), errors[1]);
  assert.equal(requests.length, 4);
  assert.equal(errors[1].cause, errors[0]);
  assert.equal(inner.message, "sent …");
});

Deno.test("send() takes a key of sixteen characters out of what a server says, and leaves shorter ones: they may be words", async () => {
  const secretAccessKey = "0123456789abcdef";
  for (const [key, shown] of [[secretAccessKey, "…"], [secretAccessKey.slice(1), secretAccessKey.slice(1)]]) {
    const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: key };
    const { broker } = setUp([bad("InvalidAction", `no ${key}`)], { credentials });
    assert.match((await failure<AwsError>(send(broker, remove))).message, new RegExp(`: no ${shown}`));
  }
});

Deno.test("send() shows no secret in what it gives of a batch's entries that failed: they become errors elsewhere", async () => {
  const { broker, requests } = setUp([({ headers }) => {
    const all = [...headers].map(([name, value]) => `${name}:${value}`).join(" ");
    return good({ Failed: [{ Id: "0", Code: KEYS.secretAccessKey, Message: `no: ${all}`, SenderFault: true }] });
  }]);
  const request = deleteMessageBatch({ queueUrl: QUEUE, entries: [{ id: "0", receiptHandle: "AQEB" }] });
  const [{ code, message }] = (await send(broker, request)).failed;
  assert.match(message, /^no: .*x-amz-target:AmazonSQS\.DeleteMessageBatch/);
  for (const secret of [...Object.values(KEYS).slice(1), requests[0].headers.get("authorization")!.slice(-64)]) {
    assert.ok(!`${code} ${message}`.includes(secret));
  }
});
