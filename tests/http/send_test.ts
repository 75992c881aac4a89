import assert from "node:assert/strict";
import { inspect } from "node:util";
import {
  AccessDeniedQueueError,
  AwsError,
  ConfigError,
  CredentialsError,
  DoesNotExistQueueError,
} from "../../lib/errors.ts";
import { connect } from "../../lib/connect.ts";
import { send } from "../../lib/http/send.ts";
import { deleteMessage } from "../../lib/sqs/delete_message.ts";
import { getQueueUrl } from "../../lib/sqs/get_queue_url.ts";
import { listQueues } from "../../lib/sqs/list_queues.ts";
import { receiveMessage } from "../../lib/sqs/receive_message.ts";
import { sendMessage } from "../../lib/sqs/send_message.ts";
import { memorySqs } from "../../lib/testing/mod.ts";
import { startMessageMoveTask } from "../../lib/sqs/start_message_move_task.ts";
import type { AwsBody, AwsRequest, CredentialContext, Credentials } from "../../lib/types.ts";
import { withEnv } from "../support/with_env.ts";
import { bad, failure, good, KEYS, QUEUE, setUp, turn } from "./setup.ts";

const receive = receiveMessage({ queueUrl: QUEUE });
const longPoll = receiveMessage({ queueUrl: QUEUE, waitTimeSeconds: 20 });
const remove = deleteMessage({ queueUrl: QUEUE, receiptHandle: "AQEB" });

Deno.test("send() gives what the parser makes of the answer, and reports one request", async () => {
  const { broker, clock, events, requests } = setUp([good({ Messages: [] })]);
  assert.deepEqual(await send(broker, receive), { messages: [] });
  assert.equal(requests.length, 1);
  assert.equal(broker.requests, 1);
  assert.deepEqual(events.map(({ type }) => type), ["request"]);
  const [event] = events;
  assert.ok(event.type === "request");
  assert.deepEqual(
    [event.action, event.queueUrl, event.status, event.attempt, event.requestId, event.error],
    ["ReceiveMessage", QUEUE, 200, 1, "req-good", undefined],
  );
  assert.deepEqual(clock.running, []);
});

for (
  const [code, status] of [
    ["RequestThrottled", 400],
    ["KmsThrottled", 400],
    ["OverLimit", 400],
    ["ThrottlingException", 400],
    ["InternalFailure", 500],
    ["ServiceUnavailable", 503],
    ["SomethingNew", 502],
    ["TooManyRequests", 429],
  ] as const
) {
  Deno.test(`send() tries ${code} (${status}) again, signed anew, with full jitter`, async () => {
    const { broker, clock, events, requests } = setUp([
      bad(code, "later", { status }),
      bad(code, "later", { status }),
      good(),
    ]);
    await send(broker, remove);
    assert.equal(requests.length, 3);
    assert.deepEqual(clock.waits, [0.1, 0.2]);
    assert.deepEqual(events.map(({ type }) => type), ["request", "retry", "request", "retry", "request"]);
    assert.deepEqual(await Promise.all(requests.map((request) => request.text())), Array(3).fill(remove.body));
  });
}

Deno.test("send() waits a random part of a bound that doubles and ends at 20 s", async () => {
  const { broker, clock, requests } = setUp([bad("RequestThrottled")], { random: () => 1, http: { maxAttempts: 12 } });
  await failure(send(broker, remove));
  assert.deepEqual(clock.waits, [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 20, 20, 20, 20]);
  const times = requests.map(({ headers }) => headers.get("x-amz-date"));
  assert.deepEqual(
    [times[0], times[11]],
    ["20260102T000000Z", "20260102T000145Z"],
    "each try is signed when it leaves",
  );
  const none = setUp([bad("RequestThrottled"), good()], { random: () => 0 });
  await send(none.broker, remove);
  assert.deepEqual(none.clock.waits, []);
});

