import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { ConfigError } from "../../lib/errors.ts";
import { isPrivateHost, regionIn, resolveUrl } from "../../lib/http/endpoint.ts";
import { startMessageMoveTask } from "../../lib/sqs/start_message_move_task.ts";
import { getQueueUrl } from "../../lib/sqs/get_queue_url.ts";
import { purgeQueue } from "../../lib/sqs/purge_queue.ts";
import type { AwsRequest, Endpoints } from "../../lib/types.ts";

const at = (queueUrl: string) => purgeQueue({ queueUrl });
const fail = () => Promise.reject(new Error("not parsed here"));
const object = (bucket: string, path = "/key"): AwsRequest<unknown> => ({
  ...{ service: "s3", action: "GetObject", method: "GET", query: {}, headers: {}, body: "", parse: fail },
  bucket,
  path,
});
const resolve = (
  request: AwsRequest<unknown>,
  endpoint?: Endpoints,
  region = "eu-west-1",
  insecure?: boolean,
): string => resolveUrl(request, region, endpoint, insecure).href;

Deno.test("regionIn() reads the region of every form that SQS's queue URLs have had", () => {
  const regions: Record<string, string | undefined> = {
    "https://sqs.eu-west-1.amazonaws.com/1/jobs": "eu-west-1",
    "https://queue.amazonaws.com/1/jobs": "us-east-1",
    "https://eu-central-1.queue.amazonaws.com/1/jobs": "eu-central-1",
    "https://cn-north-1.queue.amazonaws.com.cn/1/jobs": "cn-north-1",
    "https://sqs.cn-northwest-1.amazonaws.com.cn/1/jobs": "cn-northwest-1",
    "https://sqs.us-gov-west-1.amazonaws.com/1/jobs": "us-gov-west-1",
    "https://sqs-fips.us-gov-east-1.amazonaws.com/1/jobs": "us-gov-east-1",
    "https://sqs.ap-southeast-2.api.aws/1/jobs": "ap-southeast-2",
    "https://sqs-fips.us-east-2.api.aws/1/jobs": "us-east-2",
    "https://vpce-0abc1-2de-us-east-1a.sqs.us-east-1.vpce.amazonaws.com/1/jobs": "us-east-1",
    "https://vpce-abc-def-1.sqs.eu-west-3.vpce.amazonaws.com/1/jobs": "eu-west-3",
    "https://sqs.us-iso-east-1.c2s.ic.gov/1/jobs": "us-iso-east-1",
    "https://sqs.eusc-de-east-1.amazonaws.eu/1/jobs": "eusc-de-east-1",
    "arn:aws:sqs:sa-east-1:1:jobs": "sa-east-1",
    "arn:aws:iam::1:role/jobs": undefined,
    "http://localhost:4566/000000000000/jobs": undefined,
    "https://sqs.us-west-2.localhost.localstack.cloud/1/jobs": undefined,
    "https://bucket.s3.eu-west-1.amazonaws.com/1/jobs": undefined,
    "jobs": undefined,
    "": undefined,
  };
  for (const [text, region] of Object.entries(regions)) assert.equal(regionIn(text), region, text);
  assert.equal(regionIn(undefined), undefined);
});

Deno.test("resolveUrl() goes to the host of AWS's queue URLs, and always with https", () => {
  for (
    const host of [
      "sqs.eu-west-1.amazonaws.com",
      "queue.amazonaws.com",
      "eu-west-1.queue.amazonaws.com",
      "sqs.cn-north-1.amazonaws.com.cn",
      "sqs-fips.us-gov-west-1.amazonaws.com",
      "sqs.eu-west-1.api.aws",
      "vpce-0a-1b.sqs.eu-west-1.vpce.amazonaws.com",
    ]
  ) {
    assert.equal(resolve(at(`https://${host}/123/jobs`)), `https://${host}/`);
    assert.equal(resolve(at(`http://${host}/123/jobs`)), `https://${host}/`);
  }
});

Deno.test("resolveUrl() goes to AWS's host of the region and partition where no queue is named", () => {
  const request = getQueueUrl({ queueName: "jobs" });
  const hosts = {
    "eu-west-1": "sqs.eu-west-1.amazonaws.com",
    "cn-north-1": "sqs.cn-north-1.amazonaws.com.cn",
    "us-gov-east-1": "sqs.us-gov-east-1.amazonaws.com",
    "eusc-de-east-1": "sqs.eusc-de-east-1.amazonaws.eu",
    "us-iso-west-1": "sqs.us-iso-west-1.c2s.ic.gov",
    "us-isob-east-1": "sqs.us-isob-east-1.sc2s.sgov.gov",
  };
  for (const [region, host] of Object.entries(hosts)) {
    assert.equal(resolve(request, undefined, region), `https://${host}/`);
    // An ARN names no host.
    const move = startMessageMoveTask({ sourceArn: `arn:aws:sqs:${region}:123456789012:dead` });
    assert.equal(resolve(move, undefined, region), `https://${host}/`);
  }
});

Deno.test("resolveUrl() lets a given endpoint win over every queue URL, its path included", () => {
  const request = at("https://sqs.us-east-1.amazonaws.com/1/jobs");
  assert.equal(resolve(request, "http://localhost:9324"), "http://localhost:9324/");
  for (const slashes of ["", "/", "//"]) {
    const endpoint = `https://gateway.example.org/aws/sqs${slashes}`;
    assert.equal(resolve(request, endpoint), "https://gateway.example.org/aws/sqs/");
  }
  assert.equal(resolve(request, { sqs: "http://sqs:9324", s3: "http://minio:9000" }), "http://sqs:9324/");
  assert.equal(resolve(request, { s3: "http://minio:9000" }), "https://sqs.us-east-1.amazonaws.com/");
  assert.equal(resolve(object("bowl"), { s3: "http://minio:9000/store/" }), "http://minio:9000/store/bowl/key");
});

