import assert from "node:assert/strict";
import { stateOf } from "../../lib/broker.ts";
import { memorySqs } from "../../lib/testing/mod.ts";
import { forgetQueue } from "../../lib/topology/forget_queue.ts";
import { resolveQueue } from "../../lib/topology/resolve_queue.ts";
import { sendTo } from "../../lib/topology/send_to.ts";
import { getQueueAttributes } from "../../lib/sqs/get_queue_attributes.ts";
import {
  AccessDeniedQueueError,
  ConfigError,
  connect,
  DoesNotExistQueueError,
  UndefinedQueueError,
} from "../../mod.ts";
import { setUp } from "./setup.ts";

const US = "https://sqs.us-east-1.amazonaws.com/000000000000";

Deno.test("resolveQueue() asks SQS once for a name, and never for a list", async () => {
  const { sqs, broker } = setUp({ queueNamePrefix: "prod." });
  const url = sqs.createQueue("prod-shop-orders");
  const callers = await Promise.all(Array.from({ length: 50 }, () => resolveQueue(broker, "shop.orders")));
  callers.push(await resolveQueue(broker, "shop.orders"));
  for (const queue of callers) {
    assert.deepEqual({ ...queue }, { name: "shop.orders", url, fifo: false, region: undefined });
  }
  assert.deepEqual(sqs.requests.counts, { GetQueueUrl: 1 });
});

Deno.test("resolveQueue() remembers a queue whatever its name's spelling, and gives each caller its own", async () => {
  const { sqs, broker } = setUp();
  sqs.createQueue("a_b.fifo", { FifoQueue: true });
  assert.equal((await resolveQueue(broker, "a:b.fifo")).name, "a:b.fifo");
  const { name, fifo } = await resolveQueue(broker, "a_b.fifo");
  assert.deepEqual([name, fifo], ["a_b.fifo", true]);
  assert.equal(sqs.requests.count(), 1);
});

Deno.test("resolveQueue() remembers ten thousand queues: whoever names those to answer to can't fill the memory", async () => {
  const { sqs, broker } = setUp();
  sqs.createQueue("orders");
  await resolveQueue(broker, "orders");
  for (let n = 0; n < 9999; n++) await resolveQueue(broker, `${US}/${n}`);
  await resolveQueue(broker, "orders");
  assert.equal(sqs.requests.count("GetQueueUrl"), 1);
  for (let n = 10_000; n < 10_003; n++) await resolveQueue(broker, `${US}/${n}`);
  await resolveQueue(broker, "orders");
  assert.equal(sqs.requests.count("GetQueueUrl"), 2);
});

Deno.test("resolveQueue() takes a URL as it is, without prefix or request", async () => {
  const { sqs, broker } = setUp({ queueNamePrefix: "prod-" });
  const url = "https://sqs.eu-west-1.amazonaws.com/123456789012/orders.fifo";
  const queue = await resolveQueue(broker, url);
  assert.equal(queue.url, url);
  assert.deepEqual([queue.name, queue.fifo], ["orders.fifo", true]);
  assert.equal(sqs.requests.count(), 0);
});

Deno.test("resolveQueue() refuses a URL without a queue's name", async () => {
  const { broker } = setUp();
  for (const url of ["https://", "https://sqs.us-east-1.amazonaws.com", "https://sqs.us-east-1.amazonaws.com/1/"]) {
    await assert.rejects(resolveQueue(broker, url), ConfigError);
  }
});

Deno.test("resolveQueue() refuses a name that SQS would, before any request", async () => {
  const { sqs, broker } = setUp({ queueNamePrefix: "p-" });
  for (const name of ["", undefined, "a b", "é", "x".repeat(79), "x".repeat(74) + ".fifo"]) {
    await assert.rejects(resolveQueue(broker, name as string), ConfigError, String(name));
  }
  assert.equal(sqs.requests.count(), 0);
});

Deno.test("resolveQueue() finds predefined queues by the literal name, then by the canonical one", async () => {
  const predefinedQueues = {
    "a.b": { url: `${US}/literal` },
    "prod-a-b": { url: `${US}/canonical` },
    "c": { url: "https://sqs.eu-west-1.amazonaws.com/1/c.fifo" },
    "d": { url: `${US}/d`, region: "eu-west-3" },
  };
  const { sqs, broker } = setUp({ predefinedQueues, queueNamePrefix: "prod-", createMissing: true });
  const found = async (name: string) => await resolveQueue(broker, name);
  assert.equal((await found("a.b")).url, `${US}/literal`);
  assert.equal((await found("a:b").catch((error) => error)).constructor, UndefinedQueueError);
  assert.equal((await found("a-b")).url, `${US}/canonical`);
  assert.equal((await found("a-b")).name, "a-b");
  assert.equal((await found("c")).fifo, true);
  assert.equal((await found("d")).region, "eu-west-3");
  assert.equal((await found("d")).predefined, predefinedQueues.d);
  assert.equal(sqs.requests.count(), 0);
});