Deno.test("send() gives up after maxAttempts, with the last error", async () => {
  const { broker, requests } = setUp([bad("RequestThrottled")], { http: { maxAttempts: 3 } });
  const error = await failure<AwsError>(send(broker, remove));
  assert.equal(requests.length, 3);
  assert.deepEqual([error.awsCode, error.status, error.retryable, error.requestId], [
    "RequestThrottled",
    400,
    true,
    "req-bad",
  ]);
  await failure(send(broker, remove, { maxAttempts: 1 }));
  assert.equal(requests.length, 4);
});

for (const code of ["AccessDenied", "QueueDoesNotExist", "InvalidParameterValue", "InvalidClientTokenId"]) {
  Deno.test(`send() does not try ${code} again`, async () => {
    const { broker, requests } = setUp([bad(code, "no", { status: code === "AccessDenied" ? 403 : 400 })]);
    const error = await failure<AwsError>(send(broker, remove));
    assert.equal(requests.length, 1);
    assert.equal(error.retryable, false);
    if (code === "AccessDenied") assert.ok(error instanceof AccessDeniedQueueError);
    if (code === "QueueDoesNotExist") assert.ok(error instanceof DoesNotExistQueueError);
  });
}

Deno.test("send() tries a broken connection again, and says so when it stays broken", async () => {
  const { broker, requests } = setUp([new TypeError("connection reset (https://x.test/?X-Amz-Signature=abc)"), good()]);
  await send(broker, remove);
  assert.equal(requests.length, 2);
  const down = setUp([new TypeError("connection reset")]);
  const error = await failure<AwsError>(send(down.broker, remove));
  assert.deepEqual([error.awsCode, error.status, error.retryable], ["NetworkError", 0, true]);
  assert.match(error.message, /got no whole answer: connection reset/);
  assert.equal(down.events.filter(({ type }) => type === "request").length, 3);
});

for (
  const [cause, says] of [
    [new Error("connect ECONNREFUSED 127.0.0.1:4566"), "fetch failed: connect ECONNREFUSED 127.0.0.1:4566"],
    [Object.assign(new AggregateError([]), { code: "ECONNREFUSED" }), "fetch failed: ECONNREFUSED"],
    [new Error("at https://x.test/?X-Amz-Signature=abc"), "fetch failed: at https://x.test/"],
  ] as const
) {
  Deno.test(`send() says what Node tells in the cause alone: ${says}`, async () => {
    const { broker } = setUp([new TypeError("fetch failed", { cause })], { http: { maxAttempts: 1 } });
    const error = await failure<AwsError>(send(broker, remove));
    assert.equal(error.message, `sqs DeleteMessage got no whole answer: ${says}`);
  });
}

for (
  const error of [
    new Error(`Requires net access to "127.0.0.1:4566", run again with the --allow-net flag`),
    new TypeError("fetch failed", {
      cause: new Error("connect ERR_ACCESS_DENIED Use --allow-net to manage permissions."),
    }),
    new Error("Too many subrequests by single Worker invocation."),
  ]
) {
  Deno.test(`send() does not try again what the runtime does not let through: ${error.cause ?? error}`, async () => {
    const { broker, requests } = setUp([error]);
    const { awsCode, retryable } = await failure<AwsError>(send(broker, remove));
    assert.deepEqual([awsCode, retryable, requests.length], ["NetworkError", false, 1]);
  });
}

Deno.test("send() survives a fetch that throws at once", async () => {
  const { broker, clock } = setUp([], {
    http: {
      requestTimeout: 1000,
      fetch: () => {
        throw new TypeError("no network");
      },
    },
  });
  assert.equal((await failure<AwsError>(send(broker, remove))).awsCode, "NetworkError");
  await turn();
  assert.deepEqual(clock.running, []);
});

Deno.test("send() gives a fetch that never answers a deadline, and the request's signal with it", async () => {
  const { broker, clock, requests } = setUp([() => new Promise(() => {})], { http: { maxAttempts: 1 } });
  const sent = failure<AwsError>(send(broker, longPoll));
  await turn();
  assert.deepEqual(clock.running, [1020], "a receive's wait is added");
  clock.strike();
  const error = await sent;
  assert.deepEqual([error.awsCode, error.status, error.retryable], ["Timeout", 0, true]);
  assert.match(error.message, /within 1020 s/);
  assert.equal(requests[0].signal.aborted, true);
  assert.deepEqual(clock.running, []);
});

