import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "../support/fast_check.ts";
import { CredentialsError } from "../../lib/errors.ts";
import { sign, type SignOptions } from "../../lib/http/sign.ts";
import { getObject } from "../../lib/s3/get_object.ts";
import { objectPath } from "../../lib/s3/object_path.ts";
import { listQueues } from "../../lib/sqs/list_queues.ts";
import { receiveMessage } from "../../lib/sqs/receive_message.ts";
import { sendMessage } from "../../lib/sqs/send_message.ts";
import type { AwsBody, AwsRequest, Credentials, Endpoints, Service } from "../../lib/types.ts";
import vectors from "../vectors/sigv4.json" with { type: "json" };
import { authorizationByAws, withoutNodeCrypto } from "./oracle.ts";

/** Text with what signers get wrong in it, lone surrogates too. */
const hard = fc.string({
  unit: fc.oneof(
    fc.constantFrom(..." +%/&=?#~!*'()\\\"<>[]{}|^`:;,@$-_.é漢😀\n\t\0"),
    fc.constantFrom("%2F", "%25", "//", "..", "%", "\ud800"),
    fc.string({ minLength: 1, maxLength: 1 }),
  ),
  maxLength: 12,
});
const wellFormed = hard.map((text) => text.toWellFormed());
const ascii = fc.string({ unit: fc.constantFrom(..."ABCxyz019/+="), minLength: 1, maxLength: 100, size: "max" });
const setting = fc.record({
  credentials: fc.record(
    { accessKeyId: ascii, secretAccessKey: ascii, sessionToken: ascii },
    { requiredKeys: ["accessKeyId", "secretAccessKey"] },
  ),
  region: fc.constantFrom("eu-west-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1", "longest".repeat(9)),
  now: fc.integer({ min: 1e12, max: 4e12 }),
});

function request<Body extends AwsBody>(
  service: Service,
  parts: Partial<AwsRequest<unknown, Body>> & { body: Body },
): AwsRequest<unknown, Body> {
  return { service, action: "Test", method: "POST", path: "/", query: {}, headers: {}, parse: fail, ...parts };
}
const fail = () => Promise.reject(new Error("not parsed here"));

const posts = fc.record({
  service: fc.constantFrom("sqs", "sns", "sts") as fc.Arbitrary<Service>,
  body: fc.oneof(hard, fc.string({ unit: "binary" }), fc.constant("")),
  endpoint: fc.option(fc.constantFrom("http://localhost:9324", "https://vpce.example.org:8443/", "http://[::1]:1/"), {
    nil: undefined,
  }),
  headers: fc.constantFrom<Record<string, string>>(
    { "content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.SendMessage" },
    { "content-type": "application/x-www-form-urlencoded; charset=utf-8" },
    { "x-amz-meta": "  two  words ", "content-type": "text/plain" },
  ),
});

Deno.test("sign() gives AWS's own signer's signature to every JSON and form post", async () => {
  await fc.assert(
    fc.asyncProperty(posts, setting, async ({ service, endpoint, ...parts }, options) => {
      const unsigned = request(service, parts);
      const signed = await sign(unsigned, { ...options, endpoint });
      const expected = await authorizationByAws(unsigned, new URL(signed.url), options);
      assert.equal(signed.headers.get("authorization"), expected);
      assert.equal(signed.headers.get("x-amz-security-token"), options.credentials.sessionToken ?? null);
    }),
    { numRuns: 300 },
  );
});

Deno.test("sign() gives one signature with and without node:crypto", async () => {
  await fc.assert(
    fc.asyncProperty(posts, setting, async ({ service, endpoint, ...parts }, options) => {
      const unsigned = request(service, parts);
      const fast = await sign(unsigned, { ...options, endpoint });
      // A copy of the keys, so that no derived key is shared.
      const credentials = { ...options.credentials };
      const slow = await withoutNodeCrypto(() => sign(unsigned, { ...options, credentials, endpoint }));
      assert.deepEqual([...slow.headers], [...fast.headers]);
      assert.equal(slow.url, fast.url);
    }),
    { numRuns: 300 },
  );
});

