/** Whatever names another place, no signed request and no key goes there. */
import assert from "node:assert/strict";
import {
  bind,
  ConfigError,
  connect,
  type ConnectOptions,
  consume,
  CredentialsError,
  DashiError,
  declareExchange,
  get,
  PayloadForbiddenError,
  publish,
  queueSize,
  queueUrl,
  send,
} from "@dashi/sqs";
import { sendTask, serveTasks } from "@dashi/sqs/celery";
import { container, instanceMetadata } from "@dashi/sqs/credentials";
import { snsFanout } from "@dashi/sqs/fanout";
import { s3Payloads } from "@dashi/sqs/payloads";
import { receiveMessage } from "@dashi/sqs/sqs";
import { memorySqs } from "@dashi/sqs/testing";
import { withEnv } from "../support/with_env.ts";
import { assertHidden } from "./leaks.ts";

const KEYS = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "an-example-of-a-secret-key" };
const ok = (body: unknown) => new Response(JSON.stringify(body));

/** A broker of which every request is noted, and answered by `answer`. */
function watched(answer: (request: Request, body: string) => Response, more: ConnectOptions = {}) {
  const hosts: string[] = [];
  const requests: Request[] = [];
  const broker = connect({
    region: "eu-west-1",
    credentials: KEYS,
    random: () => 0,
    ...more,
    http: {
      ...more.http,
      async fetch(request) {
        requests.push(request);
        hosts.push(new URL(request.url).host);
        return answer(request, await request.text());
      },
    },
  });
  return { broker, hosts, requests };
}

const FOREIGN = [
  "https://evil.example/123456789012/jobs",
  "http://evil.example/123456789012/jobs",
  "https://sqs.eu-west-1.amazonaws.com.evil.example/1/jobs",
  "https://sqs.eu-west-1.amazonaws.com@evil.example/1/jobs",
  "https://evil.example#sqs.eu-west-1.amazonaws.com/1/jobs",
  "https://evil.example/https://sqs.eu-west-1.amazonaws.com/1/jobs",
  "https://evil.example\\@sqs.eu-west-1.amazonaws.com/1/jobs",
  "https://bucket.s3.eu-west-1.amazonaws.com/1/jobs",
  "https://ec2-1-2-3-4.eu-west-1.compute.amazonaws.com/1/jobs",
  "https://x.execute-api.eu-west-1.amazonaws.com/1/jobs",
  "https://xsqs.eu-west-1.amazonaws.com/1/jobs",
  "https://1.2.3.4/1/jobs",
  "https://[2001:db8::1]/1/jobs",
];

Deno.test("a queue URL that points elsewhere gets no signed request", async () => {
  for (const url of FOREIGN) {
    const { broker, hosts } = watched(() => ok({}));
    await assert.rejects(publish(broker, 1, { queue: url }), ConfigError, url);
    await assert.rejects(get(broker, url), ConfigError, url);
    await assert.rejects(queueSize(broker, url), ConfigError, url);
    await assert.rejects(send(broker, receiveMessage({ queueUrl: url })), ConfigError, url);
    const { broker: predefined, hosts: more } = watched(() => ok({}), {
      predefinedQueues: { jobs: { url: FOREIGN[0] } },
    });
    await assert.rejects(publish(predefined, 1, { queue: "jobs" }), ConfigError, url);
    assert.deepEqual([...hosts, ...more], [], url);
  }
});

Deno.test("a queue URL that SQS answers with and that points elsewhere gets no signed request", async () => {
  for (const url of FOREIGN) {
    const { broker, hosts } = watched((request) =>
      request.headers.get("x-amz-target")!.endsWith("GetQueueUrl") ? ok({ QueueUrl: url }) : ok({})
    );
    await assert.rejects(publish(broker, 1, { queue: "jobs" }), ConfigError, url);
    assert.deepEqual(new Set(hosts), new Set(["sqs.eu-west-1.amazonaws.com"]));
  }
});

Deno.test("with an endpoint every request goes there, whatever host a queue URL has", async () => {
  const { broker, hosts } = watched(() => ok({ MessageId: "m" }), { endpoint: "https://vpce.example" });
  for (const url of FOREIGN.filter((url) => !/[@\\]/.test(url) && URL.canParse(url) && !url.includes("#"))) {
    await publish(broker, 1, { queue: url });
  }
  assert.deepEqual(new Set(hosts), new Set(["vpce.example"]));
});

