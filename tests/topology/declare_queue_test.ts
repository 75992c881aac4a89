import assert from "node:assert/strict";
import { stateOf } from "../../lib/broker.ts";
import { memorySqs } from "../../lib/testing/mod.ts";
import {
  AccessDeniedQueueError,
  ConfigError,
  connect,
  declareQueue,
  DoesNotExistQueueError,
  queueUrl,
  UndefinedQueueError,
} from "../../mod.ts";
import type { QueueAddress } from "../../lib/types.ts";
import { setUp } from "./setup.ts";

Deno.test("declareQueue() creates a queue with the broker's attributes and tags and its own", async () => {
  const { sqs, broker } = setUp({
    queueNamePrefix: "prod.",
    queueAttributes: { VisibilityTimeout: 1800, DelaySeconds: 1 },
    queueTags: { team: "shop", stage: "prod" },
  });
  const declared = await declareQueue(broker, "orders", { attributes: { DelaySeconds: 5 }, tags: { stage: "test" } });
  assert.equal(declared.name, "orders");
  assert.match(declared.url, /\/prod-orders$/);
  assert.match(declared.arn, /^arn:aws:sqs:us-east-1:000000000000:prod-orders$/);
  const { input } = sqs.requests.list.find(({ action }) => action === "CreateQueue")!;
  assert.deepEqual(input.Attributes, { VisibilityTimeout: "1800", DelaySeconds: "5" });
  assert.deepEqual(input.tags, { team: "shop", stage: "test" });
  sqs.requests.clear();
  assert.equal(await queueUrl(broker, "orders"), declared.url);
  assert.equal(sqs.requests.count(), 0);
});

Deno.test("declareQueue() sends no tags where there are none: sqs:TagQueue is not needed then", async () => {
  const { sqs, broker } = setUp();
  await declareQueue(broker, "orders");
  const { input } = sqs.requests.list.find(({ action }) => action === "CreateQueue")!;
  assert.equal(input.tags, undefined);
});

Deno.test("declareQueue() makes a FIFO queue of a .fifo name, and of no other", async () => {
  const { sqs, broker } = setUp();
  await declareQueue(broker, "jobs.fifo", { attributes: { ContentBasedDeduplication: true } });
  await declareQueue(broker, "jobs.fifo", { attributes: { FifoQueue: true, ContentBasedDeduplication: "true" } });
  await declareQueue(broker, "plain", { attributes: { FifoQueue: false } });
  await declareQueue(broker, "plain", { attributes: { FifoQueue: false } });
  assert.deepEqual(sqs.queueNames, ["jobs.fifo", "plain"]);
  await assert.rejects(declareQueue(broker, "jobs", { attributes: { FifoQueue: true } }), ConfigError);
  await assert.rejects(declareQueue(broker, "other.fifo", { attributes: { FifoQueue: false } }), /value is "false"/);
});

Deno.test("declareQueue() sets the dead-letter queue by its ARN", async () => {
  const { sqs, broker } = setUp({ queueNamePrefix: "p-" });
  const dead = await declareQueue(broker, "dead");
  const deadLetter = { queue: "dead", maxReceiveCount: 3 };
  await declareQueue(broker, "orders", { deadLetter, attributes: { DelaySeconds: 5 } });
  const { input } = sqs.requests.list.findLast(({ action }) => action === "CreateQueue")!;
  assert.equal((input.Attributes as Record<string, string>).DelaySeconds, "5");
  assert.deepEqual(JSON.parse((input.Attributes as Record<string, string>).RedrivePolicy), {
    deadLetterTargetArn: dead.arn,
    maxReceiveCount: 3,
  });
  await declareQueue(broker, "orders", { deadLetter });
  await declareQueue(broker, "orders", { deadLetter: { queue: dead.url, maxReceiveCount: 3 } });
  await assert.rejects(
    declareQueue(broker, "orders", { deadLetter: { ...deadLetter, maxReceiveCount: 4 } }),
    (error) => error instanceof ConfigError && /RedrivePolicy is .*3.* and not .*4/.test(error.message),
  );
});

