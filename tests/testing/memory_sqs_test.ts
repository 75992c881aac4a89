import assert from "node:assert/strict";
import { consume } from "../../lib/consume/consume.ts";
import { connect } from "../../lib/connect.ts";
import { assumeRole } from "../../lib/credentials/mod.ts";
import { snsFanout } from "../../lib/fanout/mod.ts";
import { send } from "../../lib/http/send.ts";
import { s3Payloads, s3Results } from "../../lib/payloads/mod.ts";
import { publish } from "../../lib/publish/publish.ts";
import { deleteMessageBatch } from "../../lib/sqs/delete_message_batch.ts";
import { receiveMessage } from "../../lib/sqs/receive_message.ts";
import { sendMessage } from "../../lib/sqs/send_message.ts";
import { memorySqs } from "../../lib/testing/mod.ts";
import { bind } from "../../lib/topology/bind.ts";
import { declareExchange } from "../../lib/topology/declare_exchange.ts";

Deno.test("memorySqs() is a fetch function, also with keys of the user's own", async () => {
  const sqs = memorySqs();
  sqs.createQueue("orders");
  const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" };
  for (const fetch of [sqs, sqs.fetch]) {
    const broker = connect({ region: "us-east-1", credentials, http: { fetch }, clock: sqs.clock });
    const [delivery] = await sqs.clock.run(async () => {
      await publish(broker, { id: 1 }, { queue: "orders" });
      return await Array.fromAsync(consume(broker, "orders", { maxMessages: 1, ack: "none" }));
    });
    assert.deepEqual(delivery.body, { id: 1 });
  }
  assert.equal(sqs.messages("orders").length, 0);
  assert.equal(sqs.requests.count("SendMessage"), 2);
});

Deno.test("memorySqs() stands in for SQS behind connect(), signing and retries included", async () => {
  const sqs = memorySqs();
  const queueUrl = sqs.createQueue("jobs");
  const broker = connect(sqs.connectOptions);
  sqs.setFaults(({ action, attempt }) => action === "SendMessage" && attempt === 1 ? { type: "network" } : undefined);
  const received = await sqs.clock.run(async () => {
    const poll = send(broker, receiveMessage({ queueUrl, waitTimeSeconds: 20 }));
    await sqs.clock.sleep(3);
    await send(broker, sendMessage({ queueUrl, messageBody: "a" }));
    return await poll;
  });
  assert.deepEqual(received.messages.map(({ Body }) => Body), ["a"]);
  const entries = [{ id: "0", receiptHandle: received.messages[0].ReceiptHandle }];
  await send(broker, deleteMessageBatch({ queueUrl, entries }));
  assert.deepEqual(sqs.messages("jobs"), []);
  assert.equal(sqs.requests.count("SendMessage"), 2);
  assert.deepEqual(sqs.clock.waits, [], "no deadline is left");
});

Deno.test("send() gives a long poll all of its wait beside requestTimeout, with no word said of it", async () => {
  const sqs = memorySqs();
  const queueUrl = sqs.createQueue("jobs");
  const broker = connect(sqs.connectOptions);
  const began = +sqs.clock.now();
  const { messages } = await sqs.clock.run(() => send(broker, receiveMessage({ queueUrl, waitTimeSeconds: 20 })));
  assert.deepEqual([messages, +sqs.clock.now() - began, sqs.requests.count()], [[], 20_000, 1]);
});

Deno.test("memorySqs() says that it is no SNS, S3 or STS, where it was asked as one", async () => {
  const sqs = memorySqs();
  sqs.createQueue("orders");
  const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" };
  const stores = { fanout: snsFanout(), payloads: s3Payloads({ bucket: "letters" }) };
  const broker = connect({ ...sqs.connectOptions, ...stores });
  const role = assumeRole({ arn: "arn:aws:iam::123456789012:role/orders", credentials });
  await declareExchange(broker, "news", { type: "fanout" });
  const wrong = [
    () => bind(broker, "orders", { exchange: "news" }),
    () => publish(broker, "soup ".repeat(60_000), { queue: "orders" }),
    () => s3Results({ bucket: "results" }).get("an-id", { broker, timeout: 30 }),
    () => publish(connect({ ...sqs.connectOptions, credentials: role }), 1, { queue: "orders" }),
  ];
  for (const ask of wrong) await sqs.clock.run(() => assert.rejects(ask, /memorySqs\(\) is no SNS, S3 or STS/));
});

Deno.test("memorySqs() plays the same run again from the same seed", async () => {
  const run = async (seed: number) => {
    const sqs = memorySqs({ seed });
    const queueUrl = sqs.createQueue("jobs");
    const broker = connect(sqs.connectOptions);
    for (let i = 0; i < 20; i++) await sqs.sendMessage("jobs", String(i), { delaySeconds: i % 3 });
    sqs.setFaults(({ sequence }) => sequence % 3 === 0 ? { type: "error", code: "RequestThrottled" } : undefined);
    const seen: string[] = [];
    await sqs.clock.run(async () => {
      while (seen.length < 20) {
        const { messages } = await send(broker, receiveMessage({ queueUrl, maxMessages: 3, waitTimeSeconds: 5 }));
        seen.push(...messages.map(({ Body, MessageId }) => `${Body} ${MessageId} ${+sqs.clock.now()}`));
      }
    });
    return seen;
  };
  assert.deepEqual(await run(3), await run(3));
  assert.notDeepEqual(await run(3), await run(4));
});
