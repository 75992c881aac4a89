import assert from "node:assert/strict";
import { type CredentialContext, type CredentialProvider, type Credentials, CredentialsError } from "@dashi/sqs";
import { assumeRole, chain, defaultChain, env, staticCredentials } from "@dashi/sqs/credentials";
import { withEnv } from "../support/with_env.ts";
import { assumed, fakeContext, KEYS, refused, ROLE } from "./fakes.ts";

const nothing = fakeContext(() => new Response("", { status: 404 }));

Deno.test("chain() takes the first that has keys and stays with it", async () => {
  let asked = 0;
  let empty = true;
  const first: CredentialProvider = () => {
    asked++;
    return empty ? Promise.reject(new Error("none")) : Promise.resolve({ accessKeyId: "OTHER", secretAccessKey: "x" });
  };
  const provider = chain(first, staticCredentials(KEYS));
  assert.equal((await provider(nothing)).accessKeyId, "AKIDEXAMPLE");
  empty = false;
  assert.equal((await provider(nothing)).accessKeyId, "AKIDEXAMPLE");
  assert.equal(asked, 1);
});

Deno.test("chain() goes on after a provider that gives nothing", async () => {
  const empty = () => Promise.resolve(undefined as unknown as Credentials);
  const half = () => Promise.resolve({} as Credentials);
  assert.equal((await chain(empty, half, staticCredentials(KEYS))(nothing)).accessKeyId, "AKIDEXAMPLE");
  await assert.rejects(chain(empty)(nothing), CredentialsError);
});

Deno.test("chain() gathers what each of its providers tried", async () => {
  const failing = (why: string): CredentialProvider => () => Promise.reject(new Error(why));
  await assert.rejects(chain(failing("no left"), failing("no right"))(nothing), (error: Error) => {
    assert.ok(error instanceof CredentialsError);
    return /no left\n- no right/.test(error.message);
  });
  assert.throws(() => chain(), /'providers' as it must be one provider or more/);
  assert.throws(() => chain(env(), {} as CredentialProvider), /'providers\.1' as it must be of type function/);
});

Deno.test("chain() takes no other identity for an outage of STS, and goes on where a role is refused", async () => {
  const answers = [refused("ServiceUnavailable", "busy", 503), refused("AccessDenied", "no")];
  for (const [answer, tries] of [[answers[0], 3], [answers[1], 1]] as const) {
    let asked = 0;
    const context = fakeContext(() => {
      asked++;
      return answer.clone();
    }, { clock: { now: () => Date.UTC(2026, 0, 1), sleep: (s) => s < 5 ? Promise.resolve() : new Promise(() => {}) } });
    const provider = chain(assumeRole({ arn: ROLE, credentials: KEYS }), staticCredentials(KEYS));
    if (tries === 3) await assert.rejects(provider(context), { awsCode: "ServiceUnavailable" });
    else assert.equal(await accessKeyOf(provider, context), KEYS.accessKeyId);
    assert.equal(asked, tries);
  }
});

for (
  const [name, variables, host] of [
    [
      "web identity",
      (file: string) => ({ AWS_ROLE_ARN: ROLE, AWS_WEB_IDENTITY_TOKEN_FILE: file }),
      "sts.eu-west-1.amazonaws.com",
    ],
    ["container's service", () => ({ AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/v2/task" }), "169.254.170.2"],
  ] as const
) {
  Deno.test(`defaultChain() never takes the machine's role where the ${name} is set up and fails`, async () => {
    const file = await Deno.makeTempFile();
    await Deno.writeTextFile(file, "a.jwt.token");
    try {
      await withEnv({ HOME: "/nonexistent", ...variables(file) }, async () => {
        const hosts = new Set<string>();
        let down = true;
        const context = fakeContext(({ url }) => {
          const { hostname } = new URL(url);
          hosts.add(hostname);
          if (down) return refused("AccessDenied", "not yet", 403);
          const keys = { AccessKeyId: "ASIA1", SecretAccessKey: "s", Token: "t" };
          return host === "169.254.170.2"
            ? Response.json(keys)
            : assumed("AssumeRoleWithWebIdentity", "ASIA1", "2026-01-01T01:00:00Z");
        });
        const provider = defaultChain();
        await assert.rejects(provider(context));
        down = false;
        assert.equal(await accessKeyOf(provider, context), "ASIA1");
        assert.deepEqual([...hosts], [host]);
      });
    } finally {
      await Deno.remove(file);
    }
  });
}

const accessKeyOf = async (provider: CredentialProvider, context: CredentialContext) =>
  (await provider(context)).accessKeyId;

Deno.test("chain() hears its signal", async () => {
  const controller = new AbortController();
  controller.abort(new Error("enough"));
  await assert.rejects(chain(env())({ ...nothing, signal: controller.signal }), /enough/);
});

Deno.test("chain() asks no further provider once its signal fired", async () => {
  const controller = new AbortController();
  let asked = 0;
  const giving: CredentialProvider = () => {
    controller.abort(new Error("enough"));
    return Promise.reject(new Error("no keys"));
  };
  const next: CredentialProvider = () => {
    asked++;
    return Promise.resolve(KEYS);
  };
  await assert.rejects(chain(giving, next)({ ...nothing, signal: controller.signal }), /^Error: enough$/);
  assert.equal(asked, 0);
});

Deno.test("staticCredentials() gives what it was given, and no more", async () => {
  const keys = { ...KEYS, sessionToken: "t", expiration: new Date(0) };
  assert.deepEqual(await staticCredentials({ ...keys, more: 1 } as Credentials)(nothing), keys);
});

Deno.test("defaultChain() says all that it tried", async () => {
  await withEnv({ HOME: "/nonexistent" }, async () => {
    await assert.rejects(defaultChain()(nothing), (error: Error) => {
      for (const place of ["AWS_ACCESS_KEY_ID", "AWS_ROLE_ARN", "profile", "AWS_CONTAINER_", "instance metadata"]) {
        assert.ok(error.message.includes(place), place);
      }
      return error instanceof CredentialsError;
    });
  });
});

Deno.test("env() reads its variables for each request and gives the same object for the same keys", async () => {
  await withEnv(
    { AWS_ACCESS_KEY_ID: "AKID1", AWS_SECRET_ACCESS_KEY: "s", AWS_SESSION_TOKEN: "t" },
    async (variables) => {
      const provider = env();
      const keys = await provider(nothing);
      assert.deepEqual(keys, { accessKeyId: "AKID1", secretAccessKey: "s", sessionToken: "t" });
      assert.equal(await provider(nothing), keys);
      variables.AWS_ACCESS_KEY_ID = "AKID2";
      delete variables.AWS_SESSION_TOKEN;
      assert.deepEqual(await provider(nothing), {
        accessKeyId: "AKID2",
        secretAccessKey: "s",
        sessionToken: undefined,
      });
    },
  );
  await withEnv({}, async () => void await assert.rejects(env()(nothing), /defaultChain\(\)/));
});
