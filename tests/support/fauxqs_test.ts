import assert from "node:assert/strict";
import { rawSqs } from "../testing/raw_sqs.ts";
import { startServer } from "./fauxqs.ts";

Deno.test("startServer() runs an SQS until it goes out of scope", async () => {
  let endpoint: string;
  {
    await using server = await startServer();
    endpoint = server.endpoint;
    const { call } = rawSqs(fetch, endpoint);
    const { QueueUrl } = await call("CreateQueue", { QueueName: "jobs" });
    await call("SendMessage", { QueueUrl, MessageBody: "a" });
    const { Messages } = await call("ReceiveMessage", { QueueUrl });
    assert.equal(Messages[0].Body, "a");
  }
  await assert.rejects(rawSqs(fetch, endpoint).post("ListQueues", {}));
});
