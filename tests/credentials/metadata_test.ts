import assert from "node:assert/strict";
import { container, instanceMetadata } from "@dashi/sqs/credentials";
import { withEnv } from "../support/with_env.ts";
import { fakeContext, settle } from "./fakes.ts";

const GOOD = JSON.stringify({
  Code: "Success",
  AccessKeyId: "ASIAMETA",
  SecretAccessKey: "hush-hush",
  Token: "a-session-token",
  Expiration: "2026-01-01T06:00:00Z",
});

/** An instance's metadata service. */
function imds(more: (request: Request) => Response | undefined = () => undefined) {
  const asked: string[] = [];
  const context = fakeContext((request) => {
    const { pathname, host } = new URL(request.url);
    asked.push(`${request.method} ${host}${pathname}`);
    assert.equal(request.redirect, "manual");
    const own = more(request);
    if (own) return own;
    if (pathname === "/latest/api/token") {
      const seconds = request.headers.get("x-aws-ec2-metadata-token-ttl-seconds");
      return request.method === "PUT" && seconds ? new Response("session") : new Response("", { status: 405 });
    }
    if (request.headers.get("x-aws-ec2-metadata-token") !== "session") return new Response("", { status: 401 });
    return new Response(pathname.endsWith("/my-role") ? GOOD : "my-role\n");
  });
  return { asked, context };
}

Deno.test("instanceMetadata() asks version 2: a token by PUT, the role's name, its keys", async () => {
  await withEnv({}, async () => {
    const { asked, context } = imds();
    const keys = await instanceMetadata()(context);
    assert.equal(keys.accessKeyId, "ASIAMETA");
    assert.equal(keys.sessionToken, "a-session-token");
    assert.equal(keys.expiration!.toISOString(), "2026-01-01T06:00:00.000Z");
    assert.deepEqual(asked, [
      "PUT 169.254.169.254/latest/api/token",
      "GET 169.254.169.254/latest/meta-data/iam/security-credentials/",
      "GET 169.254.169.254/latest/meta-data/iam/security-credentials/my-role",
    ]);
  });
});

Deno.test("instanceMetadata() gives up after three tries of one second and names the hop limit", async () => {
  await withEnv({}, async () => {
    let tries = 0;
    const context = fakeContext(() => {
      tries++;
      return new Promise<Response>(() => {});
    });
    const failed = assert.rejects(instanceMetadata()(context), /no answer within 1 s: .*hop limit/);
    for (let i = 0; i < 6; i++) {
      await settle();
      await context.clock.advance(1);
    }
    await failed;
    assert.equal(tries, 3);
    assert.equal(context.clock.sleeping, 0);
  });
});

Deno.test("instanceMetadata() follows no redirect, never asks version 1, and takes no odd answer", async () => {
  await withEnv({}, async () => {
    const redirect = imds(() => new Response(null, { status: 302, headers: { location: "http://evil.example/" } }));
    await assert.rejects(instanceMetadata()(redirect.context), /status 302$/);
    assert.equal(redirect.asked.length, 1);
    const denied = imds(() => new Response("", { status: 403 }));
    await assert.rejects(instanceMetadata()(denied.context), /status 403$/);
    assert.deepEqual(denied.asked, ["PUT 169.254.169.254/latest/api/token"]);
    for (const token of ["a b", "x\r\ny: z", "", "é"]) {
      await assert.rejects(instanceMetadata()(imds(() => new Response(token)).context), /session token is none/);
    }
    for (const name of ["../../user-data", "", "a".repeat(65), "<html>"]) {
      const { context } = imds(({ url }) => url.endsWith("-credentials/") ? new Response(name) : undefined);
      await assert.rejects(instanceMetadata()(context), /has no role/);
    }
    const bad = ["{", "[]", "null", "{}", '{"Code":"Failed"}', GOOD.replace("2026-01-01T06:00:00Z", "later")];
    for (const answer of [...bad, GOOD.replace('"hush-hush"', "7"), GOOD + " ".repeat(70_000)]) {
      const { context } = imds(({ url }) => url.endsWith("/my-role") ? new Response(answer) : undefined);
      const failed = assert.rejects(instanceMetadata()(context), (error: Error) => !/hush/.test(error.message));
      await settle();
      await context.clock.advance(1);
      await context.clock.advance(1);
      await failed;
    }
  });
});

Deno.test("instanceMetadata() hears its variables", async () => {
  await withEnv({ AWS_EC2_METADATA_DISABLED: "True" }, async () => {
    await assert.rejects(instanceMetadata()(imds().context), /AWS_EC2_METADATA_DISABLED/);
  });
  await withEnv({ AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE: "IPv6" }, async () => {
    const { asked, context } = imds();
    await instanceMetadata({ role: "my-role" })(context);
    assert.deepEqual(asked.map((one) => one.split("/")[0]), ["PUT [fd00:ec2::254]", "GET [fd00:ec2::254]"]);
  });
  assert.throws(() => instanceMetadata({ endpoint: "file:///x" }), /'endpoint'/);
});

