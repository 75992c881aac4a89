/**
 * The same generated sequences of actions against the model and against fauxqs, another SQS. What either does
 * differently from AWS is left out, with the reason beside it.
 */
import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { memorySqs } from "../../lib/testing/mod.ts";
import { startServer } from "../support/fauxqs.ts";
import { type Output, rawSqs } from "./raw_sqs.ts";

type Raw = ReturnType<typeof rawSqs>;
type Action = readonly [kind: string, a: number, b: number];

/** What a client has seen of a message: its newest handle, and what has become of it. */
interface Seen {
  handle: string;
  state: "held" | "released" | "deleted";
}

/** One client of one queue of one server. */
interface Client {
  readonly raw: Raw;
  readonly QueueUrl: string;
  readonly seen: Seen[];
  readonly ids: string[];
  bodies: number;
}

/** An outcome without what differs from run to run. */
function outcome(output: Output): unknown {
  if (!("refused" in output)) return "ok";
  return { refused: output.refused.queryCode.replace("AWS.SimpleQueueService.", ""), status: output.refused.status };
}

function batchOutcome({ Successful = [], Failed = [] }: Output): unknown {
  return {
    done: Successful.map(({ Id, MD5OfMessageBody }: Output) => [Id, MD5OfMessageBody]),
    failed: Failed.map(({ Id, Code, SenderFault }: Output) => [Id, Code, SenderFault]),
  };
}

async function receive({ raw, QueueUrl, seen }: Client, options: object): Promise<unknown> {
  const output = await raw.attempt("ReceiveMessage", { QueueUrl, ...options });
  if ("refused" in output) return outcome(output);
  const names = ["ApproximateReceiveCount", "MessageGroupId", "MessageDeduplicationId"];
  return (output.Messages ?? []).map((message: Output) => {
    seen.push({ handle: message.ReceiptHandle, state: "held" });
    const system = names.map((name) => message.Attributes?.[name]);
    return [message.Body, message.MD5OfBody, message.MD5OfMessageAttributes, message.MessageAttributes, system];
  });
}

async function counts({ raw, QueueUrl }: Client): Promise<unknown> {
  const AttributeNames = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
    "VisibilityTimeout",
    "DelaySeconds",
  ];
  return (await raw.call("GetQueueAttributes", { QueueUrl, AttributeNames })).Attributes;
}

const BODIES = ["", "\u0001", "plain", "żółć", "tab\tand\nline", "\ufffe", "x".repeat(2000)];
const ATTRIBUTES = [
  undefined,
  { a: { DataType: "String", StringValue: "1" } },
  { n: { DataType: "Number.int", StringValue: "42" }, b: { DataType: "Binary", BinaryValue: "AQID" } },
];
// Bodies beyond the Basic Multilingual Plane are left out: SQS takes #x10000 to #x10FFFF, fauxqs refuses them.
// So is DelaySeconds above 900: SQS refuses it, fauxqs takes any.

async function standardStep(client: Client, [kind, a, b]: Action): Promise<unknown> {
  const { raw, QueueUrl, seen } = client;
  const held = seen[a % (seen.length || 1)];
  switch (kind) {
    case "send": {
      const MessageBody = a < BODIES.length ? BODIES[a] : `body ${client.bodies++}`;
      const MessageAttributes = ATTRIBUTES[b % 3];
      return outcome(
        await raw.attempt("SendMessage", {
          QueueUrl,
          MessageBody,
          MessageAttributes,
          ...(b > 20 && { DelaySeconds: 60 }),
        }),
      );
    }
    case "sendBatch": {
      const Entries = Array.from({ length: b % 13 }, (_, i) => ({
        Id: a === 0 ? "same" : a === 1 ? "not allowed" : String(i),
        MessageBody: a === 2 && i === 1 ? "\u0001" : `body ${client.bodies++}`,
      }));
      const output = await raw.attempt("SendMessageBatch", { QueueUrl, Entries });
      return "refused" in output ? outcome(output) : batchOutcome(output);
    }
    case "receive":
      // A visibility timeout of 0 is left out: fauxqs gives such messages back later, behind what was sent since.
      return await receive(client, {
        MaxNumberOfMessages: a % 12,
        WaitTimeSeconds: 0,
        ...(b > 15 && { VisibilityTimeout: b > 28 ? 43_201 : 600 }),
        ...(b % 2 && { AttributeNames: ["ApproximateReceiveCount"] }),
        // Only all or none: of a part, SQS gives the checksum of that part, fauxqs of the whole. Left out, fauxqs gives
        // all of them, SQS none.
        MessageAttributeNames: ["All"],
      });
    case "delete":
      // Not for one that was released: SQS deletes it by its latest handle, fauxqs does nothing.
      if (!held || held.state === "released") return "nothing to do";
      held.state = "deleted";
      return outcome(await raw.attempt("DeleteMessage", { QueueUrl, ReceiptHandle: held.handle }));
    case "release":
    case "extend": {
      // Not for one that was released: SQS hides it by any handle, fauxqs refuses.
      if (!held || held.state === "released") return "nothing to do";
      const VisibilityTimeout = kind === "release" ? 0 : b > 25 ? 43_201 : 300;
      const output = await raw.attempt("ChangeMessageVisibility", {
        QueueUrl,
        ReceiptHandle: held.handle,
        VisibilityTimeout,
      });
      // A deleted message is InvalidParameterValue in SQS and MessageNotInflight in fauxqs: both refuse.
      if (held.state !== "held") return "refused" in output;
      if (kind === "release") held.state = "released";
      return outcome(output);
    }
    case "set":
      return outcome(
        await raw.attempt("SetQueueAttributes", {
          QueueUrl,
          Attributes: { VisibilityTimeout: String((b + 1) * 1500) },
        }),
      );
  }
  return await counts(client);
}