Deno.test("send() gives a body that never ends a deadline of its own", async () => {
  const start = (controller: ReadableStreamDefaultController) => controller.enqueue(new TextEncoder().encode('{"Mess'));
  const endless = () => new Response(new ReadableStream({ start }));
  const { broker, clock } = setUp([endless], { http: { maxAttempts: 1 } });
  const sent = failure<AwsError>(send(broker, longPoll));
  await turn();
  assert.deepEqual(clock.running, [1020]);
  clock.strike();
  await turn();
  assert.deepEqual(clock.running, [1000], "the headers were in time, so the body has as long again");
  clock.strike();
  const error = await sent;
  assert.equal(error.awsCode, "Timeout");
  assert.match(error.message, /within 1000 s/);
});

Deno.test("send() waits for its answer on a clock that sleeps for no time at all, standing still or not", async () => {
  const late = () => new Promise<Response>((resolve) => setTimeout(() => resolve(good()), 0));
  let time = Date.UTC(2026, 0, 2);
  const slept: number[] = [];
  const standing = { now: () => time, sleep: () => Promise.resolve() };
  const leaping = {
    now: () => time,
    sleep: async (seconds: number) => {
      await null;
      slept.push(seconds);
      time += seconds * 1000;
    },
  };
  for (const clock of [standing, leaping]) {
    const { broker, requests } = setUp([bad("RequestThrottled", "later"), late], { clock });
    await send(broker, remove);
    assert.equal(requests.length, 2);
  }
  assert.ok(slept.includes(0.1), "the wait between two tries");
});

Deno.test("send() takes an answer that came while the event loop stood still past its deadline", async () => {
  for (const answered of [true, false]) {
    let now = Date.UTC(2026, 0, 2);
    let answer: ((response: Response) => void) | undefined;
    const { broker } = setUp([() => new Promise<Response>((resolve) => answer = resolve)], {
      http: { maxAttempts: 1, requestTimeout: 10 },
      clock: {
        now: () => now,
        async sleep(seconds) {
          // The timer of the deadline rings 40 s late, and what came meanwhile is read after that.
          if (answered && seconds < 1) answer!(good());
          await turn();
          now += (seconds + (seconds === 10 ? 40 : 0)) * 1000;
        },
      },
    });
    if (answered) await send(broker, remove);
    else assert.equal((await failure<AwsError>(send(broker, remove))).awsCode, "Timeout");
  }
});

Deno.test("send() gives no request more time where the clock is set back", async () => {
  let set = 0;
  const sqs = memorySqs();
  const { clock } = sqs;
  const queueUrl = sqs.createQueue("q");
  sqs.setFaults(({ action }) => action === "ReceiveMessage" ? { type: "slow", seconds: Infinity } : undefined);
  const broker = connect({
    ...sqs.connectOptions,
    clock: { now: () => new Date(+clock.now() + set), sleep: (seconds, signal) => clock.sleep(seconds, signal) },
  });
  const began = +clock.now();
  await clock.run(async () => {
    const hung = failure<AwsError>(send(broker, receiveMessage({ queueUrl, waitTimeSeconds: 20 }), { maxAttempts: 1 }));
    await clock.sleep(5);
    set = -7_200_000;
    // Another request of the same broker has all deadlines looked at anew.
    await send(broker, sendMessage({ queueUrl, messageBody: "x" }));
    assert.equal((await hung).awsCode, "Timeout");
  });
  assert.ok(+clock.now() - began <= 40_000, `${+clock.now() - began} ms`);
});

Deno.test("send() tries again after a deadline", async () => {
  const { broker, clock, requests } = setUp([() => new Promise(() => {}), good()]);
  const sent = send(broker, remove);
  await turn();
  clock.strike();
  await sent;
  assert.equal(requests.length, 2);
  assert.equal(clock.waits.length, 1);
});

