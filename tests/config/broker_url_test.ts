import assert from "node:assert/strict";
import { inspect } from "node:util";
import fc from "../support/fast_check.ts";
import { fromCelery } from "../../lib/config/mod.ts";
import { ConfigError } from "../../lib/errors.ts";
import type { CredentialContext, CredentialProvider } from "../../lib/types.ts";
import { withEnv } from "../support/with_env.ts";

const keys = async (url: string) => {
  const { accessKeyId, secretAccessKey } = await (fromCelery(url).credentials as CredentialProvider)(
    {} as CredentialContext,
  );
  return [accessKeyId, secretAccessKey];
};

Deno.test("the URL's keys are percent-decoded, as in kombu", async () => {
  assert.deepEqual(await keys("sqs://AKID:s%2Fe%2Bc%3A%40@"), ["AKID", "s/e+c:@"]);
  assert.deepEqual(await keys("sqs://a:b+c@h"), ["a", "b+c"]);
  assert.deepEqual(await keys("sqs://a:b:c@h"), ["a", "b:c"]);
  assert.deepEqual(await keys("sqs://a:b\n@"), ["a", "b"]);
  assert.deepEqual(await keys("sqs://a:b@c@h"), ["a", "b@c"]);
  assert.deepEqual(await keys("sqs://a:b%zz@"), ["a", "b%zz"]);
  assert.deepEqual(await keys("SQS://%41:%C3%A9@"), ["A", "é"]);
});

Deno.test("any keys that are encoded come out as they were", async () => {
  const text = fc.string({ minLength: 1, unit: "grapheme" });
  await fc.assert(fc.asyncProperty(text, text, async (key, secret) => {
    const encoded = [key, secret].map(encodeURIComponent).join(":");
    assert.deepEqual(await keys(`sqs://${encoded}@localhost`), [key, secret]);
  }));
});

Deno.test("a URL without keys is the default chain", async () => {
  await withEnv({ AWS_ACCESS_KEY_ID: "AKIDCHAIN", AWS_SECRET_ACCESS_KEY: "chain-secret" }, async () => {
    for (const url of ["sqs://", "sqs://@", "sqs://:@localhost", "sqs://localhost"]) {
      assert.deepEqual(await keys(url), ["AKIDCHAIN", "chain-secret"], url);
    }
  });
});

Deno.test("the URL's host and port are the endpoint of every service, and AWS's hosts that of SQS, over https", () => {
  const told = [
    ["sqs://", undefined],
    ["sqs://a:b@", undefined],
    ["sqs://localhost", "http://localhost"],
    ["sqs://LocalHost:9324//", "http://localhost:9324"],
    ["sqs://a:b@[::1]:9324/vhost", "http://[::1]:9324"],
    ["sqs://a:b@h:", "http://h"],
    ["sqs://a:b@h:0", "http://h"],
    ["sqs://%68ost", "http://host"],
    ["sqs://a:b@localhost:9324\r\n", "http://localhost:9324"], // as a file of secrets may end
    ["sqs://sqs.eu-west-1.amazonaws.com", { sqs: "https://sqs.eu-west-1.amazonaws.com" }],
    ["sqs://sqs.cn-north-1.amazonaws.com.cn", { sqs: "https://sqs.cn-north-1.amazonaws.com.cn" }],
    ["sqs://vpce-1-a.sqs.us-gov-west-1.vpce.amazonaws.com:443", {
      sqs: "https://vpce-1-a.sqs.us-gov-west-1.vpce.amazonaws.com:443",
    }],
    ["sqs://sqs.us-east-1.api.aws", { sqs: "https://sqs.us-east-1.api.aws" }],
    ["sqs://sqs.cn-north-1.api.amazonwebservices.com.cn", {
      sqs: "https://sqs.cn-north-1.api.amazonwebservices.com.cn",
    }],
    ["sqs://sqs.eu-isoe-west-1.cloud.adc-e.uk:443", { sqs: "https://sqs.eu-isoe-west-1.cloud.adc-e.uk:443" }],
    ["sqs://sqs.us-isof-south-1.csp.hci.ic.gov", { sqs: "https://sqs.us-isof-south-1.csp.hci.ic.gov" }],
    ["sqs://notamazonaws.com", "http://notamazonaws.com"],
  ] as const;
  for (const [url, endpoint] of told) assert.deepEqual(fromCelery(url).endpoint, endpoint, url);
});

Deno.test("AWS's host names the region, unless an option does", () => {
  assert.equal(fromCelery("sqs://sqs.eu-west-1.amazonaws.com").region, "eu-west-1");
  assert.equal(fromCelery("sqs://vpce-1-a.sqs.us-gov-west-1.vpce.amazonaws.com").region, "us-gov-west-1");
  assert.equal(fromCelery("sqs://sqs.eu-west-1.amazonaws.com", { region: "eu-west-2" }).region, "eu-west-2");
  assert.equal(fromCelery("sqs://localhost").region, undefined);
});

Deno.test("a URL that can't be read is a ConfigError that says why and never shows it", () => {
  const wrong: [RegExp, unknown[]][] = [
    [/must be text like/, ["", "redis://user:hidden@h", "sqs:", "sqs:/user:hidden@h", "AKID:hidden@", null, 7]],
    [/must be percent-encoded/, ["sqs://AKID:hid/den@", "sqs://AKID:hid?den@", "sqs://AKID:hid#den@"]],
    [/it has a query/, ["sqs://AKID:hidden@h?region=x"]],
    [/secret access key is missing/, ["sqs://AKIDhidden@"]],
    [/access key id is missing/, ["sqs://:hidden@"]],
    [/not HOST or HOST:PORT/, [":99999", ":port", "o st", "o%2Fst"].map((end) => `sqs://a:hidden@h${end}`)],
    [/it is a list/, ["sqs://a:hidden@b;sqs://c:hidden@d"]],
  ];
  for (const [why, urls] of wrong) {
    for (const url of urls) {
      assert.throws(() => fromCelery(url as string), (error: Error) => {
        assert.ok(error instanceof ConfigError, `${url}: ${error}`);
        assert.match(error.message, why);
        assert.doesNotMatch(inspect(error), /hid(?:den)?\b|AKID/, String(url));
        return true;
      }, String(url));
    }
  }
});

Deno.test("no text makes fromCelery() fail other than with a typed error, or for long", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map((rest) => `sqs://${rest}`),
        fc.string({ unit: "binary" }),
      ),
      (url) => {
        try {
          fromCelery(url);
        } catch (error) {
          assert.ok(error instanceof ConfigError, String(error));
        }
      },
    ),
  );
  assert.throws(() => fromCelery(`sqs://${"a:".repeat(500_000)}/@`), ConfigError);
});

Deno.test("printing the options shows no secret", () => {
  const options = fromCelery("sqs://AKIDURL:url-hidden@", {
    predefined_queues: {
      a: {
        url: "https://h.test/1/a",
        access_key_id: "AKIDA",
        secret_access_key: "a-hidden",
        session_token: "t-hidden",
      },
    },
  });
  for (
    const text of [inspect(options, { depth: 9, showHidden: true }), JSON.stringify(options), Deno.inspect(options)]
  ) {
    assert.doesNotMatch(text, /hidden|AKID/);
  }
});
