import assert from "node:assert/strict";
import { inspect } from "node:util";
import { type AwsError, ConfigError, connect, send } from "@dashi/sqs";
import { assumeRole, staticCredentials } from "@dashi/sqs/credentials";
import { getCallerIdentity } from "@dashi/sqs/sts";
import { assumed, fakeClock, fakeContext, KEYS, refused, ROLE, settle } from "./fakes.ts";

const HOUR = 3600_000;

/** An STS that numbers the keys that it gives. */
function sts(clock = fakeClock(), lasts = HOUR) {
  const asked: { url: string; authorization: string | null; body: URLSearchParams }[] = [];
  const context = fakeContext(async (request) => {
    const { url, headers } = request;
    asked.push({ url, authorization: headers.get("authorization"), body: new URLSearchParams(await request.text()) });
    return assumed("AssumeRole", `ASIA${asked.length}`, new Date(clock.time + lasts));
  }, { clock });
  return { asked, context, clock };
}

Deno.test("assumeRole() asks the region's STS once and keeps the keys", async () => {
  const { asked, context } = sts();
  const provider = assumeRole({ arn: ROLE, credentials: KEYS, externalId: "x y", policy: '{"a":1}' });
  const keys = await provider(context);
  assert.equal(keys.accessKeyId, "ASIA1");
  assert.equal(keys.secretAccessKey, "secret/of+ASIA1");
  assert.equal(keys.sessionToken, "token-of-ASIA1-0123456789");
  assert.equal(+keys.expiration!, +new Date(context.clock.time + HOUR));
  assert.equal(await provider(context), keys);
  assert.equal(asked.length, 1);
  assert.equal(asked[0].url, "https://sts.eu-west-1.amazonaws.com/");
  assert.match(asked[0].authorization!, /AKIDEXAMPLE\/20260101\/eu-west-1\/sts\/aws4_request/);
  assert.deepEqual(Object.fromEntries(asked[0].body), {
    Action: "AssumeRole",
    Version: "2011-06-15",
    RoleArn: ROLE,
    RoleSessionName: "dashi",
    DurationSeconds: "3600",
    ExternalId: "x y",
    Policy: '{"a":1}',
  });
});

Deno.test("assumeRole() asks STS in the role's partition, in the broker's region where that is of it", async () => {
  for (
    const [partition, region, host] of [
      ["aws", "eu-west-1", "sts.eu-west-1.amazonaws.com"],
      ["aws-cn", "eu-west-1", "sts.cn-north-1.amazonaws.com.cn"],
      ["aws-cn", "cn-northwest-1", "sts.cn-northwest-1.amazonaws.com.cn"],
      ["aws-us-gov", "eu-west-1", "sts.us-gov-west-1.amazonaws.com"],
      ["aws-us-gov", "us-gov-east-1", "sts.us-gov-east-1.amazonaws.com"],
    ] as const
  ) {
    const { asked, context } = sts();
    const arn = `arn:${partition}:iam::123456789012:role/orders`;
    await assumeRole({ arn, credentials: KEYS })({ ...context, region });
    assert.equal(asked[0].url, `https://${host}/`);
    await assumeRole({ arn, credentials: KEYS, region: "eu-north-1" })({ ...context, region });
    assert.equal(new URL(asked[1].url).hostname, "sts.eu-north-1.amazonaws.com");
  }
});

Deno.test("assumeRole() uses keys for a while that seem to have ended when they come: then our clock is wrong", async () => {
  const { asked, context, clock } = sts(fakeClock(), -1000);
  const provider = assumeRole({ arn: ROLE, credentials: KEYS });
  const first = await provider(context);
  await clock.advance(29);
  assert.equal(await provider(context), first);
  assert.equal(asked.length, 1);
  await clock.advance(2);
  assert.equal((await provider(context)).accessKeyId, "ASIA2");
});