Deno.test("send() corrects its clock from the Date of the answer, once", async () => {
  const skewed = () =>
    bad("InvalidSignatureException", "Signature expired: 20260102T000000Z is now earlier than", {
      status: 403,
      date: "Fri, 02 Jan 2026 05:00:00 GMT",
    });
  const { broker, requests, clock } = setUp([skewed(), good()]);
  await send(broker, remove);
  assert.equal(requests[1].headers.get("x-amz-date"), "20260102T050000Z");
  assert.deepEqual(clock.waits, []);
  await send(broker, remove);
  assert.equal(requests[2].headers.get("x-amz-date"), "20260102T050000Z", "the broker has learnt it");

  const stubborn = setUp([skewed()]);
  const error = await failure<AwsError>(send(stubborn.broker, remove));
  assert.equal(stubborn.requests.length, 2);
  assert.match(error.message, /clock/);
});

Deno.test("send() corrects its clock on S3's code too, and not on a wrong secret", async () => {
  const date = "Fri, 02 Jan 2026 05:00:00 GMT";
  for (const code of ["RequestTimeTooSkewed", "RequestExpired"]) {
    const { broker, requests } = setUp([bad(code, "off", { date }), good()]);
    await send(broker, remove);
    assert.equal(requests.length, 2, code);
  }
  const wrong = setUp([bad("SignatureDoesNotMatch", "Check your AWS Secret Access Key.", { status: 403, date })]);
  await failure(send(wrong.broker, remove));
  assert.equal(wrong.requests.length, 1);
  const dateless = setUp([bad("RequestTimeTooSkewed", "off")]);
  await failure(send(dateless.broker, remove));
  assert.equal(dateless.requests.length, 1);
});

Deno.test("send() asks the provider once more for expired keys, and tells it which", async () => {
  const contexts: CredentialContext[] = [];
  const given: Credentials[] = [];
  const credentials = (context: CredentialContext): Promise<Credentials> => {
    contexts.push(context);
    given.push({ ...KEYS, accessKeyId: `AKID${contexts.length}` });
    return Promise.resolve(given.at(-1)!);
  };
  const expired = bad("ExpiredTokenException", "The security token included in the request is expired", {
    status: 403,
  });
  const { broker, requests, clock } = setUp([expired, good()], { credentials });
  await send(broker, remove);
  assert.equal(contexts[0].rejected, undefined);
  assert.equal(contexts[1].rejected, given[0]);
  assert.match(requests[1].headers.get("authorization")!, /Credential=AKID2/);
  assert.deepEqual(clock.waits, []);

  contexts.length = 0;
  const stubborn = setUp([expired], { credentials });
  const error = await failure<AwsError>(send(stubborn.broker, remove));
  assert.equal(stubborn.requests.length, 2);
  assert.match(error.message, /session token/);

  const fixed = setUp([expired], { credentials: KEYS });
  await failure(send(fixed.broker, remove));
  assert.equal(fixed.requests.length, 1, "keys that are no provider's are the same again");
});

Deno.test("send() passes on what a provider throws, and never loops on it", async () => {
  const details = {
    service: "sts",
    action: "AssumeRole",
    status: 403,
    awsCode: "ExpiredToken",
    retryable: true,
  } as const;
  const expired = new AwsError("sts AssumeRole failed with ExpiredToken", details);
  let asked = 0;
  const { broker, requests } = setUp([good()], {
    credentials: () => {
      asked++;
      return Promise.reject(expired);
    },
  });
  assert.equal(await failure(send(broker, remove)), expired);
  assert.deepEqual([asked, requests.length], [1, 0]);
  const own = new Error("its own cause");
  own.cause = own;
  const circle = setUp([], { credentials: () => Promise.reject(own) });
  assert.equal(await failure(send(circle.broker, remove)), own);
  for (
    const keys of [undefined, {}, { ...KEYS, secretAccessKey: 1 }, { ...KEYS, sessionToken: 5 }, { accessKeyId: 1 }]
  ) {
    const rubbish = setUp([good()], { credentials: () => Promise.resolve(keys as unknown as Credentials) });
    assert.ok(await failure(send(rubbish.broker, remove)) instanceof CredentialsError);
    assert.equal(rubbish.requests.length, 0);
  }
});