Deno.test("sign() keeps using derived keys of one path in the other", async () => {
  const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG" };
  const options = { credentials, region: "eu-west-1", now: 1e12 };
  const unsigned = request("sqs", { body: "{}" });
  const slow = await withoutNodeCrypto(() => sign(unsigned, options));
  const fast = await sign(unsigned, options);
  const slowAgain = await withoutNodeCrypto(() => sign(unsigned, options));
  assert.equal(fast.headers.get("authorization"), slow.headers.get("authorization"));
  assert.equal(slowAgain.headers.get("authorization"), slow.headers.get("authorization"));
});

/** Keys that a URL can carry: one with a `.` or `..` segment can't be asked for with fetch at all. */
const key = wellFormed.filter((text) => text !== "" && !text.split("/").some((part) => /^\.\.?$/.test(part)));
const bytes = fc.uint8Array({ maxLength: 64 }).map((array) => new Uint8Array(array));

Deno.test("sign() remembers a few of the keys that it derives, however many days go by", async () => {
  const post = receiveMessage({ queueUrl: "https://sqs.eu-west-1.amazonaws.com/1/q" });
  const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" };
  const { set } = Map.prototype;
  let most = 0;
  Map.prototype.set = function (key, value) {
    set.call(this, key, value);
    if (value instanceof ArrayBuffer) most = Math.max(most, this.size);
    return this;
  };
  try {
    for (let day = 0; day < 200; day++) await sign(post, { credentials, now: day * 86_400_000 });
  } finally {
    Map.prototype.set = set;
  }
  assert.ok(most > 1 && most < 60, `${most} keys at a time`);
});