Deno.test("assumeRole() gives no keys to who gave up", async () => {
  const { context } = sts();
  const provider = assumeRole({ arn: ROLE, credentials: KEYS });
  await provider(context);
  const signal = AbortSignal.abort(new Error("enough"));
  await assert.rejects(provider({ ...context, signal }), /^Error: enough$/);
});

Deno.test("assumeRole() tells the broker's onEvent of its requests to STS", async () => {
  const { context } = sts();
  await assumeRole({ arn: ROLE, credentials: KEYS })(context);
  assert.deepEqual(context.events.map((event) => [event.type, "action" in event && event.action]), [
    ["request", "AssumeRole"],
    ["credentials", false],
  ]);
});

Deno.test("assumeRole() asks once for fifty callers, and once more when the keys have ended", async () => {
  const { asked, context, clock } = sts();
  const provider = assumeRole({ arn: ROLE, credentials: KEYS });
  const ask = () => Promise.all(Array.from({ length: 50 }, () => provider(context)));
  assert.deepEqual(new Set((await ask()).map((keys) => keys.accessKeyId)), new Set(["ASIA1"]));
  await clock.advance(3600);
  assert.deepEqual(new Set((await ask()).map((keys) => keys.accessKeyId)), new Set(["ASIA2"]));
  assert.equal(asked.length, 2);
});

Deno.test("assumeRole() refreshes ahead of the end by one caller, the others go on with keys that hold", async () => {
  const { asked, context, clock } = sts();
  const provider = assumeRole({ arn: ROLE, credentials: KEYS, refreshBefore: 120 });
  await provider(context);
  await clock.advance(3600 - 121);
  assert.equal((await provider(context)).accessKeyId, "ASIA1");
  await clock.advance(1);
  const keys = await Promise.all(Array.from({ length: 50 }, () => provider(context)));
  assert.deepEqual(keys.map((one) => one.accessKeyId), ["ASIA2", ...Array(49).fill("ASIA1")]);
  assert.equal((await provider(context)).accessKeyId, "ASIA2");
  assert.equal(asked.length, 2);
});

Deno.test("assumeRole() keeps keys that have not ended when a refresh fails, and does not hammer STS", async () => {
  const clock = fakeClock();
  let calls = 0;
  const context = fakeContext(() => {
    calls++;
    return calls === 1
      ? assumed("AssumeRole", "ASIA1", new Date(clock.time + HOUR))
      : refused("AccessDenied", "not any more");
  }, { clock });
  const provider = assumeRole({ arn: ROLE, credentials: KEYS });
  await provider(context);
  await clock.advance(3600 - 30);
  for (let i = 0; i < 10; i++) assert.equal((await provider(context)).accessKeyId, "ASIA1");
  assert.equal(calls, 2);
  const failures = context.events.filter((event) => event.type === "credentials" && event.error);
  assert.equal(failures.length, 1);
  await clock.advance(1);
  await provider(context);
  assert.equal(calls, 3);
  await clock.advance(29);
  await assert.rejects(provider(context), (error: AwsError) => error.awsCode === "AccessDenied");
});

Deno.test("assumeRole() gets new keys once for those that AWS refused, none if it has others by then", async () => {
  const { asked, context } = sts();
  const provider = assumeRole({ arn: ROLE, credentials: KEYS });
  const rejected = await provider(context);
  const again = await Promise.all(Array.from({ length: 50 }, () => provider({ ...context, rejected })));
  assert.deepEqual(new Set(again.map((keys) => keys.accessKeyId)), new Set(["ASIA2"]));
  assert.equal((await provider({ ...context, rejected })).accessKeyId, "ASIA2");
  assert.equal(asked.length, 2);
});