Deno.test("send() rejects with the signal's reason at once: before, and while it waits for keys, an answer, a body", async () => {
  const reason = new Error("the user left");
  const never = () => new Promise<never>(() => {});
  const places: [string, Parameters<typeof setUp>][] = [
    ["keys", [[good()], { credentials: never }]],
    ["answer", [[never]]],
    ["body", [[() => new Response(new ReadableStream({}))]]],
  ];
  for (const [place, setting] of places) {
    const { broker, requests, events } = setUp(...setting);
    const controller = new AbortController();
    const sent = failure(send(broker, receive, { signal: controller.signal, maxAttempts: 1 }));
    await turn();
    controller.abort(reason);
    assert.equal(await sent, reason, place);
    assert.equal(requests.length, place === "keys" ? 0 : 1);
    await turn();
    assert.equal(requests.length, place === "keys" ? 0 : 1, "nothing goes on behind it");
    assert.ok(!events.some(({ type }) => type === "retry"));
  }
  const { broker, requests } = setUp([good()]);
  assert.equal(await failure(send(broker, receive, { signal: AbortSignal.abort(reason) })), reason);
  assert.equal(requests.length, 0);
});

Deno.test("send() hears the signal while it waits to try again", async () => {
  const controller = new AbortController();
  const clock = {
    now: () => 1.7e12,
    sleep: (_seconds: number, signal?: AbortSignal) =>
      new Promise<void>((resolve) => signal?.addEventListener("abort", () => resolve())),
  };
  const { broker, requests, events } = setUp([bad("RequestThrottled")], { clock });
  const sent = failure(send(broker, remove, { signal: controller.signal }));
  while (!events.some(({ type }) => type === "retry")) await turn();
  controller.abort("enough");
  assert.equal(await sent as unknown, "enough");
  assert.equal(requests.length, 1);
});

Deno.test("send() waits on the runtime's clock where no other is given, and hears the signal there too", async () => {
  const { broker, requests } = setUp([bad("RequestThrottled"), good()], { clock: undefined, random: () => 0.01 });
  await send(broker, remove);
  assert.equal(requests.length, 2);
  const controller = new AbortController();
  const { broker: waiting, events } = setUp([bad("RequestThrottled")], { clock: undefined, random: () => 0.99 });
  const sent = failure(send(waiting, remove, { signal: controller.signal, maxAttempts: 100 }));
  while (!events.some(({ type }) => type === "retry")) await turn();
  controller.abort("enough");
  assert.equal(await sent as unknown, "enough");
});

Deno.test("send() leaves no listener on a signal that lives long", async () => {
  const controller = new AbortController();
  let listeners = 0;
  const { signal } = controller;
  const add = signal.addEventListener.bind(signal);
  const removeListener = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => (listeners++, add(...args));
  signal.removeEventListener = (...args: Parameters<typeof add>) => (listeners--, removeListener(...args));
  const { broker } = setUp([bad("RequestThrottled"), good()]);
  await send(broker, remove, { signal });
  assert.equal(listeners, 0);
});