Deno.test("resolveUrl() refuses a queue URL's host that is not AWS's, without an endpoint", () => {
  for (
    const url of [
      "https://evil.test.example/1/jobs",
      "https://sqs.eu-west-1.amazonaws.com.evil.example/1/jobs",
      "https://evilamazonaws.com/1/jobs",
      "https://ec2-1-2-3-4.eu-west-1.compute.amazonaws.com/1/jobs",
      "https://sqs.s3.amazonaws.com/1/jobs",
      "https://sqs.s3.eu-west-1.amazonaws.com/1/jobs",
      "https://abc.execute-api.eu-west-1.amazonaws.com/1/jobs",
      "https://sqs.eu-west-1.amazonaws.com@evil.example/1/jobs",
      "https://8.8.8.8/1/jobs",
      "ftp://sqs.eu-west-1.amazonaws.com/1/jobs",
      "jobs",
    ]
  ) {
    assert.throws(() => resolve(at(url)), ConfigError, url);
    assert.equal(resolve(at(url), "http://localhost:1"), "http://localhost:1/", url);
  }
  assert.throws(() => resolve(at("https://mq.example.org/1/jobs")), /set 'endpoint' to it/);
});

Deno.test("resolveUrl() takes emulators' queue URLs on this machine and in private networks as they are", () => {
  for (
    const origin of [
      "http://localhost:4566",
      "http://127.0.0.1:9324",
      "http://0.0.0.0:9324",
      "http://[::1]:9324",
      "http://192.168.1.4:9324",
      "http://172.17.0.2:9324",
      "http://10.0.0.1",
      "http://10.12.134.156",
      "http://[fd12:3456::1]:9324",
      "http://[fc00::1]",
      "http://[fe80::1]",
      "http://elasticmq:9324",
      "http://sqs.us-east-1.localhost:4566",
      "http://host.docker.internal:4566",
    ]
  ) assert.equal(resolve(at(`${origin}/000000000000/jobs`)), `${origin}/`);
});

Deno.test("resolveUrl() refuses plain http to a public host, unless told to allow it", () => {
  const request = getQueueUrl({ queueName: "jobs" });
  for (
    const endpoint of [
      "http://sqs.example.org",
      "http://8.8.8.8:9324",
      "http://172.32.0.1",
      "http://10.0.0.1.example.org",
      "http://100.0.0.0",
      "http://0.0.0.0.example.org",
      "http://[fa00::1]",
      "http://[2001:db8::fd00]",
      "http://x.internal.example.org",
    ]
  ) {
    assert.throws(() => resolve(request, endpoint), /plain http to a public host.*allowInsecure/);
    assert.equal(resolve(request, endpoint, "eu-west-1", true), `${endpoint}/`);
    assert.equal(isPrivateHost(new URL(endpoint).hostname), false);
  }
});

Deno.test("resolveUrl() refuses a region that would be another host", () => {
  const request = getQueueUrl({ queueName: "jobs" });
  for (const region of ["evil.example/", "eu-west-1.evil.example", "", "x@evil", "EU", "a#", "a?b", "a:1", "a\\b"]) {
    assert.throws(() => resolve(request, undefined, region), ConfigError, region);
  }
});

Deno.test("resolveUrl() puts a bucket into the host only where its name can be one", () => {
  assert.equal(resolve(object("bowl")), "https://bowl.s3.eu-west-1.amazonaws.com/key");
  assert.equal(resolve(object("my.bowl")), "https://s3.eu-west-1.amazonaws.com/my.bowl/key");
  assert.equal(resolve(object("Old_Bowl")), "https://s3.eu-west-1.amazonaws.com/Old_Bowl/key");
  assert.equal(resolve(object("bowl"), "http://localhost:9000"), "http://localhost:9000/bowl/key");
  assert.equal(
    resolve(object("bowl", "/a%20b/c%2Bd//e%25f/%C3%A9"), undefined, "cn-north-1"),
    "https://bowl.s3.cn-north-1.amazonaws.com.cn/a%20b/c%2Bd//e%25f/%C3%A9",
  );
  for (const bucket of ["..", ".", "a/../b", "evil.example/#", "a?b", "a b"]) {
    assert.throws(() => resolve(object(bucket)), ConfigError, bucket);
  }
});

Deno.test("resolveUrl() never lets a hostile queue URL, bucket or region choose a host that is not AWS's or private", () => {
  const text = fc.string({
    unit: fc.constantFrom(..."abz01.-_/\\@:#?% [", "sqs.", "eu-west-1", ".amazonaws.com"),
    maxLength: 12,
  });
  fc.assert(
    fc.property(text, text, text, (host, bucket, region) => {
      for (
        const [request, where] of [[at(`https://${host}/1/jobs`), "eu-west-1"], [object(bucket || "b"), "eu-west-1"], [
          getQueueUrl({ queueName: "jobs" }),
          region,
        ]] as const
      ) {
        let url: URL;
        try {
          url = resolveUrl(request, where);
        } catch (error) {
          assert.ok(error instanceof ConfigError);
          continue;
        }
        assert.ok(/\.amazonaws\.com$/.test(url.hostname) || isPrivateHost(url.hostname), url.href);
      }
    }),
    { numRuns: 2000 },
  );
});
