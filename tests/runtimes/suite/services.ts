import { equal, ok, rejects, setUp, type Suite } from "./support.ts";

/** S3, SNS and STS beside SQS. */
export const services: Suite = {
  "large payloads go through S3 and are removed after the ack": async (context) => {
    const { library: { payloads, s3, sqs } } = context;
    const bucket = context.unique("bucket");
    const store = payloads.s3Payloads({ bucket, threshold: 1000 });
    const { broker, queue } = await setUp(context, { payloads: store });
    await createBucket(context.endpoint, bucket);
    const body = "dashi ".repeat(10_000);
    const { payload } = await sqs.publish(broker, body, { queue });
    ok(payload && payload.size! > 60_000, "nothing was stored");
    const deliveries = sqs.consume(broker, queue, { maxMessages: 1 });
    for await (const delivery of deliveries) {
      equal(delivery.body === body, true);
      await delivery.ack();
    }
    await deliveries.closed;
    await rejects(() => sqs.send(broker, s3.getObject(payload)), "AwsError");
  },

  "a stream goes up in parts and comes down as a stream": async (context) => {
    const { library: { payloads, sqs } } = context;
    const bucket = context.unique("bucket");
    const store = payloads.s3Payloads({ bucket });
    const { broker, queue } = await setUp(context, { payloads: store });
    await createBucket(context.endpoint, bucket);
    const chunk = new Uint8Array(2 ** 20).fill(7);
    let chunks = 6;
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (chunks-- > 0) controller.enqueue(chunk);
        else controller.close();
      },
    });
    await sqs.publish(broker, stream, { queue });
    for await (const delivery of sqs.consume(broker, queue, { maxMessages: 1, payloads: "lazy" })) {
      let size = 0;
      const reader = delivery.stream().getReader();
      for (let read = await reader.read(); !read.done; read = await reader.read()) size += read.value.length;
      equal(size, 6 * 2 ** 20);
      await delivery.ack();
    }
  },

  "a fanout exchange reaches every queue": async (context) => {
    const { library: { fanout, sqs } } = context;
    const { broker, queue } = await setUp(context, { fanout: fanout.snsFanout() });
    const second = context.unique("second");
    await sqs.declareQueue(broker, second);
    const exchange = context.unique("news");
    await sqs.declareExchange(broker, exchange, { type: "fanout" });
    for (const name of [queue, second]) await sqs.bind(broker, name, { exchange });
    await sqs.publish(broker, { soup: "ready" }, { exchange });
    for (const name of [queue, second]) {
      for await (const delivery of sqs.consume(broker, name, { maxMessages: 1 })) {
        equal(delivery.body, { soup: "ready" });
        await delivery.ack();
      }
    }
    await sqs.deleteExchange(broker, exchange);
  },

  "a role is assumed once for all": async (context) => {
    const { library: { credentials, sqs } } = context;
    const { queue } = await setUp(context);
    let assumed = 0;
    const used = new Set<string | undefined>();
    const broker = sqs.connect({
      ...context.connectOptions,
      credentials: credentials.assumeRole({
        arn: "arn:aws:iam::123456789012:role/cook",
        credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "a-secret-of-the-suite" },
      }),
      http: {
        async fetch(request) {
          const scope = /Credential=(\w+)\/\d+\/[^/]+\/(\w+)\//.exec(request.headers.get("authorization") ?? "");
          if (scope?.[2] !== "sts") {
            used.add(scope?.[1]);
            return await fetch(request);
          }
          assumed++;
          ok((await request.text()).includes("RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fcook"));
          return new Response(ASSUMED.replace("WHEN", new Date(Date.now() + 3600_000).toISOString()));
        },
      },
    });
    const messages = Array.from({ length: 3 }, () => sqs.publish(broker, "a", { queue }));
    await Promise.all(messages);
    await sqs.publish(broker, "a", { queue });
    // Where one invocation must not wait for another's promise, each of the first has assumed it.
    equal([...used], ["ASIAEXAMPLE"]);
    equal(assumed === (globalThis.navigator?.userAgent === "Cloudflare-Workers" ? 3 : 1), true);
  },

  "fromCelery() takes kombu's options": async (context) => {
    const { library: { config, sqs } } = context;
    const { queue } = await setUp(context);
    const { host, protocol } = new URL(context.endpoint);
    const options = config.fromCelery(`sqs://AKIDEXAMPLE:secret@${host}`, {
      region: "us-east-1",
      is_secure: protocol === "https:",
      wait_time_seconds: 1,
    });
    const broker = sqs.connect(options);
    await sqs.publish(broker, [[], {}, {}], { queue });
    const delivery = await sqs.get(broker, queue);
    equal(delivery?.body, [[], {}, {}]);
    await delivery?.ack();
  },
};

async function createBucket(endpoint: string, bucket: string): Promise<void> {
  const response = await fetch(`${endpoint}/${bucket}`, { method: "PUT" });
  ok(response.ok, `the bucket was refused with ${response.status}`);
  await response.body?.cancel();
}

const ASSUMED = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<AssumedRoleUser><AssumedRoleId>AROAEXAMPLE:dashi</AssumedRoleId>
<Arn>arn:aws:sts::123456789012:assumed-role/cook/dashi</Arn></AssumedRoleUser>
<Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>another&#x2F;secret</SecretAccessKey>
<SessionToken>a-token</SessionToken><Expiration>WHEN</Expiration></Credentials>
</AssumeRoleResult></AssumeRoleResponse>`;