Deno.test("plain http to a public host is refused unless it is allowed", async () => {
  for (
    const endpoint of [
      "http://evil.example",
      "http://1.2.3.4:80",
      "http://sqs.eu-west-1.amazonaws.com",
      "http://10.evil.example",
    ]
  ) {
    const { broker, hosts } = watched(() => ok({ QueueUrl: "x" }), { endpoint });
    await assert.rejects(queueUrl(broker, "jobs"), ConfigError, endpoint);
    assert.deepEqual(hosts, []);
    const { broker: allowed, hosts: sent } = watched(() => ok({ QueueUrl: `${endpoint}/1/jobs` }), {
      endpoint,
      http: { allowInsecure: true },
    });
    await queueUrl(allowed, "jobs");
    assert.equal(sent.length, 1);
  }
  for (
    const endpoint of [
      "http://localhost:4566",
      "http://127.0.0.1:4566",
      "http://10.0.0.1",
      "http://elasticmq:9324",
      "http://[::1]:1",
    ]
  ) {
    const { broker, hosts } = watched(() => ok({ QueueUrl: `${endpoint}/1/jobs` }), { endpoint });
    await queueUrl(broker, "jobs");
    assert.equal(hosts.length, 1, endpoint);
  }
  // AWS's old queue URLs begin with http: they are asked over https.
  const { broker, requests } = watched(() => ok({ MessageId: "m" }));
  await publish(broker, 1, { queue: "http://sqs.eu-west-1.amazonaws.com/1/jobs" });
  assert.match(requests[0].url, /^https:\/\/sqs\.eu-west-1\.amazonaws\.com\//);
});

Deno.test("a redirect is an error, and nothing goes where it points", async () => {
  for (const status of [301, 302, 303, 307, 308]) {
    const { broker, hosts, requests } = watched(() =>
      new Response("", { status, headers: { location: "https://evil.example/" } })
    );
    await assert.rejects(queueUrl(broker, "jobs"), (error: DashiError) => /redirect/.test(error.message));
    assert.deepEqual(new Set(hosts), new Set(["sqs.eu-west-1.amazonaws.com"]));
    for (const { redirect } of requests) assert.equal(redirect, "manual");
  }
});

Deno.test("a redirect of a real server is not followed by the runtime either", async () => {
  let visited = 0;
  const evil = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, () => {
    visited++;
    return new Response("{}");
  });
  for (const status of [301, 302, 307, 308]) {
    const server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      () => new Response(null, { status, headers: { location: `http://127.0.0.1:${evil.addr.port}/` } }),
    );
    const broker = connect({
      region: "eu-west-1",
      endpoint: `http://127.0.0.1:${server.addr.port}`,
      credentials: KEYS,
      payloads: s3Payloads({ bucket: "letters", always: true }),
      fanout: snsFanout(),
    });
    await assert.rejects(queueUrl(broker, "jobs"), DashiError);
    await assert.rejects(publish(broker, 1, { queue: `http://127.0.0.1:${server.addr.port}/1/jobs` }), DashiError);
    await declareExchange(broker, "news", { type: "fanout" });
    await assert.rejects(publish(broker, 1, { exchange: "news" }), DashiError);
    await server.shutdown();
  }
  await evil.shutdown();
  assert.equal(visited, 0);
});

Deno.test("a user in a URL is refused, and its password is not shown", async () => {
  const password = "a-password-that-nobody-may-see";
  const urls = [`https://user:${password}@sqs.eu-west-1.amazonaws.com/1/jobs`, `https://:${password}@localhost/1/jobs`];
  for (const url of urls) {
    const { broker, hosts } = watched(() => ok({}));
    const attempts = [
      () => connect({ endpoint: url }),
      () => connect({ endpoint: { sqs: url } }),
      () => connect({ predefinedQueues: { jobs: { url } } }),
      () => publish(broker, 1, { queue: url }),
      () => get(broker, url),
      () => queueSize(broker, url),
      () => send(broker, receiveMessage({ queueUrl: url })),
      async () => await Array.fromAsync(consume(broker, url)),
    ];
    for (const attempt of attempts) {
      const error = await (async () => void await attempt())().then(() => undefined, (error) => error);
      assert.ok(error instanceof ConfigError, `${attempt}: ${error}`);
      assertHidden(error, [password], "the error");
    }
    assert.deepEqual(hosts, []);
  }
});