Deno.test("send() asks a provider anew when AWS says that the keys have expired", async () => {
  const clock = fakeClock();
  let roles = 0;
  const broker = connect({
    region: "eu-west-1",
    clock,
    credentials: assumeRole({ arn: ROLE, credentials: KEYS }),
    http: {
      fetch: async (request) => {
        if ((await request.clone().text()).includes("AssumeRole")) {
          return assumed("AssumeRole", `ASIA${++roles}`, new Date(clock.time + HOUR));
        }
        if (/ASIA1/.test(request.headers.get("authorization")!)) return refused("ExpiredToken", "too old");
        return new Response(
          "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>1</Account><Arn>a</Arn><UserId>u</UserId>" +
            "</GetCallerIdentityResult></GetCallerIdentityResponse>",
        );
      },
    },
  });
  assert.equal((await send(broker, getCallerIdentity())).account, "1");
  assert.equal(roles, 2);
});

Deno.test("assumeRole() ends the wait of the caller that aborts, not the refresh that others share", async () => {
  const clock = fakeClock();
  const answer = Promise.withResolvers<Response>();
  const context = fakeContext(() => answer.promise, { clock });
  const provider = assumeRole({ arn: ROLE, credentials: KEYS });
  const controller = new AbortController();
  const impatient = provider({ ...context, signal: controller.signal });
  const patient = provider(context);
  await settle();
  controller.abort(new Error("enough"));
  await assert.rejects(impatient, /enough/);
  answer.resolve(assumed("AssumeRole", "ASIA1", new Date(clock.time + HOUR)));
  assert.equal((await patient).accessKeyId, "ASIA1");
  assert.equal(clock.sleeping, 0);
});

