/** Which keys, clock and region send() signs with. */
import assert from "node:assert/strict";
import { AwsError, CredentialsError } from "../../lib/errors.ts";
import { send } from "../../lib/http/send.ts";
import { deleteMessage } from "../../lib/sqs/delete_message.ts";
import { getQueueUrl } from "../../lib/sqs/get_queue_url.ts";
import { startMessageMoveTask } from "../../lib/sqs/start_message_move_task.ts";
import type { AwsRequest, CredentialContext, Credentials } from "../../lib/types.ts";
import { withEnv } from "../support/with_env.ts";
import { bad, failure, good, KEYS, QUEUE, remove, setUp } from "./setup.ts";

Deno.test("send() corrects its clock from the Date of the answer, once", async () => {
  const skewed = () =>
    bad("InvalidSignatureException", "Signature expired: 20260102T000000Z is now earlier than", {
      status: 403,
      date: "Fri, 02 Jan 2026 05:00:00 GMT",
    });
  const { broker, requests, clock } = setUp([skewed(), good()]);
  await send(broker, remove);
  assert.equal(requests[1].headers.get("x-amz-date"), "20260102T050000Z");
  assert.deepEqual(clock.waits, []);
  await send(broker, remove);
  assert.equal(requests[2].headers.get("x-amz-date"), "20260102T050000Z", "the broker has learnt it");

  const stubborn = setUp([skewed()]);
  const error = await failure<AwsError>(send(stubborn.broker, remove));
  assert.equal(stubborn.requests.length, 2);
  assert.match(error.message, /clock/);
});

Deno.test("send() corrects its clock on S3's code too, and not on a wrong secret", async () => {
  const date = "Fri, 02 Jan 2026 05:00:00 GMT";
  for (const code of ["RequestTimeTooSkewed", "RequestExpired"]) {
    const { broker, requests } = setUp([bad(code, "off", { date }), good()]);
    await send(broker, remove);
    assert.equal(requests.length, 2, code);
  }
  const wrong = setUp([bad("SignatureDoesNotMatch", "Check your AWS Secret Access Key.", { status: 403, date })]);
  await failure(send(wrong.broker, remove));
  assert.equal(wrong.requests.length, 1);
  const dateless = setUp([bad("RequestTimeTooSkewed", "off")]);
  await failure(send(dateless.broker, remove));
  assert.equal(dateless.requests.length, 1);
});

Deno.test("send() asks the provider once more for expired keys, and tells it which", async () => {
  const contexts: CredentialContext[] = [];
  const given: Credentials[] = [];
  const credentials = (context: CredentialContext): Promise<Credentials> => {
    contexts.push(context);
    given.push({ ...KEYS, accessKeyId: `AKID${contexts.length}` });
    return Promise.resolve(given.at(-1)!);
  };
  const expired = bad("ExpiredTokenException", "The security token included in the request is expired", {
    status: 403,
  });
  const { broker, requests, clock } = setUp([expired, good()], { credentials });
  await send(broker, remove);
  assert.equal(contexts[0].rejected, undefined);
  assert.equal(contexts[1].rejected, given[0]);
  assert.match(requests[1].headers.get("authorization")!, /Credential=AKID2/);
  assert.deepEqual(clock.waits, []);

  contexts.length = 0;
  const stubborn = setUp([expired], { credentials });
  const error = await failure<AwsError>(send(stubborn.broker, remove));
  assert.equal(stubborn.requests.length, 2);
  assert.match(error.message, /session token/);

  const fixed = setUp([expired], { credentials: KEYS });
  await failure(send(fixed.broker, remove));
  assert.equal(fixed.requests.length, 1, "keys that are no provider's are the same again");
});

Deno.test("send() passes on what a provider throws, and never loops on it", async () => {
  const details = {
    service: "sts",
    action: "AssumeRole",
    status: 403,
    awsCode: "ExpiredToken",
    retryable: true,
  } as const;
  const expired = new AwsError("sts AssumeRole failed with ExpiredToken", details);
  let asked = 0;
  const { broker, requests } = setUp([good()], {
    credentials: () => {
      asked++;
      return Promise.reject(expired);
    },
  });
  assert.equal(await failure(send(broker, remove)), expired);
  assert.deepEqual([asked, requests.length], [1, 0]);
  const own = new Error("its own cause");
  own.cause = own;
  const circle = setUp([], { credentials: () => Promise.reject(own) });
  assert.equal(await failure(send(circle.broker, remove)), own);
  for (
    const keys of [undefined, {}, { ...KEYS, secretAccessKey: 1 }, { ...KEYS, sessionToken: 5 }, { accessKeyId: 1 }]
  ) {
    const rubbish = setUp([good()], { credentials: () => Promise.resolve(keys as unknown as Credentials) });
    assert.ok(await failure(send(rubbish.broker, remove)) instanceof CredentialsError);
    assert.equal(rubbish.requests.length, 0);
  }
});

