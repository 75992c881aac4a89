/** What fuzzing and faults found, each under its name. */
import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import {
  connect,
  type ConnectOptions,
  consume,
  type DashiEvent,
  deleteQueue,
  type Delivery,
  publish,
  queueSize,
} from "@dashi/sqs";
import { getQueueAttributes, listQueueTags, receiveMessage } from "@dashi/sqs/sqs";
import { s3Payloads } from "@dashi/sqs/payloads";
import { memorySqs } from "@dashi/sqs/testing";
import { md5Hex } from "../../lib/codec/md5.ts";
import { faultFetch } from "../support/http_fault.ts";
import { mutatedJson, settings } from "./hostile.ts";

const queueUrl = "https://sqs.us-east-1.amazonaws.com/000000000000/jobs";
const ok = (body: unknown) => new Response(JSON.stringify(body), { headers: { "content-type": "application/json" } });

/** Consumes what one receive answers, until the queue is empty; gives what was handed over and what was told. */
async function consumeAnswer(
  answer: unknown,
  more: ConnectOptions = {},
): Promise<{ handed: string[]; events: DashiEvent[] }> {
  const sqs = memorySqs();
  const { clock } = sqs;
  const events: DashiEvent[] = [];
  let receives = 0;
  const broker = connect({
    region: "us-east-1",
    endpoint: "http://127.0.0.1:1",
    credentials: sqs.connectOptions.credentials,
    clock,
    fetchAttributes: { message: ["All"] },
    onEvent: (event) => events.push(event),
    ...more,
    http: {
      async fetch(request) {
        // The model's clock waits for each request that is signed: none of them goes to the model.
        await sqs.fetch(new Request(request.url, { signal: AbortSignal.abort() })).catch(() => {});
        if (!request.headers.has("x-amz-target")) return new Response("large", { headers: { "content-length": "5" } });
        const action = request.headers.get("x-amz-target")!.split(".")[1];
        const input = JSON.parse(await request.text());
        if (action === "GetQueueAttributes") return ok({ Attributes: { VisibilityTimeout: "30" } });
        if (action === "ReceiveMessage") return ok(receives++ ? {} : answer);
        return ok({ Successful: input.Entries.map(({ Id }: { Id: string }) => ({ Id })) });
      },
    },
  });
  const handed: string[] = [];
  await clock.run(async () => {
    const deliveries = consume(broker, queueUrl, { untilEmpty: true, waitTimeSeconds: 0, prefetch: 2 });
    for await (const delivery of deliveries) {
      handed.push(delivery.messageId);
      await delivery.ack();
    }
    await deliveries.closed;
  }, { limit: 3600 });
  assert.deepEqual(clock.waits, []);
  return { handed, events };
}

const message = (id: string, more: object = {}) => ({
  MessageId: id,
  ReceiptHandle: `r${id}`,
  Body: "x",
  MD5OfBody: md5Hex("x"),
  Attributes: { ApproximateReceiveCount: "1", SentTimestamp: "1893456000000" },
  ...more,
});

Deno.test("attributes called constructor, prototype and __proto__ are kept, so that their checksum fits", async () => {
  const entries = ["constructor", "prototype", "__proto__"].map((name) =>
    [name, { DataType: "String", StringValue: name }] as const
  );
  const MessageAttributes = Object.fromEntries(entries);
  const { messages } = await receiveMessage({ queueUrl }).parse(
    ok({ Messages: [message("1", { MessageAttributes })] }),
  );
  assert.deepEqual(Object.entries(messages[0].MessageAttributes!), entries);

  const sqs = memorySqs();
  sqs.createQueue("jobs");
  const broker = connect({ ...sqs.connectOptions, fetchAttributes: { message: ["All"] } });
  await sqs.clock.run(async () => {
    await publish(broker, 1, { queue: "jobs", messageAttributes: { constructor: "a", prototype: "b" } });
    for await (const { messageAttributes } of consume(broker, "jobs", { maxMessages: 1 })) {
      assert.deepEqual({ ...messageAttributes }, { constructor: "a", prototype: "b" });
    }
  });
});

Deno.test("tags and queue attributes of any name are kept", async () => {
  const Tags = JSON.parse('{"__proto__":"a","constructor":"b"}');
  assert.deepEqual(Object.entries((await listQueueTags({ queueUrl }).parse(ok({ Tags }))).tags), Object.entries(Tags));
  const { attributes } = await getQueueAttributes({ queueUrl }).parse(ok({ Attributes: Tags }));
  assert.deepEqual(Object.entries(attributes), Object.entries(Tags));
});

