import assert from "node:assert/strict";
import { AccessDeniedQueueError, AwsError, ConfigError, DoesNotExistQueueError } from "../../lib/errors.ts";
import { send } from "../../lib/http/send.ts";
import { listQueues } from "../../lib/sqs/list_queues.ts";
import { receiveMessage } from "../../lib/sqs/receive_message.ts";
import type { AwsBody, AwsRequest } from "../../lib/types.ts";
import { bad, failure, good, QUEUE, remove, setUp, turn } from "./setup.ts";

const receive = receiveMessage({ queueUrl: QUEUE });

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
    ["TooManyRequests", 400],
    ["SomethingNew", 429],
    ["SomethingNew", 408],
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
    [
      new Error("at https://x.test/?X-Amz-Signature=abc and https://y.test/?X-Amz-Signature=def"),
      "fetch failed: at https://x.test/ and https://y.test/",
    ],
    ["a text", "fetch failed"],
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

for (
  const [thrown, says] of [[Symbol("down"), "Symbol(down)"], [Object.create(null), "Thrown without text"]] as const
) {
  Deno.test(`send() makes a typed error of whatever a fetch throws: ${says}`, async () => {
    const { broker, requests } = setUp([() => Promise.reject(thrown)]);
    const { awsCode, message } = await failure<AwsError>(send(broker, remove));
    assert.deepEqual([awsCode, requests.length], ["NetworkError", 3]);
    assert.equal(message, `sqs DeleteMessage got no whole answer: ${says}`);
  });
}

for (const gives of [undefined, {}, { status: 400, text: () => Promise.resolve("{}") }]) {
  Deno.test(`send() refuses a fetch that gives no Response, but ${JSON.stringify(gives)}`, async () => {
    const { broker, requests, events } = setUp([() => gives as unknown as Response]);
    const { name, message } = await failure(send(broker, remove));
    assert.deepEqual([name, requests.length, events.length], ["ConfigError", 1, 1]);
    assert.match(message, /^Cannot use 'http\.fetch\(\)\.headers' as it must be an object with a function get: /);
  });
}

Deno.test("send() repeats no more of a server's words than a log can take: of its message, its code, a fetch's error", async () => {
  const long = "too long ".repeat(100_000);
  const answers = [bad("Code", long), bad(long), new TypeError(long), new Error("short", { cause: new Error(long) })];
  for (const answer of answers) {
    const { broker } = setUp([answer], { http: { maxAttempts: 1 } });
    const { message, awsCode } = await failure<AwsError>(send(broker, remove));
    assert.match(message, /too long too long/);
    assert.ok(message.length + awsCode.length < 2500, `${message.length} ${awsCode.length}`);
  }
});

Deno.test("send() gives up on a fetch that throws one error of this library again and again", async () => {
  const details = { service: "sqs", action: "DeleteMessage", status: 0, awsCode: "Down", retryable: true } as const;
  const down = new AwsError("the line is down", details);
  const { broker, requests } = setUp([down]);
  assert.equal(await failure(send(broker, remove)), down);
  assert.deepEqual([requests.length, "cause" in down], [3, false]);
});

Deno.test("send() tries again where a listener freezes the errors that it is told of, and tells of the try before", async () => {
  const { broker, requests } = setUp([bad("RequestThrottled"), bad("AccessDenied")], {
    onEvent: (event) => "error" in event && Object.freeze(event.error),
  });
  const { awsCode, cause } = await failure<AwsError>(send(broker, remove));
  assert.deepEqual([awsCode, requests.length, (cause as AwsError).awsCode], ["AccessDenied", 2, "RequestThrottled"]);
});

Deno.test("send() says which answer broke off, by its status and AWS's id of the request", async () => {
  const broken = () =>
    new Response(new ReadableStream({ pull: (controller) => controller.error(new Error("reset")) }), {
      headers: { "x-amz-request-id": "req-s3" },
    });
  const { broker } = setUp([broken], { http: { maxAttempts: 1 } });
  const error = await failure<AwsError>(send(broker, remove));
  assert.deepEqual([error.awsCode, error.status, error.requestId], ["NetworkError", 200, "req-s3"]);
  assert.deepEqual([error.service, error.action, error.retryable], ["sqs", "DeleteMessage", true]);
});

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
    assert.equal(error.cause, undefined, "nor in the runtime's own words");
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

Deno.test("send() refuses what is no request at once: a builder that was not called, a request without its parser", async () => {
  const { broker, requests } = setUp([good()]);
  for (const request of [undefined, {}, listQueues, JSON.parse(JSON.stringify(remove))]) {
    const sent = send(broker, request as typeof remove);
    await assert.rejects(sent, {
      name: "ConfigError",
      message: /^Cannot use 'request' as it must be an object with a function parse/,
    });
  }
  assert.equal(requests.length, 0);
});

Deno.test("send() refuses what is no broker", async () => {
  assert.ok(await failure(send({ queueNamePrefix: "", requests: 0 }, remove)) instanceof ConfigError);
});