Deno.test("send() makes a typed error with advice of an answer that is no answer", async () => {
  const html = "<!DOCTYPE html><html>Please sign in to the hotel's network</html>";
  const cases: [string, Response, RegExp][] = [
    ["HTML with 200", new Response(html), /HTML page.*'endpoint'/],
    ["nothing with 200", new Response(""), /it is empty.*'endpoint'/],
    ["nothing, announced", new Response("", { headers: { "content-length": "0" } }), /it is empty/],
    ["half of a JSON", new Response('{"Messages":[{"Mess'), /not whole JSON/],
    ["XML", new Response("<ReceiveMessageResponse/>"), /it is XML/],
    ["another JSON", new Response('{"Messages":[{"MessageId":1}]}'), /'Messages.0.MessageId'/],
    ["null", new Response("null"), /not what SQS answers/],
  ];
  for (const [name, answer, says] of cases) {
    const { broker } = setUp([answer], { http: { maxAttempts: 1 } });
    const error = await failure<AwsError>(send(broker, receive));
    assert.ok(error instanceof AwsError, name);
    assert.deepEqual([error.awsCode, error.status, error.retryable], ["InvalidAnswer", 200, true], name);
    assert.match(error.message, says, name);
    assert.doesNotMatch(error.message, /hotel/, "what came is not repeated");
  }
  const proxy = setUp([new Response(html, { status: 403 })]);
  const error = await failure<AwsError>(send(proxy.broker, receive));
  assert.deepEqual([error.awsCode, error.retryable], ["Http403", false]);
  assert.match(error.message, /HTML page.*'endpoint'/);
  const gateway = setUp([new Response("Bad Gateway", { status: 502 })]);
  assert.equal((await failure<AwsError>(send(gateway.broker, receive))).awsCode, "Http502");
  assert.equal(gateway.requests.length, 3);
});

Deno.test("send() tries an unreadable answer again", async () => {
  const { broker, requests } = setUp([new Response('{"Messages":[{"Mess'), good({ Messages: [] })]);
  await send(broker, receive);
  assert.equal(requests.length, 2);
});

Deno.test("send() takes an empty body for an action without output", async () => {
  const { broker } = setUp([new Response("")]);
  assert.equal(await send(broker, remove), undefined);
});

Deno.test("send() never follows a redirect", async () => {
  for (const status of [301, 302, 303, 307, 308]) {
    const { broker, requests } = setUp([new Response(null, { status, headers: { location: "https://evil.test/" } })]);
    const error = await failure<AwsError>(send(broker, receive));
    assert.equal(requests.length, 1);
    assert.equal(requests[0].redirect, "manual");
    assert.deepEqual([error.status, error.retryable], [status, false]);
    assert.match(error.message, /redirect, which is never followed: check 'endpoint' and 'region'/);
  }
  const opaque = () => Object.defineProperty(new Response(null), "type", { value: "opaqueredirect" });
  const browser = setUp([opaque]);
  const error = await failure<AwsError>(send(browser.broker, receive));
  assert.deepEqual([browser.requests.length, error.awsCode], [1, "Redirect"]);
});

Deno.test("send() sends a stream once, whatever comes", async () => {
  for (
    const answer of [
      bad("SlowDown", "x", { status: 503 }),
      bad("RequestTimeTooSkewed", "x", { date: "Fri, 02 Jan 2026 05:00:00 GMT" }),
    ]
  ) {
    const body = new Blob(["abc"]).stream();
    const upload: AwsRequest<void, AwsBody> = { ...remove, service: "s3", bucket: "bowl", method: "PUT", body };
    const { broker, requests } = setUp([answer]);
    await failure(send(broker, upload));
    assert.equal(requests.length, 1);
  }
});

Deno.test("send() calls onAttempt before each try, and its throw ends the sending", async () => {
  let tries = 0;
  const { broker, requests } = setUp([bad("RequestThrottled")]);
  const budget = new Error("no more requests");
  const error = await failure(send(broker, remove, {
    onAttempt: () => {
      if (++tries === 3) throw budget;
    },
  }));
  assert.equal(error, budget);
  assert.deepEqual([requests.length, broker.requests], [2, 2]);
});