Deno.test("declareQueue() makes a missing dead-letter queue only with createMissing", async () => {
  const deadLetter = { queue: "dead", maxReceiveCount: 3 };
  const strict = setUp();
  await assert.rejects(
    declareQueue(strict.broker, "orders", { deadLetter }),
    (error) => error instanceof DoesNotExistQueueError && /'dead'/.test(error.message),
  );
  assert.deepEqual(strict.sqs.queueNames, []);
  const lenient = setUp({ createMissing: true });
  await declareQueue(lenient.broker, "orders", { deadLetter });
  assert.deepEqual(lenient.sqs.queueNames.toSorted(), ["dead", "orders"]);
});

Deno.test("declareQueue() refuses a dead-letter queue that can't be one", async () => {
  const { broker } = setUp({ createMissing: true });
  for (
    const [name, deadLetter] of [
      ["orders", { queue: "dead.fifo", maxReceiveCount: 3 }],
      ["orders.fifo", { queue: "dead", maxReceiveCount: 3 }],
      ["orders", { queue: "dead", maxReceiveCount: 0 }],
      ["orders", { queue: "dead", maxReceiveCount: 1001 }],
      ["orders", { queue: "", maxReceiveCount: 1 }],
    ] as const
  ) {
    await assert.rejects(declareQueue(broker, name, { deadLetter }), /deadLetter\./);
  }
  await assert.rejects(
    declareQueue(broker, "orders", {
      deadLetter: { queue: "d", maxReceiveCount: 1 },
      attributes: { RedrivePolicy: "{}" },
    }),
    ConfigError,
  );
});

Deno.test("declareQueue() says in what a queue that is there differs", async () => {
  const { broker } = setUp();
  const options = { attributes: { VisibilityTimeout: 60, DelaySeconds: 0 }, tags: { team: "shop" } };
  const first = await declareQueue(broker, "orders", options);
  assert.deepEqual(await declareQueue(broker, "orders", options), first);
  assert.deepEqual(await declareQueue(broker, "orders"), first);
  await assert.rejects(
    declareQueue(broker, "orders", {
      attributes: { VisibilityTimeout: 30, DelaySeconds: 0, RedrivePolicy: "" },
      tags: { team: "billing", new: "x" },
    }),
    (error) =>
      error instanceof ConfigError &&
      error.message.includes(
        "VisibilityTimeout is 60 and not 30, tag team is shop and not billing, tag new is unset and not x;",
      ),
  );
});

Deno.test("declareQueue() compares documents by what they say, not by how they are written", async () => {
  const { sqs, broker } = setUp();
  await declareQueue(broker, "dead");
  const policy = { redrivePermission: "byQueue", sourceQueueArns: ["arn:aws:sqs:us-east-1:1:a"] };
  await declareQueue(broker, "orders", { attributes: { RedriveAllowPolicy: JSON.stringify(policy) } });
  const turned = `{ "sourceQueueArns": ["arn:aws:sqs:us-east-1:1:a"], "redrivePermission": "byQueue" }`;
  await declareQueue(broker, "orders", { attributes: { RedriveAllowPolicy: turned } });
  const other = turned.replace(":a", ":b");
  await assert.rejects(declareQueue(broker, "orders", { attributes: { RedriveAllowPolicy: other } }), ConfigError);
  assert.equal(sqs.requests.count("CreateQueue"), 2);
});

