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

Deno.test("assumeRoleWithWebIdentity() shows its token in no error", () => {
  for (const webIdentityToken of ["", "a b c d", "abc\r\nx", "x".repeat(20_001)]) {
    assert.throws(
      () => assumeRoleWithWebIdentity({ roleArn: ROLE, roleSessionName: "me", webIdentityToken }),
      (error: Error) =>
        error instanceof ConfigError && (!webIdentityToken || !error.message.includes(webIdentityToken)),
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
    assert.throws(() => assumeRole({ roleArn, roleSessionName: "me" }), /'roleArn'/, roleArn);
  }
  for (const partition of ["aws-cn", "aws-us-gov", "aws-iso-b", "aws-eusc"]) {
    assumeRole({ roleArn: `arn:${partition}:iam::123456789012:role/x`, roleSessionName: "me" });
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