Deno.test("send() signs for the caller's region, else that of AWS's queue URL, else the broker's", async () => {
  const scope = async (request: AwsRequest<unknown>, options: Parameters<typeof setUp>[1], own?: string) => {
    const { broker, requests } = setUp([good({ TaskHandle: "x" })], options);
    await send(broker, request, { region: own });
    return `${new URL(requests[0].url).host} ${/\d{8}\/([^/]+)/.exec(requests[0].headers.get("authorization")!)![1]}`;
  };
  const at = (queueUrl: string) => deleteMessage({ queueUrl, receiptHandle: "x" });
  assert.equal(await scope(at("https://sqs.us-west-2.amazonaws.com/1/a"), {}), "sqs.us-west-2.amazonaws.com us-west-2");
  assert.equal(
    await scope(at("https://sqs.us-west-2.amazonaws.com/1/a"), {}, "eu-north-1"),
    "sqs.us-west-2.amazonaws.com eu-north-1",
  );
  assert.equal(await scope(at("http://localhost:4566/1/a"), {}), "localhost:4566 eu-west-1");
  assert.equal(
    await scope(at("https://sqs.us-west-2.amazonaws.com/1/a"), { endpoint: "http://localhost:4566" }),
    "localhost:4566 us-west-2",
  );
  assert.equal(
    await scope(at("https://sqs.us-west-2.amazonaws.com/1/a"), { endpoint: { s3: "http://localhost:4566" } }),
    "sqs.us-west-2.amazonaws.com us-west-2",
  );
  const move = startMessageMoveTask({ sourceArn: "arn:aws:sqs:ap-south-1:1:dead" });
  assert.equal(await scope(move, {}), "sqs.ap-south-1.amazonaws.com ap-south-1");
});

Deno.test("send() tells a provider the broker's region, whatever the queue's is, and the request's where it has none", async () => {
  const told = async (region: string | undefined) => {
    const regions: string[] = [];
    const { broker } = setUp([good()], {
      region,
      credentials: (context) => {
        regions.push(context.region);
        return Promise.resolve(KEYS);
      },
    });
    await send(broker, deleteMessage({ queueUrl: "https://sqs.us-west-2.amazonaws.com/1/a", receiptHandle: "x" }));
    return regions;
  };
  assert.deepEqual(await told("eu-west-1"), ["eu-west-1"]);
  assert.deepEqual(await told(undefined), ["us-west-2"]);
});

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

Deno.test("send() signs for the environment's region where nothing else names one: AWS_REGION, AWS_DEFAULT_REGION, us-east-1", async () => {
  const environments: [Record<string, string>, string][] = [
    [{ AWS_REGION: "eu-south-1", AWS_DEFAULT_REGION: "eu-south-2" }, "eu-south-1"],
    [{ AWS_REGION: "", AWS_DEFAULT_REGION: "eu-south-2" }, "eu-south-2"],
    [{}, "us-east-1"],
  ];
  for (const [variables, region] of environments) {
    const { broker, requests } = setUp([good({ QueueUrl: QUEUE })], { region: undefined });
    await withEnv(variables, () => send(broker, getQueueUrl({ queueName: "jobs" })));
    assert.equal(new URL(requests[0].url).host, `sqs.${region}.amazonaws.com`);
    assert.match(requests[0].headers.get("authorization")!, new RegExp(`/${region}/sqs/`));
  }
});

Deno.test("send() takes a key of sixteen characters out of what a server says, and leaves shorter ones: they may be words", async () => {
  const secretAccessKey = "0123456789abcdef";
  for (const [key, shown] of [[secretAccessKey, "…"], [secretAccessKey.slice(1), secretAccessKey.slice(1)]]) {
    const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: key };
    const { broker } = setUp([bad("InvalidAction", `no ${key}`)], { credentials });
    assert.match((await failure<AwsError>(send(broker, remove))).message, new RegExp(`: no ${shown}`));
  }
});

Deno.test("send() refuses what is no request at once: a builder that was not called, a request without its parser", async () => {
  const { broker, requests } = setUp([good()]);
  for (const request of [undefined, {}, listQueues, JSON.parse(JSON.stringify(remove))]) {
    const sent = send(broker, request as typeof remove);
    await assert.rejects(sent, { name: "ConfigError", message: /'request\.parse'/ });
  }
  assert.equal(requests.length, 0);
});

Deno.test("send() refuses what is no broker", async () => {
  assert.ok(await failure(send({ queueNamePrefix: "", requests: 0 }, remove)) instanceof ConfigError);
});