Deno.test("a payload pointer to another bucket, prefix or host is never followed", async () => {
  const sqs = memorySqs();
  sqs.createQueue("jobs");
  const pointer = (fields: object) => JSON.stringify(["software.amazon.payloadoffloading.PayloadS3Pointer", fields]);
  const bodies = [
    { s3BucketName: "other", s3Key: "in/a" },
    { s3BucketName: "letters.evil.example/", s3Key: "in/a" },
    { s3BucketName: "evil.example/letters", s3Key: "in/a" },
    { s3BucketName: "letters@evil.example", s3Key: "in/a" },
    { s3BucketName: "letters", s3Key: "out/a" },
    { s3BucketName: "letters", s3Key: "in/../out/a" },
    { s3BucketName: "letters", s3Key: "../letters/in/a" },
    { s3BucketName: "LETTERS", s3Key: "in/a" },
  ].map(pointer);
  const envelope = (Message: string) =>
    JSON.stringify({ Type: "Notification", TopicArn: "arn:aws:sns:eu-west-1:1:t", MessageId: "m", Message });
  for (const body of [...bodies, ...bodies.map(envelope)]) await sqs.sendMessage("jobs", body);
  const s3: string[] = [];
  const errors: Error[] = [];
  const broker = connect({
    ...sqs.connectOptions,
    payloads: s3Payloads({ bucket: "letters", prefix: "in/" }),
    onEvent: (event) => void (event.type === "drop" && errors.push(event.error!)),
    http: {
      fetch(request) {
        if (request.headers.has("x-amz-target")) return sqs.fetch(request);
        s3.push(request.url);
        return Promise.resolve(new Response("", { status: 404 }));
      },
    },
  });
  await sqs.clock.run(async () => {
    for await (const _ of consume(broker, "jobs", { untilEmpty: true, waitTimeSeconds: 0, prefetch: 0 })) assert.fail();
  });
  assert.deepEqual(s3, []);
  assert.equal(errors.length, 16);
  for (const error of errors) assert.ok(error instanceof PayloadForbiddenError, String(error));
  assert.equal(sqs.messages("jobs").length, 16, "they stay in the queue");
});

Deno.test("what an SNS envelope says of itself leads nowhere", async () => {
  const sqs = memorySqs();
  sqs.createQueue("jobs");
  await sqs.sendMessage(
    "jobs",
    JSON.stringify({
      Type: "Notification",
      TopicArn: "arn:aws:sns:evil.example/:1:t",
      MessageId: "m",
      Message: "hello",
      SigningCertURL: "https://evil.example/cert.pem",
      UnsubscribeURL: "https://evil.example/?Action=Unsubscribe",
      SubscribeURL: "https://evil.example/?Action=ConfirmSubscription",
    }),
  );
  const hosts = new Set<string>();
  const broker = connect({
    ...sqs.connectOptions,
    http: {
      fetch(request) {
        hosts.add(new URL(request.url).host);
        return sqs.fetch(request);
      },
    },
  });
  await sqs.clock.run(async () => {
    const delivery = await get(broker, "jobs");
    assert.equal(delivery?.body, "hello");
    await delivery!.ack();
  });
  assert.deepEqual([...hosts], ["sqs.us-east-1.amazonaws.com"]);
});

Deno.test("a topic ARN that names another host gets no signed request", async () => {
  for (const arn of ["arn:aws:sns:evil.example/:123456789012:news", "arn:aws:sns:evil.example#:123456789012:news"]) {
    assert.throws(() => snsFanout({ topics: { news: { arn } } }), ConfigError);
    // One that SNS itself answers with.
    const { broker, hosts } = watched(
      () =>
        new Response(
          `<CreateTopicResponse><CreateTopicResult><TopicArn>${arn}</TopicArn></CreateTopicResult></CreateTopicResponse>`,
        ),
      { fanout: snsFanout() },
    );
    await declareExchange(broker, "news", { type: "fanout" });
    await assert.rejects(publish(broker, 1, { exchange: "news" }), DashiError);
    await assert.rejects(bind(broker, "https://sqs.eu-west-1.amazonaws.com/1/jobs", { exchange: "news" }), DashiError);
    assert.ok(hosts.every((host) => host.endsWith(".eu-west-1.amazonaws.com")), String(hosts));
  }
});

Deno.test("a metadata endpoint that points elsewhere is told no token and gives no keys", async () => {
  const evil = [
    "http://evil.example/keys",
    "http://169.254.170.2.evil.example/keys",
    "http://169.254.170.2@evil.example/keys",
    "http://127.0.0.1.evil.example/keys",
    "http://10.0.0.1/keys",
    "file:///etc/passwd",
    "//evil.example/keys",
  ];
  for (const url of evil) {
    await withEnv({ AWS_CONTAINER_CREDENTIALS_FULL_URI: url, AWS_CONTAINER_AUTHORIZATION_TOKEN: "token" }, async () => {
      const { broker, hosts } = watched(() => ok({}), { credentials: container() });
      await assert.rejects(queueUrl(broker, "jobs"), CredentialsError, url);
      assert.deepEqual(hosts, [], url);
    });
  }
  for (const path of ["@evil.example/keys", ".evil.example/keys", "//evil.example/keys", "\\\\evil.example"]) {
    await withEnv({ AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: path }, async () => {
      const { broker, hosts } = watched(() => ok({}), { credentials: container() });
      await assert.rejects(queueUrl(broker, "jobs"), DashiError, path);
      assert.ok(hosts.every((host) => host === "169.254.170.2"), `${path}: ${hosts}`);
    });
  }
  await withEnv({ AWS_EC2_METADATA_SERVICE_ENDPOINT: "http://evil.example" }, async () => {
    const { broker, hosts } = watched(() => ok({}), { credentials: instanceMetadata() });
    await assert.rejects(queueUrl(broker, "jobs"), DashiError);
    assert.ok(!hosts.includes("evil.example"), String(hosts));
  });
});