Deno.test("a binary attribute that is not base64 drops its own message and holds up no other", async () => {
  const bad = { a: { DataType: "Binary", BinaryValue: "not base64!" } };
  const { handed, events } = await consumeAnswer({
    Messages: [
      message("1", { MessageAttributes: bad, MD5OfMessageAttributes: "0".repeat(32) }),
      message("2", { MessageAttributes: bad }),
      message("3"),
    ],
  });
  const dropped = events.flatMap((event) => event.type === "drop" ? [event.messageId] : []);
  assert.ok(handed.includes("3"));
  assert.deepEqual([...new Set([...handed, ...dropped])].sort(), ["1", "2", "3"]);
  assert.ok(dropped.includes("1"));

  const pointer = '["software.amazon.payloadoffloading.PayloadS3Pointer",{"s3BucketName":"letters","s3Key":"a"}]';
  const stored = await consumeAnswer({
    Messages: [message("1", { Body: pointer, MD5OfBody: undefined, MessageAttributes: bad }), message("2")],
  }, { payloads: s3Payloads({ bucket: "letters" }) });
  assert.ok(stored.handed.includes("2"));
  assert.equal(stored.handed.length + stored.events.filter(({ type }) => type === "drop").length, 2);
});

Deno.test("whatever a receive answers, each of its messages is handed over or dropped with an event, and the end comes", async () => {
  const pointer = '["software.amazon.payloadoffloading.PayloadS3Pointer",{"s3BucketName":"letters","s3Key":"a"}]';
  const sample = {
    Messages: [
      message("1", { MessageAttributes: { a: { DataType: "Binary", BinaryValue: "AA==" } } }),
      message("2", { Body: "eyJwcm9wZXJ0aWVzIjp7fX0=", MD5OfBody: undefined }),
      message("3", { Body: pointer, MD5OfBody: undefined }),
    ],
  };
  const payloads = s3Payloads({ bucket: "letters" });
  await fc.assert(
    fc.asyncProperty(mutatedJson(JSON.parse(JSON.stringify(sample))), fc.boolean(), async (answer, stored) => {
      const { handed, events } = await consumeAnswer(answer, stored ? { payloads } : {});
      const received = events.flatMap((event) => event.type === "receive" ? [event.count] : [])
        .reduce((sum, count) => sum + count, 0);
      const dropped = events.filter(({ type }) => type === "drop").length;
      assert.equal(handed.length + dropped, received, "a message vanished in silence");
    }),
    settings,
  );
});

Deno.test("a Date header from the end of time puts no clock right, and stops no later request", async () => {
  for (
    const date of ["Sat, 13 Sep 275760 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:01 GMT"]
  ) {
    const sqs = memorySqs();
    sqs.createQueue("jobs");
    const body = JSON.stringify({ __type: "com.amazon.coral.service#RequestTimeTooSkewed", message: "no" });
    const fetch = faultFetch(
      (request) => sqs.fetch(request),
      ({ sequence }) => sequence === 1 ? { type: "status", status: 403, body, headers: { date } } : undefined,
      sqs.clock,
    );
    const broker = connect({ ...sqs.connectOptions, http: { fetch } });
    await sqs.clock.run(async () => {
      await publish(broker, 1, { queue: "jobs" }).catch(() => {});
      await sqs.clock.sleep(100_000 * 86400); // on past the last instant that a Date holds, were it added
      await publish(broker, 2, { queue: "jobs" });
    }, { limit: 1e11 });
    assert.ok(sqs.requests.count("SendMessage") >= 1, date);
  }
});

Deno.test("a count that is missing from an answer never makes a queue look empty", async () => {
  const sqs = memorySqs();
  sqs.createQueue("jobs");
  await sqs.sendMessage("jobs", "precious");
  const fetch = faultFetch(
    (request) => sqs.fetch(request),
    ({ action }) => action === "GetQueueAttributes" ? { type: "status", status: 200, body: "{}" } : undefined,
    sqs.clock,
  );
  const broker = connect({ ...sqs.connectOptions, http: { fetch } });
  await sqs.clock.run(async () => {
    await assert.rejects(queueSize(broker, "jobs"), { awsCode: "InvalidAnswer" });
    await assert.rejects(deleteQueue(broker, "jobs", { ifEmpty: true }), { awsCode: "InvalidAnswer" });
  });
  assert.equal(sqs.messages("jobs").length, 1);
});

Deno.test("a payload that takes longer than the grace is handed over before the iteration ends", async () => {
  const sqs = memorySqs();
  sqs.createQueue("jobs");
  const pointer = '["software.amazon.payloadoffloading.PayloadS3Pointer",{"s3BucketName":"letters","s3Key":"a"}]';
  for (const body of ["small", pointer]) await sqs.sendMessage("jobs", body);
  const broker = connect({
    ...sqs.connectOptions,
    payloads: s3Payloads({ bucket: "letters" }),
    http: {
      async fetch(request) {
        if (request.headers.has("x-amz-target")) return await sqs.fetch(request);
        await sqs.fetch(new Request(request.url, { signal: AbortSignal.abort() })).catch(() => {});
        await sqs.clock.sleep(8);
        return new Response("large", { headers: { "content-length": "5" } });
      },
    },
  });
  const handed: Delivery[] = [];
  await sqs.clock.run(async () => {
    for await (
      const delivery of consume(broker, "jobs", { untilEmpty: true, waitTimeSeconds: 0, graceSeconds: 5 })
    ) handed.push(delivery);
    for (const delivery of handed) await delivery.ack(); // the end did not wait for it
  }, { limit: 3600 });
  assert.deepEqual(handed.map(({ body }) => body), ["small", "large"]);
  assert.equal(sqs.messages("jobs").length, 0);
});