Deno.test("send() signs for the caller's region, else that of AWS's queue URL, else the broker's", async () => {
  const scope = async (request: AwsRequest<unknown>, options: Parameters<typeof setUp>[1], own?: string) => {
    const { broker, requests } = setUp([good({ TaskHandle: "x" })], options);
    await send(broker, request, { region: own });
    return `${new URL(requests[0].url).host} ${/\d{8}\/([^/]+)/.exec(requests[0].headers.get("authorization")!)![1]}`;
  };
  const at = (queueUrl: string) => deleteMessage({ queueUrl, receiptHandle: "x" });
  assert.equal(await scope(at("https://sqs.us-west-2.amazonaws.com/1/a"), {}), "sqs.us-west-2.amazonaws.com us-west-2");
  assert.equal(
    await scope(at("https://sqs.us-west-2.amazonaws.com/1/a"), {}, "eu-north-1"),
    "sqs.us-west-2.amazonaws.com eu-north-1",
  );
  assert.equal(await scope(at("http://localhost:4566/1/a"), {}), "localhost:4566 eu-west-1");
  assert.equal(
    await scope(at("https://sqs.us-west-2.amazonaws.com/1/a"), { endpoint: "http://localhost:4566" }),
    "localhost:4566 us-west-2",
  );
  assert.equal(
    await scope(at("https://sqs.us-west-2.amazonaws.com/1/a"), { endpoint: { s3: "http://localhost:4566" } }),
    "sqs.us-west-2.amazonaws.com us-west-2",
  );
  const move = startMessageMoveTask({ sourceArn: "arn:aws:sqs:ap-south-1:1:dead" });
  assert.equal(await scope(move, {}), "sqs.ap-south-1.amazonaws.com ap-south-1");
});

Deno.test("send() tells a provider the broker's region, whatever the queue's is, and the request's where it has none", async () => {
  const told = async (region: string | undefined) => {
    const regions: string[] = [];
    const { broker } = setUp([good()], {
      region,
      credentials: (context) => {
        regions.push(context.region);
        return Promise.resolve(KEYS);
      },
    });
    await send(broker, deleteMessage({ queueUrl: "https://sqs.us-west-2.amazonaws.com/1/a", receiptHandle: "x" }));
    return regions;
  };
  assert.deepEqual(await told("eu-west-1"), ["eu-west-1"]);
  assert.deepEqual(await told(undefined), ["us-west-2"]);
});

Deno.test("send() gives a provider its clock, randomness and events, and a fetch that is counted", async () => {
  const random = () => 0.5;
  const attempts: string[] = [];
  const { broker, clock, events, requests } = setUp([new Response("keys"), good()], {
    random,
    endpoint: { sqs: "http://localhost:1" },
    credentials: async (context) => {
      assert.equal(context.random, random);
      assert.equal(context.clock, clock);
      assert.deepEqual(context.endpoint, { sqs: "http://localhost:1" });
      const answer = await context.fetch(new Request("http://127.0.0.1/keys"), { method: "PUT" });
      assert.equal(await answer.text(), "keys");
      context.emit?.({ type: "credentials", provider: "mine" });
      return KEYS;
    },
  });
  await send(broker, remove, { onAttempt: () => attempts.push("attempt") });
  assert.equal(requests.length, 2);
  assert.equal(broker.requests, 2);
  assert.equal(attempts.length, 2);
  assert.deepEqual(events.map(({ type }) => type), ["credentials", "request"]);
});

Deno.test("send() lets go of a provider's deadline when its keys are there", async () => {
  const running: (readonly number[])[] = [];
  const { broker, clock } = setUp([() => {
    running.push(clock.running);
    return good();
  }], { credentials: () => Promise.resolve(KEYS) });
  await send(broker, remove);
  assert.deepEqual(running, [[1000]], "the request's own");
  assert.deepEqual(clock.running, []);
});

Deno.test("send() goes to the endpoint of its options, and with their keys", async () => {
  const { broker, requests } = setUp([good()], { endpoint: "http://localhost:1" });
  const credentials = { accessKeyId: "AKIDOTHER", secretAccessKey: "an-example-of-a-secret-key" };
  await send(broker, remove, { endpoint: "http://localhost:2", credentials });
  assert.equal(new URL(requests[0].url).port, "2");
  assert.match(requests[0].headers.get("authorization")!, /Credential=AKIDOTHER\//);
});

Deno.test("send() signs for the environment's region where nothing else names one: AWS_REGION, AWS_DEFAULT_REGION, us-east-1", async () => {
  const environments: [Record<string, string>, string][] = [
    [{ AWS_REGION: "eu-south-1", AWS_DEFAULT_REGION: "eu-south-2" }, "eu-south-1"],
    [{ AWS_REGION: "", AWS_DEFAULT_REGION: "eu-south-2" }, "eu-south-2"],
    [{}, "us-east-1"],
  ];
  for (const [variables, region] of environments) {
    const { broker, requests } = setUp([good({ QueueUrl: QUEUE })], { region: undefined });
    await withEnv(variables, () => send(broker, getQueueUrl({ queueName: "jobs" })));
    assert.equal(new URL(requests[0].url).host, `sqs.${region}.amazonaws.com`);
    assert.match(requests[0].headers.get("authorization")!, new RegExp(`/${region}/sqs/`));
  }
});