Deno.test("a metadata service that redirects is not followed, with its token or without", async () => {
  await withEnv({
    AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://127.0.0.1:1/keys",
    AWS_CONTAINER_AUTHORIZATION_TOKEN: "token",
  }, async () => {
    for (const credentials of [container(), instanceMetadata()]) {
      const { broker, requests, hosts } = watched(
        () => new Response("", { status: 302, headers: { location: "http://evil.example/" } }),
        { credentials },
      );
      await assert.rejects(queueUrl(broker, "jobs"), CredentialsError);
      for (const { redirect } of requests) assert.equal(redirect, "manual");
      assert.ok(!hosts.includes("evil.example"));
    }
  });
});

Deno.test("a Celery message that names a queue by URL makes no request there", async () => {
  const sqs = memorySqs();
  sqs.createQueue("celery");
  const hosts = new Set<string>();
  const broker = connect({
    ...sqs.connectOptions,
    createMissing: true,
    http: {
      fetch(request) {
        hosts.add(new URL(request.url).host);
        return sqs.fetch(request);
      },
    },
  });
  const evil = "https://sqs.eu-west-1.amazonaws.com/666666666666/evil";
  const link = (options: object) => ({
    task: "app.next",
    args: [],
    kwargs: {},
    options,
    subtask_type: null,
    immutable: false,
  });
  const embeds = [
    { callbacks: [link({ queue: evil })] },
    { callbacks: [link({ routing_key: evil })] },
    { callbacks: [link({ exchange: "", routing_key: evil })] },
    { callbacks: [link({ reply_to: evil, queue: "celery2" })] },
    { errbacks: [link({ queue: evil })] },
    { chain: [link({ queue: evil })] },
  ];
  for (const [index, embed] of embeds.entries()) {
    const body = [[], {}, { callbacks: null, errbacks: null, chain: null, chord: null, ...embed }];
    const envelope = {
      body: btoa(JSON.stringify(body)),
      "content-type": "application/json",
      "content-encoding": "utf-8",
      headers: { task: index === 4 ? "app.bad" : "app.good", id: `${index}` },
      properties: { body_encoding: "base64", reply_to: evil, correlation_id: `${index}` },
    };
    await sqs.sendMessage("celery", btoa(JSON.stringify(envelope)));
  }
  await sqs.clock.run(async () => {
    const worker = serveTasks(broker, {
      "app.good": () => 1,
      "app.bad": () => {
        throw new Error("bad");
      },
    }, { queues: ["celery"] });
    await sqs.clock.sleep(60);
    await worker.stop();
  });
  assert.deepEqual([...hosts], ["sqs.us-east-1.amazonaws.com"]);
  const queues = sqs.requests.list.map(({ input }) => String(input.QueueUrl ?? input.QueueName));
  assert.ok(queues.every((queue) => !queue.includes("evil")), String(new Set(queues)));
  // The user's own code may name one.
  await sqs.clock.run(() => sendTask(broker, "app.good", { args: [], queue: "celery" }));
});

Deno.test("a Celery message does not choose where in the bucket its callbacks' payload is stored", async () => {
  const sqs = memorySqs();
  sqs.createQueue("celery");
  const stored: string[] = [];
  const broker = connect({
    ...sqs.connectOptions,
    payloads: s3Payloads({ bucket: "letters", threshold: 0 }),
    http: {
      async fetch(request) {
        if (request.headers.has("x-amz-target")) return await sqs.fetch(request);
        // The model's clock must learn that the request is not for it.
        await sqs.fetch(new Request(request.url, { signal: AbortSignal.abort() })).catch(() => {});
        stored.push(new URL(request.url).pathname);
        return new Response();
      },
    },
  });
  const message_attributes = { S3Key: { DataType: "String", StringValue: "somebody/elses" } };
  const callback = { task: "app.next", args: [], kwargs: {}, options: { message_attributes } };
  const envelope = {
    body: btoa(JSON.stringify([[], {}, { callbacks: [callback] }])),
    "content-type": "application/json",
    "content-encoding": "utf-8",
    headers: { task: "app.good", id: "1" },
    properties: { body_encoding: "base64" },
  };
  await sqs.sendMessage("celery", btoa(JSON.stringify(envelope)));
  await sqs.clock.run(() => serveTasks(broker, { "app.good": () => 1 }, { maxMessages: 1 }).closed);
  assert.equal(stored.length, 1);
  assert.ok(!stored[0].includes("elses"), stored[0]);
});
