import assert from "node:assert/strict";
import { profile } from "@dashi/sqs/credentials";
import { withEnv } from "../support/with_env.ts";
import { assumed, fakeContext, settle } from "./fakes.ts";

const CONFIG = `\uFEFF# a comment
[default]
region = eu-west-1
 aws_access_key_id   =   AKIDDEFAULT   # behind a value
aws_secret_access_key=a#b;c=d

; another comment
[profile  "two words" ]\r
aws_access_key_id = AKIDQUOTED\r
aws_secret_access_key = q\r
s3 =
  aws_access_key_id = nested
[ profile spaced ]
aws_access_key_id	=	AKIDSPACED
AWS_SECRET_ACCESS_KEY = upper
aws_session_token = st
[of two words]
aws_access_key_id = AKIDBARE
aws_secret_access_key = b
[sso-session spaced]
aws_access_key_id = NOTAPROFILE
[profile role]
role_arn = arn:aws:iam::123456789012:role/one
source_profile = spaced
role_session_name = me
external_id = ext
duration_seconds = 900
[profile chained]
role_arn = arn:aws:iam::123456789012:role/two
source_profile = role
[profile self]
role_arn = arn:aws:iam::123456789012:role/self
source_profile = self
aws_access_key_id = AKIDSELF
aws_secret_access_key = s
[profile loop-a]
role_arn = arn:aws:iam::123456789012:role/a
source_profile = loop-b
[profile loop-b]
role_arn = arn:aws:iam::123456789012:role/b
source_profile = loop-a
[profile fromenv]
role_arn = arn:aws:iam::123456789012:role/env
credential_source = Environment
[profile fromcontainer]
role_arn = arn:aws:iam::123456789012:role/container
credential_source = EcsContainer
[profile frominstance]
role_arn = arn:aws:iam::123456789012:role/instance
credential_source = Ec2InstanceMetadata
[profile fromelsewhere]
role_arn = arn:aws:iam::123456789012:role/elsewhere
credential_source = Elsewhere
[profile pod]
role_arn = arn:aws:iam::123456789012:role/pod
role_session_name = pod-1
duration_seconds = 900
web_identity_token_file = TOKEN_FILE
source_profile = spaced
[profile fromnowhere]
role_arn = arn:aws:iam::123456789012:role/nowhere
[profile process]
credential_process = rm -rf /
[profile sso]
sso_session = spaced
[profile sso-of-old]
sso_start_url = https://example.awsapps.com/start
[profile mfa]
role_arn = arn:aws:iam::123456789012:role/mfa
source_profile = spaced
mfa_serial = arn:aws:iam::123456789012:mfa/me
[profile empty]
[profile __proto__]
aws_access_key_id = AKIDPROTO
aws_secret_access_key = p
[broken
aws_access_key_id = AKIDBROKEN
no equals sign
`;
const SHARED = `[default]
aws_access_key_id = AKIDSHARED
[plain]
aws_access_key_id = AKIDPLAIN
aws_secret_access_key = p
`;

/** What the two metadata services answer; undefined for a request to STS. */
function metadata({ url }: Request): Response | undefined {
  const { hostname, pathname } = new URL(url);
  const keys = (AccessKeyId: string) => Response.json({ AccessKeyId, SecretAccessKey: "s", Token: "t" });
  if (hostname === "169.254.170.2") return keys("AKIDCONTAINER");
  if (hostname !== "169.254.169.254") return undefined;
  return pathname.endsWith("/web") ? keys("AKIDINSTANCE") : new Response(pathname.endsWith("/token") ? "token" : "web");
}

