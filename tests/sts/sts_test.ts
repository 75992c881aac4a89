import assert from "node:assert/strict";
import { ConfigError } from "@dashi/sqs";
import { assumeRole, assumeRoleWithWebIdentity, getCallerIdentity } from "@dashi/sqs/sts";

const ROLE = "arn:aws:iam::123456789012:role/path/orders";

Deno.test("assumeRole() of ./sts writes one form for one input", () => {
  const input = { roleArn: ROLE, roleSessionName: "me@example", durationSeconds: 900, externalId: "a&b=c" };
  const request = assumeRole(input);
  assert.equal(request.body, assumeRole(input).body);
  assert.equal(
    request.body,
    "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fpath%2Forders" +
      "&RoleSessionName=me%40example&DurationSeconds=900&ExternalId=a%26b%3Dc",
  );
  assert.deepEqual([request.method, request.path, request.query, request.service], ["POST", "/", {}, "sts"]);
});

const answered = (action: string, result: string) =>
  new Response(`<${action}Response><${action}Result>${result}</${action}Result></${action}Response>`);
const KEYS = "<Credentials><AccessKeyId>AKIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey>" +
  "<SessionToken>t</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration></Credentials>";

Deno.test("assumeRole() and assumeRoleWithWebIdentity() send a session policy: without it the keys could do more", () => {
  const policy = '{"Statement":[]}';
  const shared = { RoleArn: ROLE, RoleSessionName: "me", DurationSeconds: "3600", Policy: policy };
  const input = { roleArn: ROLE, roleSessionName: "me", policy };
  for (
    const [request, fields] of [
      [assumeRole(input), shared],
      [assumeRoleWithWebIdentity({ ...input, webIdentityToken: "abcd" }), { ...shared, WebIdentityToken: "abcd" }],
    ] as const
  ) {
    const { Action: _, Version: __, ...rest } = Object.fromEntries(new URLSearchParams(request.body));
    assert.deepEqual(rest, fields);
  }
  for (const build of [assumeRole, assumeRoleWithWebIdentity]) {
    assert.throws(() => build({ ...input, webIdentityToken: "abcd", policy: "" }), /'policy'/);
  }
});

Deno.test("assumeRole() reads keys whose role is not described, and refuses half of them", async () => {
  const request = assumeRole({ roleArn: ROLE, roleSessionName: "me" });
  const credentials = {
    accessKeyId: "AKIA",
    secretAccessKey: "s",
    sessionToken: "t",
    expiration: new Date("2030-01-01T00:00:00Z"),
  };
  assert.deepEqual(await request.parse(answered("AssumeRole", KEYS)), {
    credentials,
    arn: undefined,
    assumedRoleId: undefined,
  });
  const user = "<AssumedRoleUser><Arn>arn</Arn><AssumedRoleId>id</AssumedRoleId></AssumedRoleUser>";
  assert.deepEqual(await request.parse(answered("AssumeRole", KEYS + user)), {
    credentials,
    arn: "arn",
    assumedRoleId: "id",
  });
  for (const field of ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"]) {
    const half = KEYS.replace(new RegExp(`(<${field}>)[^<]*`), "$1");
    await assert.rejects(
      request.parse(answered("AssumeRole", half)),
      new RegExp(`its 'Credentials\\.${field}' is not what sts answers`),
    );
  }
});

Deno.test("STS's errors say what to do, where we know it, and nothing more where we don't", async () => {
  const failed = (code: string, message: string) =>
    new Response(`<ErrorResponse><Error><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`, {
      status: 403,
    });
  const parse = assumeRole({ roleArn: ROLE, roleSessionName: "me" }).parse;
  await assert.rejects(
    async () => await parse(failed("AccessDenied", "no")),
    /: no: the role's trust policy must name/,
  );
  await assert.rejects(async () => await parse(failed("MalformedPolicyDocument", "bad JSON")), /: bad JSON$/);
});

Deno.test("assumeRoleWithWebIdentity() shows its token in no error", () => {
  for (const webIdentityToken of ["", "a b c d", "abc\r\nx", "x".repeat(20_001), ["abcd"] as never]) {
    assert.throws(
      () => assumeRoleWithWebIdentity({ roleArn: ROLE, roleSessionName: "me", webIdentityToken }),
      (error: Error) =>
        error instanceof ConfigError && (!webIdentityToken.length || !error.message.includes(webIdentityToken)),
    );
  }
});

Deno.test("assumeRole() of ./sts refuses ARNs that are no role's", () => {
  for (
    const roleArn of [
      "",
      "orders",
      "arn:aws:iam::1:role/x",
      "arn:aws:iam::123456789012:user/x",
      ROLE + " ",
      ROLE + "\n",
    ]
  ) {
    const input = { roleArn, roleSessionName: "me", webIdentityToken: "abcd" };
    for (const build of [assumeRole, assumeRoleWithWebIdentity]) {
      assert.throws(() => build(input), /'roleArn'/, roleArn);
    }
  }
  for (const partition of ["aws-cn", "aws-us-gov", "aws-iso-b", "aws-eusc"]) {
    assumeRole({ roleArn: `arn:${partition}:iam::123456789012:role/x`, roleSessionName: "me" });
  }
});

Deno.test("assumeRole() of ./sts refuses names that no session has", () => {
  for (const roleSessionName of ["", "a", "a".repeat(65), " me", "me ", "me\n", "mé", ["me"] as never]) {
    assert.throws(() => assumeRole({ roleArn: ROLE, roleSessionName }), /'roleSessionName'/);
  }
});

Deno.test("getCallerIdentity() reads whose keys they are", async () => {
  const fields = "<Arn>arn:aws:iam::123456789012:user/ann</Arn><UserId>AIDA</UserId><Account>123456789012</Account>";
  const answer = (inner: string) =>
    new Response(`<GetCallerIdentityResponse><GetCallerIdentityResult>${inner}</GetCallerIdentityResult>
      <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>`);
  assert.deepEqual(await getCallerIdentity().parse(answer(fields)), {
    account: "123456789012",
    arn: "arn:aws:iam::123456789012:user/ann",
    userId: "AIDA",
  });
  await assert.rejects(getCallerIdentity().parse(answer("")), /its 'Account' is not what sts answers/);
});
