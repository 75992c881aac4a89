import { equal, ok, setUp, type Suite } from "./support.ts";

const SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/** Signatures, and what must not be seen of them. */
export const signing: Suite = {
  "sign() gives one signature in every runtime": async ({ library: { requests, sqs } }) => {
    const request = requests.receiveMessage({ queueUrl: "https://sqs.eu-west-1.amazonaws.com/1/jobs" });
    const signed = await sqs.sign(request, {
      region: "eu-west-1",
      credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: SECRET, sessionToken: "a-token" },
      now: Date.UTC(2030, 0, 1),
    });
    equal(signed.method, "POST");
    equal(signed.headers.get("x-amz-date"), "20300101T000000Z");
    equal(signed.headers.get("authorization")?.slice(-64), SIGNATURE);
  },

  "sign() signs S3's paths and bytes": async ({ library: { s3, sqs } }) => {
    const request = s3.putObject({ bucket: "letters", key: "a b/ü+", body: new Uint8Array([1, 2, 3]) });
    const signed = await sqs.sign(request, {
      region: "eu-west-1",
      credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: SECRET },
      now: Date.UTC(2030, 0, 1),
    });
    equal(signed.url, "https://letters.s3.eu-west-1.amazonaws.com/a%20b/%C3%BC%2B");
    equal(signed.headers.get("authorization")?.slice(-64), S3_SIGNATURE);
    equal(new Uint8Array(await signed.arrayBuffer()), new Uint8Array([1, 2, 3]));
  },

  "no secret can be seen": async (context) => {
    const { library: { credentials, sqs }, inspect } = context;
    const seen: string[] = [];
    const keys = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: SECRET };
    const onEvent = (event: unknown) => void seen.push(JSON.stringify(event));
    const { broker, queue } = await setUp(context, { credentials: keys, onEvent });
    const deliveries = sqs.consume(broker, queue, { maxMessages: 1 });
    await sqs.publish(broker, "a", { queue });
    for await (const delivery of deliveries) {
      seen.push(JSON.stringify(delivery), inspect?.(delivery) ?? "");
      await delivery.ack();
    }
    const failing = sqs.connect({
      credentials: keys,
      http: { fetch: () => Promise.reject(new TypeError(`no way for ${SECRET}`)), maxAttempts: 1 },
    });
    const error = await sqs.queueUrl(failing, "a").catch((error) => error) as Error;
    ok(error instanceof Error, "no error came");
    const provider = credentials.staticCredentials(keys);
    for (const value of [broker, deliveries, error, error.cause, provider, sqs.kombu()]) {
      seen.push(`${JSON.stringify(value)} ${inspect?.(value) ?? ""} ${String(value)}`);
    }
    seen.push(error.stack ?? "");
    for (const text of seen) {
      for (const secret of [SECRET, SECRET.slice(5, 30)]) ok(!text.includes(secret), `seen in ${text}`);
    }
  },
};

const SIGNATURE = "089a5c431abd314b843ecce52c16d444b8d97fb5b20fb470caa4cdd5f930b49d";
const S3_SIGNATURE = "62228e155271b378b1c93925b59666fd59c8c94b76a197d948ae74d978a361c6";
