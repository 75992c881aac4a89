/**
 * A canned SQS: the JSON protocol, endless queues, ten messages a receive, every MD5 right. Its answers are made before
 * the first request, so that it is not the bottleneck; `GET /stats` tells how much CPU it took.
 *
 * `node .build/server.mjs [milliseconds of latency]` prints its port.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import { envelope } from "./order.ts";

const latency = Number(process.argv[2] ?? 0);
const ANSWERS = 64;
const KEYS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+/";

const md5 = (text: string): string => createHash("md5").update(text).digest("hex");

function message(id: number): object {
  const Body = envelope(id);
  return {
    MessageId: `9d6b1d8e-7b1c-4c55-9f0c-${String(id).padStart(12, "0")}`,
    // As long as SQS's own.
    ReceiptHandle: Array.from(
      { length: 412 },
      (_, at) => KEYS[(id * 31 + at * 17) % 64],
    ).join(""),
    MD5OfBody: md5(Body),
    Body,
    Attributes: {
      ApproximateReceiveCount: "1",
      SentTimestamp: "1700000000000",
    },
  };
}

const messages = Array.from({ length: ANSWERS * 10 }, (_, id) => message(id));
const receives = Array.from({ length: 11 }, (_, count) =>
  Array.from(
    { length: ANSWERS },
    (_, at) =>
      Buffer.from(
        JSON.stringify({ Messages: messages.slice(at * 10, at * 10 + count) }),
      ),
  ));

let requests = 0;

/** The answer to an action. */
function answer(action: string, body: string, host: string): Buffer | string {
  switch (action) {
    case "ReceiveMessage": {
      const asked = Number(
        /"MaxNumberOfMessages":\s*(\d+)/.exec(body)?.[1] ?? 1,
      );
      return receives[asked][requests % ANSWERS];
    }
    case "DeleteMessageBatch":
    case "ChangeMessageVisibilityBatch": {
      const ids = Array.from(
        body.matchAll(/"Id":\s*("[^"]*")/g),
        ([, id]) => `{"Id":${id}}`,
      );
      return `{"Successful":[${ids}],"Failed":[]}`;
    }
    case "SendMessageBatch": {
      const { Entries } = JSON.parse(body) as {
        Entries: { Id: string; MessageBody: string }[];
      };
      const done = Entries.map(({ Id, MessageBody }) =>
        `{"Id":"${Id}","MessageId":"9d6b1d8e-7b1c-4c55-9f0c-111111111111","MD5OfMessageBody":"${md5(MessageBody)}"}`
      );
      return `{"Successful":[${done}],"Failed":[]}`;
    }
    case "SendMessage": {
      const { MessageBody } = JSON.parse(body) as { MessageBody: string };
      return JSON.stringify({
        MessageId: "9d6b1d8e-7b1c-4c55-9f0c-111111111111",
        MD5OfMessageBody: md5(MessageBody),
      });
    }
    case "GetQueueAttributes":
      return JSON.stringify({
        Attributes: {
          VisibilityTimeout: "1800",
          ApproximateNumberOfMessages: "1000",
        },
      });
    case "GetQueueUrl":
    case "CreateQueue":
      return JSON.stringify({
        QueueUrl: `http://${host}/000000000000/${JSON.parse(body).QueueName}`,
      });
    case "ListQueues":
      return JSON.stringify({
        QueueUrls: [`http://${host}/000000000000/orders-0`],
      });
    default: // DeleteMessage, ChangeMessageVisibility
      return "{}";
  }
}

function reply(response: ServerResponse, content: Buffer | string): void {
  response.writeHead(200, {
    "content-type": "application/x-amz-json-1.0",
    "content-length": Buffer.byteLength(content),
    "x-amzn-requestid": "00000000-0000-0000-0000-000000000000",
  }).end(content);
}

const server = createServer((request, response) => {
  if (request.url === "/stats") {
    const { user, system } = process.cpuUsage();
    return reply(response, JSON.stringify({ requests, cpu: user + system }));
  }
  requests++;
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const body = chunks.length === 1 ? chunks[0].toString("latin1") : Buffer.concat(chunks).toString("latin1");
    const action = String(request.headers["x-amz-target"]).slice(
      "AmazonSQS.".length,
    );
    const content = answer(action, body, request.headers.host!);
    if (latency) setTimeout(reply, latency, response, content);
    else reply(response, content);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(
  0,
  "127.0.0.1",
  () => console.log((server.address() as { port: number }).port),
);
// Its input ends when the benchmark does, however that ends.
process.stdin.resume().on("end", () => process.exit());