/** Runs with a home that has both files, metadata services, and an STS that numbers its keys. */
async function withFiles(
  run: (ask: (name?: string) => Promise<string>, asked: { signer: string; body: URLSearchParams }[]) => Promise<void>,
  more: Readonly<Record<string, string>> = {},
) {
  const home = await Deno.makeTempDir();
  await Deno.mkdir(`${home}/.aws`);
  await Deno.writeTextFile(`${home}/token`, "a.web.token\n");
  await Deno.writeTextFile(`${home}/.aws/config`, CONFIG.replace("TOKEN_FILE", `${home}/token`));
  await Deno.writeTextFile(`${home}/.aws/credentials`, SHARED);
  const asked: { signer: string; body: URLSearchParams }[] = [];
  const context = fakeContext(async (request) => {
    const told = metadata(request);
    if (told) return told;
    const signer = /Credential=(\w+)/.exec(request.headers.get("authorization") ?? "")?.[1] ?? "nobody";
    const body = new URLSearchParams(await request.text());
    asked.push({ signer, body });
    return assumed(body.get("Action")!, `ASIA${asked.length}`, "2026-01-01T01:00:00Z");
  });
  try {
    await withEnv({ HOME: home, ...more }, () =>
      run(async (name) => {
        const keys = await profile({ profile: name })(context);
        return `${keys.accessKeyId} ${keys.secretAccessKey} ${keys.sessionToken ?? ""}`.trim();
      }, asked));
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

Deno.test("profile() reads both files, whatever their spacing, quotes, comments and line ends", () =>
  withFiles(async (ask) => {
    assert.equal(await ask(), "AKIDSHARED a#b;c=d");
    assert.equal(await ask("two words"), "AKIDQUOTED q");
    assert.equal(await ask("spaced"), "AKIDSPACED upper st");
    assert.equal(await ask("plain"), "AKIDPLAIN p");
    assert.equal(await ask("of two words"), "AKIDBARE b");
    await assert.rejects(ask("sso-session spaced"), /there is none of that name/);
    assert.equal(await ask("__proto__"), "AKIDPROTO p");
  }));

Deno.test("profile() reads the files that AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE name, the second over the first", () =>
  withFiles(async (ask) => {
    assert.equal(await ask(), "AKIDDEFAULT a#b;c=d");
    assert.equal(await ask("plain"), "AKIDPLAIN p");
  }, { AWS_CONFIG_FILE: "~/.aws/credentials", AWS_SHARED_CREDENTIALS_FILE: "~/.aws/config" }));

Deno.test("profile() takes its name from AWS_PROFILE", () =>
  withFiles(async (ask) => {
    assert.equal(await ask(), "AKIDPLAIN p");
  }, { AWS_PROFILE: "plain" }));

Deno.test("profile() assumes a profile's role with its source's keys, along chains", () =>
  withFiles(async (ask, asked) => {
    assert.match(await ask("chained"), /^ASIA2 /);
    assert.deepEqual(asked.map(({ signer }) => signer), ["AKIDSPACED", "ASIA1"]);
    const [first] = asked.map(({ body }) => Object.fromEntries(body));
    assert.equal(first.RoleArn, "arn:aws:iam::123456789012:role/one");
    assert.equal(first.RoleSessionName, "me");
    assert.equal(first.ExternalId, "ext");
    assert.equal(first.DurationSeconds, "900");
    await ask("self");
    assert.equal(asked[2].signer, "AKIDSELF");
    await ask("fromenv");
    assert.equal(asked[3].signer, "AKIDENV");
    await ask("fromcontainer");
    await ask("frominstance");
    assert.deepEqual(asked.slice(4).map(({ signer }) => signer), ["AKIDCONTAINER", "AKIDINSTANCE"]);
  }, {
    AWS_ACCESS_KEY_ID: "AKIDENV",
    AWS_SECRET_ACCESS_KEY: "e",
    AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/v2/credentials/1",
  }));

Deno.test("profile() assumes a profile's role with the token in its web_identity_token_file, unsigned", () =>
  withFiles(async (ask, asked) => {
    assert.match(await ask("pod"), /^ASIA1 /);
    assert.deepEqual(asked.map(({ signer }) => signer), ["nobody"]);
    const { Version: _, ...fields } = Object.fromEntries(asked[0].body);
    assert.deepEqual(fields, {
      Action: "AssumeRoleWithWebIdentity",
      RoleArn: "arn:aws:iam::123456789012:role/pod",
      RoleSessionName: "pod-1",
      WebIdentityToken: "a.web.token",
      DurationSeconds: "900",
    });
  }));

Deno.test("profile() finds the home of Windows", async () => {
  const home = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${home}/.aws`);
    await Deno.writeTextFile(`${home}/.aws/credentials`, SHARED);
    await withEnv({ HOME: "", USERPROFILE: home }, async () => {
      const keys = await profile({ profile: "plain" })(fakeContext(() => new Response()));
      assert.equal(keys.accessKeyId, "AKIDPLAIN");
    });
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("profile() says that a file can't be read, and does not take it for missing", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const ask = profile({ file: folder })(fakeContext(() => new Response()));
    await assert.rejects(ask, { name: "CredentialsError", message: /Cannot read the shared file ".*": EISDIR$/ });
  } finally {
    await Deno.remove(folder);
  }
});

Deno.test("profile() says what it does not do, and what is not there", () =>
  withFiles(async (ask) => {
    await assert.rejects(ask("process"), (error: Error) =>
      /runs no 'cred/.test(error.message) && !/rm/.test(error.message));
    await assert.rejects(ask("sso"), /asks no SSO/);
    await assert.rejects(ask("sso-of-old"), /asks no SSO/);
    await assert.rejects(ask("mfa"), /no MFA code/);
    await assert.rejects(ask("loop-a"), /its own source: loop-a -> loop-b/);
    await assert.rejects(ask("empty"), /no aws_access_key_id/);
    await assert.rejects(ask("fromelsewhere"), /not Environment, Ec2InstanceMetadata or EcsContainer/);
    await assert.rejects(ask("fromnowhere"), /no source_profile, credential_source or web_identity_token_file/);
    await assert.rejects(ask("toString"), /none of that name/);
    await assert.rejects(ask("broken"), /none of that name/);
    await assert.rejects(
      profile({ file: "/nonexistent" })(fakeContext(() =>
        new Response()
      )),
      /none of that name/,
    );
  }));

Deno.test("profile() names the missing feature where there is no file system", async () => {
  const { process } = globalThis as unknown as { process: { getBuiltinModule: unknown } };
  const before = process.getBuiltinModule;
  process.getBuiltinModule = undefined;
  try {
    await assert.rejects(profile()(fakeContext(() => new Response())), /no file system \(process.getBuiltinModule/);
  } finally {
    process.getBuiltinModule = before;
  }
});

Deno.test("profile() goes on for the others when the caller that began gives up", async () => {
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, CONFIG);
  try {
    const answer = Promise.withResolvers<Response>();
    const asked = Promise.withResolvers<void>();
    const context = fakeContext(() => {
      asked.resolve();
      return answer.promise;
    });
    const provider = profile({ profile: "role", file });
    const controller = new AbortController();
    const impatient = provider({ ...context, signal: controller.signal });
    const patient = provider(context);
    await asked.promise;
    controller.abort(new Error("enough"));
    await assert.rejects(impatient, /enough/);
    await settle();
    answer.resolve(assumed("AssumeRole", "ASIA1", "2026-01-01T01:00:00Z"));
    assert.equal((await patient).accessKeyId, "ASIA1");
  } finally {
    await Deno.remove(file);
  }
});