Deno.test("assumeRole() chains roles, keeps one cache a role, and one an endpoint", async () => {
  const { asked, context } = sts();
  const inner = assumeRole({ arn: ROLE, credentials: KEYS });
  const outer = assumeRole({ arn: "arn:aws:iam::123456789012:role/inner", credentials: inner, sessionName: "chained" });
  await outer(context);
  await inner(context);
  assert.deepEqual(asked.map((one) => one.body.get("RoleSessionName")), ["dashi", "chained"]);
  assert.match(asked[1].authorization!, /ASIA1\//);
  await inner({ ...context, endpoint: { sts: "http://127.0.0.1:5000/prefix" } });
  assert.equal(asked[2].url, "http://127.0.0.1:5000/prefix/");
});

Deno.test("assumeRole() goes to the partition of its role", async () => {
  const { asked, context } = sts();
  await assumeRole({ arn: "arn:aws-cn:iam::123456789012:role/x", credentials: KEYS })(context);
  await assumeRole({ arn: "arn:aws-us-gov:iam::123456789012:role/x", credentials: KEYS })(context);
  await assumeRole({ arn: ROLE, credentials: KEYS, region: "us-west-2" })(context);
  assert.deepEqual(asked.map((one) => new URL(one.url).host), [
    "sts.cn-north-1.amazonaws.com.cn",
    "sts.us-gov-west-1.amazonaws.com",
    "sts.us-west-2.amazonaws.com",
  ]);
});

Deno.test("assumeRole() says what to do about a role that may not be assumed, and about chained roles", async () => {
  const denied = fakeContext(() => refused("AccessDenied", "User: x is not authorized"));
  await assert.rejects(assumeRole({ arn: ROLE, credentials: KEYS })(denied), (error: AwsError) => {
    assert.equal(error.status, 403);
    return /trust policy must name the caller/.test(error.message);
  });
  const said = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining";
  const chained = fakeContext(() => refused("ValidationError", said, 400));
  await assert.rejects(
    assumeRole({ arn: ROLE, credentials: KEYS, durationSeconds: 43_200 })(chained),
    /another role's keys lasts 3600 s at the most/,
  );
});

Deno.test("assumeRole() tries again what may pass, and gives up on answers that are none", async () => {
  const clock = fakeClock();
  const answers = [new Response("", { status: 503 }), refused("Throttling", "slow down", 400)];
  const context = fakeContext(
    () => answers.shift() ?? assumed("AssumeRole", "ASIA1", new Date(clock.time + HOUR)),
    { clock },
  );
  assert.equal((await assumeRole({ arn: ROLE, credentials: KEYS })(context)).accessKeyId, "ASIA1");
  const good = await assumed("AssumeRole", "ASIA9", "2026-01-01T01:00:00Z").text();
  for (
    const bad of [
      good.slice(0, -20),
      good.replace("2026-01-01T01:00:00Z", "soon"),
      good.replace(/<SessionToken>.*<\/SessionToken>/, ""),
      good.replace("ASIA9", ""),
      "<!DOCTYPE a [<!ENTITY b 'c'>]>" + good,
      "<html><body>proxy</body></html>",
      "",
    ]
  ) {
    await assert.rejects(
      assumeRole({ arn: ROLE, credentials: KEYS })(fakeContext(() => new Response(bad))),
      (error: AwsError) => {
        assert.equal(error.awsCode, "InvalidAnswer");
        return !/ASIA9|secret/.test(error.message);
      },
    );
  }
});

Deno.test("assumeRole() uses keys that seem to have ended at once for a while: its own clock may be wrong", async () => {
  const { asked, context, clock } = sts(fakeClock(), -HOUR);
  const provider = assumeRole({ arn: ROLE, credentials: KEYS });
  for (let i = 0; i < 5; i++) assert.equal((await provider(context)).accessKeyId, "ASIA1");
  await clock.advance(60);
  await provider(context);
  assert.equal(asked.length, 2);
});

Deno.test("assumeRole() refuses wrong options at once", () => {
  const wrong: readonly [RegExp, object][] = [
    [/'arn'.*arn:aws:iam::123456789012:role/, { arn: "arn:aws:iam::12:role/x" }],
    [/'arn'/, { arn: "arn:aws:iam::123456789012:user/x" }],
    [/'arn'/, { arn: undefined }],
    [/'durationSeconds' .*900 to 43200.*899/, { durationSeconds: 899 }],
    [/'durationSeconds'/, { durationSeconds: 43_201 }],
    [/'refreshBefore'/, { refreshBefore: 900, durationSeconds: 900 }],
    [/'sessionName'/, { sessionName: "a b" }],
    [/'policy'/, { policy: "" }],
  ];
  for (const [message, options] of wrong) {
    assert.throws(
      () => assumeRole({ arn: ROLE, credentials: KEYS, ...options }),
      (error: Error) => error instanceof ConfigError && message.test(error.message),
    );
  }
});

Deno.test("providers show no key to an inspector", async () => {
  const { context } = sts();
  const provider = assumeRole({ arn: ROLE, credentials: KEYS });
  await provider(context);
  for (const shown of [provider, staticCredentials(KEYS)]) {
    const text = inspect(shown, { depth: 9, showHidden: true }) + Deno.inspect(shown) + JSON.stringify(shown);
    assert.doesNotMatch(text, /secret|token-of/);
  }
  assert.doesNotMatch(JSON.stringify(context.events), /secret|token-of/);
  assert.throws(() => staticCredentials({ accessKeyId: "", secretAccessKey: "hush" }), /'credentials.accessKeyId'/);
});

Deno.test("assumeRole() shares no pending refresh between the invocations of a Worker, only its keys", async () => {
  Object.defineProperty(navigator, "userAgent", { value: "Cloudflare-Workers", configurable: true });
  try {
    const { context, clock } = sts();
    const cancelled = Promise.withResolvers<Response>();
    const provider = assumeRole({ arn: ROLE, credentials: KEYS });
    const first = provider({ ...context, fetch: () => cancelled.promise });
    assert.equal((await provider(context)).accessKeyId, "ASIA1");
    cancelled.resolve(assumed("AssumeRole", "ASIA9", new Date(clock.time + HOUR)));
    assert.equal((await first).accessKeyId, "ASIA9");
  } finally {
    delete (navigator as { userAgent?: string }).userAgent;
  }
});