async function fifoStep(client: Client, [kind, a, b]: Action): Promise<unknown> {
  const { raw, QueueUrl, seen, ids } = client;
  const held = seen.at(-1);
  switch (kind) {
    case "send":
    case "sendBatch": {
      const output = await raw.attempt("SendMessage", {
        QueueUrl,
        MessageBody: `body ${client.bodies++}`,
        ...(a !== 0 && { MessageGroupId: "g" }),
        ...(a !== 1 && { MessageDeduplicationId: `d${b}` }),
        ...(a === 2 && { DelaySeconds: 5 }),
      });
      if ("refused" in output) return outcome(output);
      if (!ids.includes(output.MessageId)) ids.push(output.MessageId);
      return ids.indexOf(output.MessageId);
    }
    case "receive":
      // One at a time and one group: SQS fills a receive from one group first, fauxqs takes one message of each.
      return await receive(client, { MaxNumberOfMessages: 1, AttributeNames: ["All"] });
    case "delete":
      // Not for one that was released: SQS says that the receipt handle has expired, fauxqs that all is well.
      if (held?.state !== "held") return "nothing to do";
      held.state = "deleted";
      return outcome(await raw.attempt("DeleteMessage", { QueueUrl, ReceiptHandle: held.handle }));
    case "release":
      if (held?.state !== "held") return "nothing to do";
      held.state = "released";
      return outcome(
        await raw.attempt("ChangeMessageVisibility", {
          QueueUrl,
          ReceiptHandle: held.handle,
          VisibilityTimeout: 0,
        }),
      );
  }
  return await counts(client);
}

const KINDS = ["send", "send", "sendBatch", "receive", "receive", "delete", "release", "extend", "counts", "set"];
const sequences = fc.array(fc.tuple(fc.constantFrom(...KINDS), fc.nat(14), fc.nat(30)), {
  minLength: 5,
  maxLength: 40,
});

async function compare(
  numRuns: number,
  create: object,
  suffix: string,
  step: (client: Client, action: Action) => Promise<unknown>,
): Promise<void> {
  await using server = await startServer();
  const theirs = rawSqs(fetch, server.endpoint);
  await fc.assert(
    fc.asyncProperty(sequences, async (actions) => {
      const ours = rawSqs(memorySqs({ order: "fifo" }).fetch);
      const QueueName = `q-${crypto.randomUUID()}${suffix}`;
      const [expected, actual] = await Promise.all([theirs, ours].map(async (raw) => {
        const { QueueUrl } = await raw.call("CreateQueue", { QueueName, ...create });
        const client: Client = { raw, QueueUrl, seen: [], ids: [], bodies: 0 };
        const noted: unknown[] = [];
        for (const action of actions) noted.push([action, await step(client, action)]);
        return noted;
      }));
      assert.deepEqual(actual, expected);
    }),
    { numRuns },
  );
}

Deno.test("memorySqs() and fauxqs agree on generated runs of a standard queue", async () => {
  await compare(150, {}, "", standardStep);
});

Deno.test("memorySqs() and fauxqs agree on generated runs of a FIFO queue", async () => {
  await compare(150, { Attributes: { FifoQueue: "true" } }, ".fifo", fifoStep);
});

Deno.test("memorySqs() and fauxqs agree on a visibility timeout, a delay and a dead-letter queue", async () => {
  await using server = await startServer();
  const sqs = memorySqs({ order: "fifo" });
  const run = async (raw: Raw) => {
    const noted: unknown[] = [];
    const dead = await raw.call("CreateQueue", { QueueName: "dead" });
    const deadLetterTargetArn = (await raw.call("GetQueueAttributes", {
      QueueUrl: dead.QueueUrl,
      AttributeNames: ["QueueArn"],
    })).Attributes.QueueArn;
    const Attributes = {
      VisibilityTimeout: "1",
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 2 }),
    };
    const { QueueUrl } = await raw.call("CreateQueue", { QueueName: "jobs", Attributes });
    await raw.call("SendMessage", { QueueUrl, MessageBody: "late", DelaySeconds: 1 });
    const client: Client = { raw, QueueUrl, seen: [], ids: [], bodies: 0 };
    const options = { AttributeNames: ["ApproximateReceiveCount"] };
    // What is delayed or hidden for a second may be visible when it is counted: only receives that wait are certain.
    for (let i = 0; i < 2; i++) noted.push(await receive(client, { ...options, WaitTimeSeconds: 20 }));
    // The third receive finds it lapsed, and moves it instead of giving it.
    noted.push(await receive(client, { ...options, WaitTimeSeconds: 3 }));
    noted.push(await receive({ ...client, QueueUrl: dead.QueueUrl }, { WaitTimeSeconds: 1 }));
    noted.push(await counts({ ...client, QueueUrl: dead.QueueUrl }), await counts(client));
    return noted;
  };
  const expected = await run(rawSqs(fetch, server.endpoint));
  assert.deepEqual(await sqs.clock.run(() => run(rawSqs(sqs.fetch))), expected);
});