Deno.test("resolveQueue() shows the keys of a predefined queue to no log and no serialiser", async () => {
  const credentials = { accessKeyId: "AKIDOTHER", secretAccessKey: "hunter2hunter2" };
  const { broker } = setUp({
    predefinedQueues: { "my-jobs": { url: `${US}/1`, credentials } },
    queueNamePrefix: "my-",
  });
  for (const name of ["my-jobs", "jobs"]) {
    const found = await resolveQueue(broker, name);
    assert.equal(found.name, name);
    assert.equal(found.credentials, credentials);
    assert.equal(found.predefined?.credentials, credentials);
    for (const shown of [JSON.stringify(found), Deno.inspect(found), JSON.stringify({ ...found })]) {
      assert.ok(!/AKIDOTHER|hunter2/.test(shown), shown);
    }
  }
});

Deno.test("resolveQueue() takes of URLs only predefined ones where there are any", async () => {
  const { sqs, broker } = setUp({ predefinedQueues: { orders: { url: `${US}/1` } }, createMissing: true });
  const { name, predefined } = await resolveQueue(broker, `${US}/1`);
  assert.deepEqual([name, predefined?.url], ["orders", `${US}/1`]);
  for (const other of [`${US}/2`, "other", "__proto__", "constructor"]) {
    await assert.rejects(
      resolveQueue(broker, other, { create: true }),
      (error) => error instanceof UndefinedQueueError && /known are orders$/.test(error.message),
    );
  }
  await assert.rejects(
    resolveQueue(broker, "https://user:password@sqs.us-east-1.amazonaws.com/1/orders"),
    (error) => error instanceof UndefinedQueueError && !/password/.test(error.message),
  );
  assert.equal(sqs.requests.count(), 0);
});

Deno.test("resolveQueue() says what to do about a queue that is missing, and asks again the next time", async () => {
  const { sqs, broker } = setUp();
  await assert.rejects(
    resolveQueue(broker, "orders"),
    (error) =>
      error instanceof DoesNotExistQueueError && error.action === "GetQueueUrl" && error.status === 400 &&
      /'orders'.*createMissing.*declareQueue.*region/.test(error.message),
  );
  const url = sqs.createQueue("orders");
  assert.equal((await resolveQueue(broker, "orders")).url, url);
});

Deno.test("resolveQueue() creates a missing queue once for all callers with createMissing", async () => {
  const events: string[] = [];
  const { sqs, broker } = setUp({
    createMissing: true,
    queueNamePrefix: "prod-",
    queueAttributes: { VisibilityTimeout: 120 },
    queueTags: { team: "shop" },
    onEvent: (event) => event.type === "topology" && events.push(`${event.operation} ${event.resource}`),
  });
  const found = await Promise.all(["orders", "orders", "orders"].map((name) => resolveQueue(broker, name)));
  assert.deepEqual(sqs.requests.counts, { GetQueueUrl: 1, CreateQueue: 1 });
  assert.deepEqual(sqs.requests.list[1].input, {
    QueueName: "prod-orders",
    Attributes: { VisibilityTimeout: "120" },
    tags: { team: "shop" },
  });
  assert.deepEqual(events, [`create ${found[0].url}`]);
  assert.equal((await resolveQueue(broker, "jobs.fifo")).fifo, true);
  assert.equal((sqs.requests.list.at(-1)!.input.Attributes as Record<string, string>).FifoQueue, "true");
});

Deno.test("resolveQueue() does not create where its caller says so", async () => {
  const { sqs, broker } = setUp({ createMissing: true });
  await assert.rejects(resolveQueue(broker, "orders", { create: false }), (error) => {
    assert.ok(error instanceof DoesNotExistQueueError);
    assert.doesNotMatch(error.message, /'createMissing' is off/);
    return true;
  });
  assert.deepEqual(sqs.queueNames, []);
});

Deno.test("resolveQueue() takes the queue that somebody else created meanwhile", async () => {
  const { sqs, broker } = setUp({ createMissing: true, queueAttributes: { VisibilityTimeout: 1 } });
  sqs.setFaults(({ action }) => {
    if (action === "CreateQueue") sqs.createQueue("orders");
    return undefined;
  });
  assert.match((await resolveQueue(broker, "orders")).url, /\/orders$/);
});

