import assert from "node:assert/strict";
import type { AwsError } from "@dashi/sqs";
import { webIdentity } from "@dashi/sqs/credentials";
import { withEnv } from "../support/with_env.ts";
import { assumed, fakeContext, refused, ROLE, settle } from "./fakes.ts";

const TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl";
const answer = () => assumed("AssumeRoleWithWebIdentity", "ASIA1", "2026-01-01T01:00:00Z");

Deno.test("webIdentity() sends the token unsigned, in the body and nowhere else", async () => {
  const seen: Request[] = [];
  const context = fakeContext((request) => {
    seen.push(request);
    return answer();
  });
  const keys = await webIdentity({ arn: ROLE, token: () => Promise.resolve(TOKEN) })(context);
  assert.equal(keys.accessKeyId, "ASIA1");
  assert.equal(seen[0].url, "https://sts.eu-west-1.amazonaws.com/");
  assert.equal(seen[0].method, "POST");
  for (const [name, value] of seen[0].headers) {
    assert.ok(!/^(?:authorization|x-amz-.*)$/.test(name), name);
    assert.ok(!value.includes(TOKEN));
  }
  assert.equal(new URLSearchParams(await seen[0].text()).get("WebIdentityToken"), TOKEN);
});

Deno.test("webIdentity() takes role, file and session from the environment, and reads the file anew", async () => {
  const file = await Deno.makeTempFile();
  try {
    await withEnv(
      { AWS_ROLE_ARN: ROLE, AWS_WEB_IDENTITY_TOKEN_FILE: file, AWS_ROLE_SESSION_NAME: "pod-1" },
      async () => {
        const bodies: URLSearchParams[] = [];
        const context = fakeContext(async (request) => {
          bodies.push(new URLSearchParams(await request.text()));
          return answer();
        });
        const provider = webIdentity();
        await Deno.writeTextFile(file, "first.token\n");
        await provider(context);
        await Deno.writeTextFile(file, "second.token\n");
        await context.clock.advance(3600);
        await provider(context);
        assert.deepEqual(bodies.map((body) => body.get("WebIdentityToken")), ["first.token", "second.token"]);
        assert.equal(bodies[0].get("RoleSessionName"), "pod-1");
      },
    );
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("webIdentity() never repeats its token, not even when STS does", async () => {
  const context = fakeContext(() => refused("InvalidIdentityToken", `no such token: ${TOKEN}`, 400));
  await assert.rejects(webIdentity({ arn: ROLE, token: TOKEN })(context), (error: AwsError) => {
    assert.equal(error.awsCode, "InvalidIdentityToken");
    return !`${error.stack}${JSON.stringify(context.events)}${Deno.inspect(error)}`.includes(TOKEN);
  });
  const malformed = "not a token, has spaces";
  await assert.rejects(
    webIdentity({ arn: ROLE, token: malformed })(context),
    (error: Error) => /'webIdentityToken'/.test(error.message) && !error.message.includes(malformed),
  );
  await assert.rejects(
    webIdentity({ arn: ROLE, token: TOKEN })(fakeContext(() => refused("ExpiredTokenException", "Token expired", 400))),
    /get new ones/,
  );
});

Deno.test("webIdentity() says what is missing", async () => {
  await withEnv({}, async () => {
    await assert.rejects(webIdentity()(fakeContext(answer)), /AWS_ROLE_ARN/);
    const missing = webIdentity({ arn: ROLE, tokenFile: "/nonexistent/token" });
    await assert.rejects(missing(fakeContext(answer)), /"\/nonexistent\/token" is missing or empty/);
    const itself = webIdentity({ arn: ROLE, tokenFile: `${"its-header".repeat(8)}.its-signature` });
    await assert.rejects(itself(fakeContext(answer)), (error: Error) => !error.message.includes("signature"));
  });
  assert.throws(() => webIdentity({ arn: "role" }), /'arn'/);
  assert.throws(() => webIdentity({ arn: ROLE, token: "x", tokenFile: "y" }), /only one of them/);
});

Deno.test("webIdentity() gives a function 30 s for its token, and asks anew after one that never came", async () => {
  const context = fakeContext(answer);
  const tokens = [new Promise<string>(() => {}), Promise.resolve(TOKEN)];
  const provider = webIdentity({ arn: ROLE, token: () => tokens.shift()! });
  const says = { name: "CredentialsError", message: /'token' gave none within 30 s/ };
  const refused = assert.rejects(provider(context), says);
  await settle();
  await context.clock.advance(30);
  await refused;
  assert.equal((await provider(context)).accessKeyId, "ASIA1");
  await settle();
  assert.equal(context.clock.sleeping, 0);
});
