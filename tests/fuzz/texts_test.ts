/** Pointers, receipts, policies, ARNs, URLs, dates, base64, profiles and configurations. */
import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { canonicalName, connect, entityName, route, topology } from "@dashi/sqs";
import { fromCelery } from "@dashi/sqs/config";
import { embedReceiptHandle, parseReceiptHandle } from "@dashi/sqs/payloads";
import { fromBase64, textFromBase64 } from "../../lib/codec/base64.ts";
import { looksLikePointer } from "../../lib/codec/looks_like_pointer.ts";
import { readProfiles } from "../../lib/credentials/ini.ts";
import { keysIn } from "../../lib/credentials/metadata.ts";
import { allowedTopics, allowTopic, disallowTopic } from "../../lib/fanout/queue_policy.ts";
import { isPrivateHost, regionIn, resolveUrl } from "../../lib/http/endpoint.ts";
import { readXml } from "../../lib/http/xml.ts";
import { parsePointer } from "../../lib/payloads/pointer.ts";
import { receiveMessage } from "../../lib/sqs/receive_message.ts";
import { readIsoDate } from "../../lib/celery/iso_date.ts";
import { givenAddress } from "../../lib/topology/queue_address.ts";
import { mutated, mutatedJson, settings, survives, text, value } from "./hostile.ts";

const syntax = (error: unknown) => error instanceof SyntaxError;
const TOPIC = "arn:aws:sns:eu-west-1:123456789012:news";
const QUEUE = "arn:aws:sqs:eu-west-1:123456789012:jobs";

Deno.test("a payload pointer is read, or refused with a typed error", async () => {
  const pointer = '["software.amazon.payloadoffloading.PayloadS3Pointer",{"s3BucketName":"letters","s3Key":"a/b"}]';
  const sizes = fc.dictionary(fc.constantFrom("ExtendedPayloadSize", "S3Key", "__proto__"), text);
  const inputs = fc.oneof(
    mutated(pointer),
    mutatedJson(JSON.parse(pointer)).map((value) => JSON.stringify(value)),
    text,
  );
  await fc.assert(
    fc.asyncProperty(inputs, sizes, async (body, attributes) => {
      looksLikePointer(body ?? "");
      const read = await survives(() => parsePointer(body ?? "", attributes)) as { size?: number } | undefined;
      if (read?.size !== undefined) assert.ok(Number.isSafeInteger(read.size) && read.size >= 0);
    }),
    settings,
  );
});

Deno.test("a receipt handle gives back what was put into it, and any other text is one", async () => {
  const marks = fc.constantFrom("-..s3BucketName..-", "-..s3Key..-", "-..");
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(text, marks), { maxLength: 6 }).map((parts) => parts.join("")),
      async (handle) => {
        await survives(() => parseReceiptHandle(handle), () => false);
      },
    ),
    settings,
  );
  await fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string({ minLength: 1 }), marks), { minLength: 1 }).map((parts) => parts.join("")),
      (key) => {
        const location = { bucket: "letters", key };
        assert.deepEqual(parseReceiptHandle(embedReceiptHandle("AQEB+/=", location)), {
          receiptHandle: "AQEB+/=",
          location,
        });
      },
    ),
    settings,
  );
});

Deno.test("a queue policy keeps all of its statements but ours, or is refused", async () => {
  const policy = {
    Version: "2012-10-17",
    Statement: [{ Sid: "KombuManaged", Effect: "Allow", Action: ["SQS:SendMessage"], Resource: QUEUE }, { Sid: 1 }],
  };
  const inputs = fc.oneof(
    mutatedJson(policy).map((value) => JSON.stringify(value) ?? ""),
    mutated(JSON.stringify(policy)),
    text,
  );
  await fc.assert(
    fc.asyncProperty(inputs, async (text) => {
      const allowed = await survives(() => allowTopic(text, TOPIC, QUEUE), syntax) as string | undefined;
      await survives(() => allowedTopics(text), syntax);
      await survives(() => disallowTopic(text, TOPIC), syntax);
      if (!allowed || !text) return;
      const before = JSON.parse(text);
      const after = JSON.parse(allowed);
      assert.equal(after.Statement.length, [before.Statement ?? []].flat().length + 1);
      const { Statement: _one, ...rest } = before;
      const { Statement: _two, ...kept } = after;
      assert.deepEqual(kept, rest);
      assert.equal(allowTopic(allowed, TOPIC, QUEUE), undefined, "it is there already");
    }),
    settings,
  );
});