Deno.test("resolveQueue() does not take a refusal for a missing queue", async () => {
  const { sqs, broker } = setUp({ createMissing: true });
  sqs.setFaults(() => ({ type: "error", code: "AccessDenied", status: 403 }));
  await assert.rejects(resolveQueue(broker, "orders"), AccessDeniedQueueError);
  assert.equal(sqs.requests.count("CreateQueue"), 0);
});

Deno.test("resolveQueue() lets one caller leave and finds the queue for the others", async () => {
  const { sqs, broker } = setUp();
  sqs.createQueue("orders");
  sqs.setFaults(({ attempt }) => attempt === 1 ? { type: "slow", seconds: Infinity } : undefined);
  const first = new AbortController();
  const second = new AbortController();
  const left = assert.rejects(resolveQueue(broker, "orders", { signal: first.signal }), /the first left/);
  const alsoLeft = assert.rejects(resolveQueue(broker, "orders", { signal: second.signal }), /the second left/);
  const stays = resolveQueue(broker, "orders", { signal: new AbortController().signal });
  await sqs.clock.settle();
  second.abort(new Error("the second left"));
  await alsoLeft;
  assert.equal(sqs.requests.count(), 1);
  first.abort(new Error("the first left"));
  await left;
  assert.equal((await stays).name, "orders");
  assert.equal(sqs.requests.count(), 2);
  assert.equal(stateOf(broker).pending.size, 0);
});

Deno.test("resolveQueue() sends nothing for a signal that fired", async () => {
  const { sqs, broker } = setUp();
  await assert.rejects(resolveQueue(broker, "orders", { signal: AbortSignal.abort(new Error("over")) }), /over/);
  assert.equal(sqs.requests.count(), 0);
});

Deno.test("sendTo() forgets a queue that is gone, so that the next look-up finds its successor", async () => {
  const { sqs, broker } = setUp();
  sqs.createQueue("orders");
  const queue = await resolveQueue(broker, "orders");
  const request = getQueueAttributes({ queueUrl: queue.url });
  await sendTo(broker, queue, request);
  await resolveQueue(broker, "orders");
  assert.equal(sqs.requests.count("GetQueueUrl"), 1);
  sqs.setFaults(({ action }) =>
    action === "GetQueueAttributes" ? { type: "error", code: "QueueDoesNotExist" } : undefined
  );
  await assert.rejects(sendTo(broker, queue, request), DoesNotExistQueueError);
  await resolveQueue(broker, "orders");
  assert.equal(sqs.requests.count("GetQueueUrl"), 2);
});

Deno.test("sendTo() forgets a URL that nothing is sent to: one wrong answer does not end the queue's use", async () => {
  let queueUrl = "https://elsewhere.example/1/orders";
  const fetch = () => Promise.resolve(Response.json({ QueueUrl: queueUrl, Attributes: {} }));
  const broker = connect({
    region: "us-east-1",
    credentials: { accessKeyId: "A", secretAccessKey: "S" },
    http: { fetch },
  });
  const ask = async () => {
    const queue = await resolveQueue(broker, "orders");
    return await sendTo(broker, queue, getQueueAttributes({ queueUrl: queue.url }));
  };
  await assert.rejects(ask(), ConfigError);
  queueUrl = `${US}/orders`;
  assert.deepEqual(await ask(), { attributes: {} });
});

Deno.test("sendTo() signs for the region and with the keys of the queue", async () => {
  const seen: string[] = [];
  const sqs = memorySqs();
  const broker = connect({
    ...sqs.connectOptions,
    http: {
      fetch(request) {
        seen.push(request.headers.get("authorization")!);
        return sqs.fetch(request);
      },
    },
    predefinedQueues: {
      orders: {
        url: sqs.createQueue("orders"),
        region: "eu-north-1",
        credentials: { accessKeyId: "AKIDOTHER", secretAccessKey: "secret" },
      },
    },
  });
  const queue = await resolveQueue(broker, "orders");
  await sendTo(broker, queue, getQueueAttributes({ queueUrl: queue.url }));
  assert.match(seen[0], /Credential=AKIDOTHER\/\d+\/eu-north-1\/sqs\//);
});

Deno.test("forgetQueue() forgets a queue in any spelling of its name", async () => {
  const { sqs, broker } = setUp({ queueNamePrefix: "p." });
  sqs.createQueue("p-a-b");
  for (const name of ["a.b", "a-b"]) {
    await resolveQueue(broker, "a.b");
    forgetQueue(broker, name);
  }
  await resolveQueue(broker, "a.b");
  assert.equal(sqs.requests.count("GetQueueUrl"), 3);
});