Deno.test("instanceMetadata() asks another address of this machine or by https, its option before its variable", async () => {
  const variables = { AWS_EC2_METADATA_SERVICE_ENDPOINT: "http://10.0.0.1:1338/" };
  for (
    const [endpoint, host] of [
      [undefined, "10.0.0.1:1338"],
      ["http://127.0.0.1:1338//", "127.0.0.1:1338"],
      ["https://keys.example", "keys.example"],
    ] as const
  ) {
    await withEnv(variables, async () => {
      const { asked, context } = imds();
      await instanceMetadata({ endpoint, role: "my-role" })(context);
      assert.deepEqual(asked, [
        `PUT ${host}/latest/api/token`,
        `GET ${host}/latest/meta-data/iam/security-credentials/my-role`,
      ]);
    });
  }
  assert.throws(() => instanceMetadata({ endpoint: "http://keys.example" }), /'endpoint'/);
  await withEnv({ AWS_EC2_METADATA_SERVICE_ENDPOINT: "http://keys.example" }, async () => {
    const { asked, context } = imds();
    await assert.rejects(instanceMetadata()(context), /AWS_EC2_METADATA_SERVICE_ENDPOINT as it must be/);
    assert.deepEqual(asked, []);
  });
});

Deno.test("container() asks ECS's address by path and EKS's with the token of a file", async () => {
  const seen: Request[] = [];
  const context = fakeContext((request) => {
    seen.push(request);
    return new Response(GOOD);
  });
  await withEnv({ AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/v2/credentials/1?a=b" }, async () => {
    assert.equal((await container()(context)).accessKeyId, "ASIAMETA");
  });
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, "pod-token\n");
  await withEnv({
    AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://169.254.170.23/v1/credentials",
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file,
  }, async () => {
    await container()(context);
  });
  await Deno.remove(file);
  assert.deepEqual(seen.map(({ url }) => url), [
    "http://169.254.170.2/v2/credentials/1?a=b",
    "http://169.254.170.23/v1/credentials",
  ]);
  assert.deepEqual(seen.map(({ redirect }) => redirect), ["manual", "manual"]);
  assert.equal(seen[0].headers.get("authorization"), null);
  assert.equal(seen[1].headers.get("authorization"), "pod-token");
});

Deno.test("container() asks nobody else than https, loopback, ECS and EKS", async () => {
  let asked = 0;
  const context = fakeContext(() => {
    asked++;
    return new Response(GOOD);
  });
  const full = (url: string, token = "t") =>
    withEnv({ AWS_CONTAINER_CREDENTIALS_FULL_URI: url, AWS_CONTAINER_AUTHORIZATION_TOKEN: token }, async () => {
      await container()(context);
    });
  const good = [
    "https://keys.example/x",
    "http://127.0.0.1:80/",
    "http://localhost/",
    "http://[::1]/",
    "http://[fd00:ec2::23]/",
  ];
  for (const url of good) await full(url);
  assert.equal(asked, good.length);
  for (
    const url of [
      "http://keys.example/",
      "http://169.254.169.254/",
      "http://169.254.170.2.evil.example/",
      "http://127.0.0.1@evil.example/",
      "http://localhost.evil.example/",
      "http://[fd00:ec2::24]/",
      "ftp://127.0.0.1/",
      "nonsense",
    ]
  ) await assert.rejects(full(url), /AWS_CONTAINER_CREDENTIALS_FULL_URI/, url);
  for (const path of ["@evil.example/", ".evil.example/", ":1/"]) {
    await withEnv({ AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: path }, async () => {
      await assert.rejects(container()(context), /RELATIVE_URI as it must be a path/);
    });
  }
  await assert.rejects(
    full("https://keys.example/", "hush\r\nx: y"),
    (error: Error) => /authorization token/.test(error.message) && !/hush/.test(error.message),
  );
  await withEnv({}, async () => void await assert.rejects(container()(context), /are not set/));
  assert.equal(asked, good.length);
});

Deno.test("container() tries a 500 again and not a 400", async () => {
  await withEnv({ AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "/x" }, async () => {
    const statuses = [500, 200];
    const context = fakeContext(() => new Response(GOOD, { status: statuses.shift() }));
    const keys = container()(context);
    await settle();
    await context.clock.advance(1);
    assert.equal((await keys).accessKeyId, "ASIAMETA");
    let calls = 0;
    const refusing = fakeContext(() => {
      calls++;
      return new Response(`no: ${GOOD}`, { status: 400 });
    });
    await assert.rejects(
      container()(refusing),
      /^CredentialsError: Cannot get keys from .{0,40} as there was status 400$/,
    );
    assert.equal(calls, 1);
  });
});