Deno.test("no queue URL, region or path makes a signed request go anywhere but to AWS or a private host", async () => {
  const urls = fc.oneof(
    mutated(
      "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs",
      "https://queue.amazonaws.com/1/jobs",
      "https://user:pass@sqs.eu-west-1.amazonaws.com/1/jobs",
      "http://127.0.0.1:4566/000000000000/jobs",
      "https://sqs.eu-west-1.amazonaws.com.evil.example/1/jobs",
      "https://evil.example/sqs.eu-west-1.amazonaws.com/jobs",
      "http://0x7f000001/1/jobs",
      "arn:aws:sqs:eu-west-1.evil.example/:1:jobs",
    ),
    fc.webUrl({ withFragments: true, withQueryParameters: true }),
    text,
  );
  const regions = fc.oneof(fc.constantFrom("eu-west-1", "cn-north-1", "us-isob-east-1"), text);
  await fc.assert(
    fc.asyncProperty(urls, regions, async (queueUrl, region) => {
      await survives(() => givenAddress(queueUrl));
      regionIn(queueUrl);
      const request = { ...receiveMessage({ queueUrl: "x" }), target: queueUrl || undefined };
      const url = await survives(() => resolveUrl(request, region).href) as string | undefined;
      if (!url) return;
      const { hostname, username, password, protocol } = new URL(url);
      assert.equal(username + password, "");
      assert.ok(
        protocol === "https:" &&
            /(?:^|\.)(?:amazonaws\.(?:com(?:\.cn)?|eu)|api\.aws|c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov|amazonwebservices\.(?:com\.cn|eu))$/
              .test(hostname) ||
          isPrivateHost(hostname),
        `${queueUrl} leads to ${url}`,
      );
    }),
    settings,
  );
});

Deno.test("queue names and exchanges of any text are translated or refused", async () => {
  const broker = connect({ queueNamePrefix: "x." });
  await fc.assert(
    fc.asyncProperty(text, text, async (name, key) => {
      await survives(() => entityName(name));
      await survives(() => canonicalName(broker, name));
      const data = {
        exchanges: { [name]: { type: "topic" } },
        bindings: [{ exchange: name, queue: "q", routingKey: key }],
      };
      await survives(() => route(JSON.parse(JSON.stringify(data)), name, key));
      await survives(() => topology(connect({ topology: data as never })));
    }),
    settings,
  );
});

Deno.test("dates are instants or typed errors", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(mutated("2030-01-02T03:04:05.123456+01:30", "20300102T030405Z"), text, value),
      async (at) => {
        const read = await survives(() => readIsoDate("eta", at)) as Date | undefined;
        if (read) assert.ok(!Number.isNaN(+read));
      },
    ),
    settings,
  );
});

Deno.test("base64 is bytes or a SyntaxError, and text only where it is canonical", async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(mutated("aGVsbG8=", "aGVsbG8gd29ybGQ="), text), async (input) => {
      await survives(() => fromBase64(input), () => true);
      const read = await survives(() => textFromBase64(input), () => false);
      if (read !== undefined) {
        assert.equal(btoa(String.fromCharCode(...new TextEncoder().encode(read as string))), input);
      }
    }),
    settings,
  );
});

Deno.test("XML is a record without a prototype, or a SyntaxError", async () => {
  const sample = '<?xml version="1.0"?><A xmlns="u"><B>1 &amp; 2</B><B><![CDATA[<x>]]></B><C/></A>';
  const names = fc.constantFrom(
    "<__proto__>",
    "</__proto__>",
    "<constructor/>",
    "<toString>x</toString>",
    "<!DOCTYPE x [",
    "<!ENTITY a 'b'>",
    "&#x0;",
    "&#55296;",
    "&a;",
  );
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(mutated(sample), fc.array(fc.oneof(names, text)).map((parts) => parts.join(""))),
      async (xml) => {
        await survives(() => readXml(xml), syntax);
      },
    ),
    settings,
  );
});

Deno.test("profiles and metadata answers hold keys or typed errors", async () => {
  const ini = "[default]\naws_access_key_id = AKID\n[profile x]\ns3 =\n  a = b\n[__proto__]\npolluted = 1\n";
  const keys = { AccessKeyId: "AKID", SecretAccessKey: "s", Token: "t", Expiration: "2030-01-01T00:00:00Z" };
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(mutated(ini), text),
      fc.oneof(mutatedJson(keys).map((value) => JSON.stringify(value) ?? ""), mutated(JSON.stringify(keys)), text),
      async (ini, json) => {
        await survives(() => readProfiles(ini), () => false);
        const read = await survives(() => keysIn(json, "a test")) as { expiration?: Date } | undefined;
        if (read?.expiration) assert.ok(!Number.isNaN(+read.expiration));
      },
    ),
    settings,
  );
});

Deno.test("fromCelery() takes any URL and options, or says with a ConfigError what is wrong", async () => {
  const options = {
    region: "eu-west-1",
    visibility_timeout: "1800",
    wait_time_seconds: 10,
    queue_name_prefix: "x-",
    predefined_queues: {
      orders: { url: "https://sqs.eu-west-1.amazonaws.com/1/orders", access_key_id: "a", secret_access_key: "b" },
    },
    "sqs-creation-attributes": { KmsMasterKeyId: "k" },
    queue_tags: { a: "b" },
    "client-config": { connect_timeout: 1 },
    fetch_message_attributes: ["All"],
    sts_role_arn: "arn:aws:iam::123456789012:role/r",
  };
  const urls = fc.oneof(
    mutated("sqs://AKID:se%2Fcret@localhost:4566", "sqs://", "sqs://a:b@sqs.eu-west-1.amazonaws.com"),
    text,
  );
  await fc.assert(
    fc.asyncProperty(urls, mutatedJson(options), async (url, options) => {
      await survives(async () => {
        connect(fromCelery(url, options as never));
        return await Promise.resolve(undefined);
      });
    }),
    settings,
  );
});