Deno.test("declareQueue() compares a document that is no JSON as the text that it is", async () => {
  const { broker } = setUp();
  await declareQueue(broker, "orders");
  await assert.rejects(
    declareQueue(broker, "orders", { attributes: { Policy: "{ broken" } }),
    (error) => error instanceof ConfigError && /Policy is unset and not \{ broken;/.test(error.message),
  );
});

Deno.test("declareQueue() holds the broker's attributes against no queue that is there", async () => {
  const { sqs, broker } = setUp({ queueAttributes: { VisibilityTimeout: 1800 }, queueTags: { a: "b" } });
  sqs.createQueue("orders", { VisibilityTimeout: 60 });
  assert.match((await declareQueue(broker, "orders")).arn, /:orders$/);
});

Deno.test("declareQueue() with passive only looks", async () => {
  const { sqs, broker } = setUp({ createMissing: true });
  await assert.rejects(declareQueue(broker, "orders", { passive: true }), DoesNotExistQueueError);
  const url = sqs.createQueue("orders");
  const found = await declareQueue(broker, "orders", { passive: true, attributes: { VisibilityTimeout: 1 } });
  assert.equal(found.url, url);
  assert.equal((await declareQueue(broker, url, { passive: true })).arn, found.arn);
  assert.equal(sqs.requests.count("CreateQueue"), 0);
});

Deno.test("declareQueue() finds a queue gone that it had found before, and makes it anew", async () => {
  const { sqs, broker } = setUp();
  await declareQueue(broker, "orders");
  sqs.setFaults(({ action, attempt }) =>
    action === "GetQueueUrl" && attempt === 2 ? { type: "error", code: "QueueDoesNotExist" } : undefined
  );
  await declareQueue(broker, "orders");
  assert.equal(sqs.requests.count("CreateQueue"), 2);
});

Deno.test("declareQueue() compares with the queue of somebody who was faster", async () => {
  const { sqs, broker } = setUp();
  sqs.setFaults(({ action, queue }) => {
    if (action === "CreateQueue" && !sqs.queueNames.includes(queue!)) sqs.createQueue(queue!, { VisibilityTimeout: 7 });
    return undefined;
  });
  await assert.rejects(
    declareQueue(broker, "orders", { attributes: { VisibilityTimeout: 8 } }),
    (error) => error instanceof ConfigError && /VisibilityTimeout is 7 and not 8/.test(error.message),
  );
});

Deno.test("declareQueue() throws what keeps a queue from being made, and looks for no other's", async () => {
  const { sqs, broker } = setUp();
  sqs.setFaults(({ action }) => action === "CreateQueue" ? { type: "error", code: "AccessDenied" } : undefined);
  await assert.rejects(declareQueue(broker, "orders"), AccessDeniedQueueError);
  assert.equal(sqs.requests.count("GetQueueUrl"), 1);
});

Deno.test("declareQueue() never creates a predefined queue", async () => {
  const sqs = memorySqs();
  const url = sqs.createQueue("real", { VisibilityTimeout: 60 });
  const broker = connect({ ...sqs.connectOptions, createMissing: true, predefinedQueues: { orders: { url } } });
  const { name, arn } = await declareQueue(broker, "orders", { attributes: { VisibilityTimeout: 60 } });
  assert.deepEqual([name, arn], ["orders", "arn:aws:sqs:us-east-1:000000000000:real"]);
  await assert.rejects(declareQueue(broker, "orders", { attributes: { VisibilityTimeout: 1 } }), ConfigError);
  await assert.rejects(declareQueue(broker, "other"), UndefinedQueueError);
  assert.equal(sqs.requests.count("CreateQueue"), 0);
});

Deno.test("declareQueue() lets a broker remember ten thousand queues: one that makes ever new ones can't fill the memory", async () => {
  const { broker } = setUp();
  const { queues } = stateOf(broker);
  for (let n = 0; n < 10_001; n++) queues.set(`${n}`, {} as QueueAddress);
  await declareQueue(broker, "orders");
  assert.deepEqual([...queues.keys()], ["orders"]);
});

Deno.test("declareQueue() takes a name and no URL", async () => {
  const { sqs, broker } = setUp();
  await assert.rejects(declareQueue(broker, "https://sqs.us-east-1.amazonaws.com/1/orders"), ConfigError);
  await assert.rejects(declareQueue(broker, ""), ConfigError);
  assert.equal(sqs.requests.count(), 0);
});