Deno.test("sign() gives AWS's own signer's signature to every S3 path, query and body", async () => {
  const query = fc.dictionary(wellFormed.filter((name) => name !== "" && name !== "__proto__"), wellFormed, {
    maxKeys: 4,
  });
  const endpoint = fc.option(fc.constantFrom("http://localhost:9000", "https://minio.example.org/store/"), {
    nil: undefined,
  });
  await fc.assert(
    fc.asyncProperty(
      key,
      query,
      bytes,
      fc.boolean(),
      endpoint,
      setting,
      async (key, query, body, hashed, at, options) => {
        const unsigned = request("s3", {
          method: "PUT",
          path: objectPath(key),
          query: { ...query },
          headers: {
            "content-type": "application/octet-stream",
            "x-amz-content-sha256": hashed ? createHash("sha256").update(body).digest("hex") : "UNSIGNED-PAYLOAD",
          },
          body,
          bucket: "bowl",
        });
        const signed = await sign(unsigned, { ...options, endpoint: at });
        const url = new URL(signed.url);
        assert.equal(signed.headers.get("authorization"), await authorizationByAws(unsigned, url, options));
        // What S3 reads on the wire is what was meant: a plus is a plus there.
        const prefix = at ? new URL(at).pathname.replace(/\/$/, "") + "/bowl/" : "/";
        assert.equal(decodeURIComponent(url.pathname), prefix + key);
        const pairs = url.search.slice(1).split("&").filter(Boolean).map((pair) =>
          pair.split("=").map(decodeURIComponent)
        );
        assert.deepEqual(Object.fromEntries(pairs), { ...query });
        assert.deepEqual(new Uint8Array(await signed.arrayBuffer()), body);
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("sign() refuses an S3 key that a URL would make another one", async () => {
  const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG" };
  for (const path of ["/a/../b", "/./a", "/a/%2e%2E/b", "/a b", "/a?b", "/a#b"]) {
    const unsigned = request("s3", { method: "GET", path, body: "", bucket: "bowl" });
    await assert.rejects(sign(unsigned, { credentials }), { code: "ERR_DASHI_CONFIG" }, path);
  }
});

Deno.test("sign() signs other services' paths at an endpoint with a path as AWS's own signer does", async () => {
  const path = fc.array(fc.constantFrom("a", "b%20c", "%2B", "", "é".normalize()), { maxLength: 5 })
    .map((parts) => new URL("http://x/" + parts.join("/")).pathname);
  await fc.assert(fc.asyncProperty(path, setting, async (path, options) => {
    const unsigned = request("sqs", { body: "{}" });
    const signed = await sign(unsigned, { ...options, endpoint: "https://gateway.example.org" + path });
    const url = new URL(signed.url);
    assert.equal(signed.headers.get("authorization"), await authorizationByAws(unsigned, url, options));
  }));
});

for (const vector of vectors) {
  Deno.test(`sign() passes AWS's vector ${vector.name}`, async () => {
    const { credentials, region, timestamp, body, method, path } = vector;
    const headers: Record<string, string> = {};
    for (const [name, value] of vector.headers) {
      if (name === "Host") continue;
      const lower = name.toLowerCase();
      // A value over several lines is read with a space in place of each fold.
      const line = value.trim().replace(/\s*\n\s*/g, " ");
      headers[lower] = lower in headers ? `${headers[lower]},${line}` : line;
    }
    if (vector.signBody) headers["x-amz-content-sha256"] = createHash("sha256").update(body).digest("hex");
    const unsigned: AwsRequest<unknown> = {
      ...request(vector.service as Service, { method, body, headers, path: new URL("https://x" + path).pathname }),
      query: Object.fromEntries(new URLSearchParams(vector.query)),
    };
    const options = {
      credentials,
      region,
      now: new Date(timestamp),
      endpoint: "https://example.amazonaws.com",
    };
    const signed = await sign(unsigned, options);
    assert.equal(signed.headers.get("authorization"), vector.authorization);
    const copy = { ...options, credentials: { ...credentials } };
    const slow = await withoutNodeCrypto(() => sign(unsigned, copy));
    assert.equal(slow.headers.get("authorization"), vector.authorization);
  });
}

Deno.test("sign() gives the request that was built: method, body, headers, no redirects, the signal", async () => {
  const controller = new AbortController();
  const unsigned = sendMessage({ queueUrl: "https://sqs.eu-west-1.amazonaws.com/1/jobs", messageBody: "é" });
  const signed = await sign(unsigned, {
    credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG" },
    now: new Date("2026-01-02T03:04:05.678Z"),
    signal: controller.signal,
  });
  assert.equal(signed.method, "POST");
  assert.equal(signed.url, "https://sqs.eu-west-1.amazonaws.com/");
  assert.equal(signed.redirect, "manual");
  assert.equal(signed.headers.get("x-amz-date"), "20260102T030405Z");
  assert.equal(signed.headers.get("x-amz-target"), "AmazonSQS.SendMessage");
  assert.match(signed.headers.get("authorization")!, /SignedHeaders=content-type;host;x-amz-date;x-amz-target,/);
  assert.equal(await signed.text(), unsigned.body);
  controller.abort();
  assert.equal(signed.signal.aborted, true);
});

Deno.test("sign() gives a receive its last signature again only where second, keys, region, endpoint and http are the same", async () => {
  const unsigned = receiveMessage({ queueUrl: "https://sqs.eu-west-1.amazonaws.com/1/jobs" });
  const keys = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG" };
  const now = Date.UTC(2026, 0, 2);
  const options = {
    credentials: keys,
    region: "eu-west-1",
    endpoint: "http://sqs.example.org",
    allowInsecure: true,
    now,
  };
  const proof = async (changed: Partial<SignOptions>) => {
    const { url, headers } = await sign(unsigned, { ...options, ...changed });
    return url + headers.get("authorization");
  };
  const others: Partial<SignOptions>[] = [
    { now: now + 1000 },
    { credentials: { ...keys, secretAccessKey: "another/secret" } },
    { region: "eu-west-2" },
    { endpoint: "http://sqs.example.com" },
  ];
  const first = await proof({});
  for (const changed of others) {
    assert.equal(await proof({ now: now + 999 }), first);
    assert.notEqual(await proof(changed), first);
    assert.equal(await proof({}), first);
  }
  await assert.rejects(proof({ allowInsecure: false }), { name: "ConfigError", message: /plain http/ });
  keys.accessKeyId = "AKIDROTATED"; // as SDKs do, in the same object
  assert.match(await proof({}), /AKIDROTATED/);
});

Deno.test("sign() takes keys from an object of a class, whichever way it signs", async () => {
  class Keys implements Credentials {
    get accessKeyId() {
      return "AKIDEXAMPLE";
    }
    get secretAccessKey() {
      return "wJalrXUtnFEMI/K7MDENG";
    }
    get sessionToken() {
      return "a-session-token";
    }
  }
  const plain = {
    accessKeyId: "AKIDEXAMPLE",
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG",
    sessionToken: "a-session-token",
  };
  for (const unsigned of [listQueues(), getObject({ bucket: "bowls", key: "udon" })]) {
    const [one, other] = await Promise.all(
      [new Keys(), plain].map((credentials) => sign(unsigned, { credentials, region: "eu-west-1", now: 0 })),
    );
    assert.equal(one.headers.get("authorization"), other.headers.get("authorization"));
    assert.equal(one.headers.get("x-amz-security-token"), "a-session-token");
  }
});

Deno.test("sign() refuses what is no pair of keys and no instant, and signs nothing with it", async () => {
  const unsigned = sendMessage({ queueUrl: "https://sqs.eu-west-1.amazonaws.com/1/jobs", messageBody: "x" });
  const keys = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG" };
  const wrong: Record<string, unknown> = {
    "credentials.accessKeyId": { credentials: () => Promise.resolve(keys) },
    "credentials.secretAccessKey": { credentials: { accessKeyId: "AKIDEXAMPLE" } },
    now: { credentials: keys, now: new Date("never") },
  };
  for (const [path, options] of Object.entries(wrong)) {
    const message = new RegExp(`^Cannot use '${path}' as `);
    await assert.rejects(sign(unsigned, options as SignOptions), { name: "ConfigError", message });
  }
  await assert.rejects(sign(unsigned, undefined as unknown as SignOptions), { name: "ConfigError" });
});

Deno.test("sign() refuses what is no request, such as a builder that was not called", async () => {
  const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG" };
  for (const request of [undefined, null, receiveMessage]) {
    const signed = sign(request as unknown as AwsRequest<unknown>, { credentials });
    await assert.rejects(signed, { name: "ConfigError", message: /'request'/ });
  }
});

Deno.test("sign() refuses an endpoint that is no URL, or one with keys in it", async () => {
  const request = sendMessage({ queueUrl: "https://sqs.eu-west-1.amazonaws.com/1/jobs", messageBody: "x" });
  const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" };
  // A URL object has no `sqs`: what was meant for it went to AWS.
  const object = new URL("http://localhost:4566") as unknown as Endpoints;
  for (const endpoint of ["localhost:4566", "https://user:pass@sqs.test", { sqs: "ftp://sqs.test" }, object]) {
    await assert.rejects(sign(request, { credentials, endpoint }), { name: "ConfigError", message: /'endpoint'/ });
  }
});

Deno.test("sign() refuses keys that no header can carry, and does not show them", async () => {
  const unsigned = sendMessage({ queueUrl: "https://sqs.eu-west-1.amazonaws.com/1/jobs", messageBody: "x" });
  for (const wrong of ["TOKENVALUE\n", "TOKEN VALUE", "TOKENVALUEé"]) {
    const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG", sessionToken: wrong };
    await assert.rejects(sign(unsigned, { credentials }), (error: Error) => {
      assert.ok(error instanceof CredentialsError);
      assert.doesNotMatch(error.stack!, /VALUE/);
      return true;
    });
  }
});
