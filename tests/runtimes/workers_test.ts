/**
 * Workers for real: the examples, and a broker that invocations share, in workerd.
 *
 * @module
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Miniflare } from "miniflare";
import { type Broker, connect, consume, declareQueue, json, publishMany, queueSize } from "@dashi/sqs";
import { startServer, type TestServer } from "../support/fauxqs.ts";
import { bundle } from "./bundle.ts";
import { startExample, trigger } from "./runners/example.ts";
import { type WatchingProxy, watchingProxy } from "./runners/watching_proxy.ts";

// Workerd is a process of its own, and its pipes are closed after the test has ended.
const worker = { sanitizeOps: false, sanitizeResources: false };

interface Bench extends AsyncDisposable {
  readonly server: TestServer;
  readonly proxy: WatchingProxy;
  readonly broker: Broker;
}

/** A server with a queue `orders`, and a proxy before it. */
async function setUp(before?: (action: string) => Promise<void> | void): Promise<Bench> {
  const server = await startServer();
  const proxy = watchingProxy(server.endpoint, before);
  const broker = connect({ ...server.options, waitTimeSeconds: 1 });
  await declareQueue(broker, "orders", { attributes: { VisibilityTimeout: 6 } });
  return {
    server,
    proxy,
    broker,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await server.stop();
    },
  };
}

const orders = (count: number) => Array.from({ length: count }, (_, id) => ({ body: { id } }));

async function eventually(what: () => Promise<boolean>): Promise<void> {
  const signal = AbortSignal.timeout(120_000);
  while (!await what()) {
    signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

Deno.test("cron_drain: a trigger drains the queue, on six connections at the most", worker, async () => {
  await using setting = await setUp();
  const { broker, proxy } = setting;
  await publishMany(broker, orders(60), { queue: "orders" });
  const miniflare = await startExample("cron_drain", { endpoint: proxy.endpoint });
  try {
    assert.equal(await trigger(miniflare, "*/5 * * * *"), "ok");
    assert.deepEqual(await queueSize(broker, "orders"), { visible: 0, inFlight: 0, delayed: 0 });
    assert.ok(proxy.actions.length <= 40, `${proxy.actions.length} requests`);
    assert.ok(proxy.crowd.length <= 6, `connections: ${proxy.crowd}`);
  } finally {
    await miniflare.dispose();
  }
});

Deno.test(
  "cron_drain: what is more than its budget waits for the next trigger, and all that was taken is acked",
  worker,
  async () => {
    await using setting = await setUp();
    const { broker, proxy } = setting;
    await publishMany(broker, orders(500), { queue: "orders" });
    const miniflare = await startExample("cron_drain", { endpoint: proxy.endpoint });
    try {
      await trigger(miniflare, "*/5 * * * *");
      const { visible, inFlight } = await queueSize(broker, "orders");
      assert.ok(visible > 0 && visible < 500, `${visible} are left`);
      assert.equal(inFlight, 0);
      assert.ok(proxy.actions.length <= 40, `${proxy.actions.length} requests`);
    } finally {
      await miniflare.dispose();
    }
  },
);

Deno.test("http_publish: the answer comes before SQS has the message", worker, async () => {
  const sent = Promise.withResolvers<void>();
  await using setting = await setUp((action) => action === "SendMessage" ? sent.promise : undefined);
  const { broker, proxy } = setting;
  const miniflare = await startExample("http_publish", { endpoint: proxy.endpoint });
  try {
    const post = (body: string) => miniflare.dispatchFetch("http://localhost/", { method: "POST", body });
    assert.equal((await post("no JSON")).status, 400);
    const response = await post('{"id":1}');
    assert.equal(response.status, 202);
    await response.text();
    assert.equal((await queueSize(broker, "orders")).visible, 0);
    sent.resolve();
    await eventually(async () => (await queueSize(broker, "orders")).visible === 1);
  } finally {
    await miniflare.dispose();
  }
});

Deno.test("durable_consumer: it consumes shift after shift, and goes on after its eviction", worker, async () => {
  await using setting = await setUp();
  const { broker, proxy } = setting;
  const persist = mkdtempSync(join(tmpdir(), "dashi-durable-"));
  const vars = { SHIFT_SECONDS: 2 };
  const start = () => startExample("durable_consumer", { endpoint: proxy.endpoint, persist, vars });
  let miniflare = await start();
  const ask = async (path: string) =>
    await (await miniflare.dispatchFetch(`http://localhost${path}`)).json() as { running: boolean; cooked: number };
  try {
    await publishMany(broker, orders(5), { queue: "orders" });
    assert.equal((await ask("/start")).running, true);
    await eventually(async () => (await ask("/")).cooked >= 5);
    const receives = () => proxy.actions.filter((action) => action === "ReceiveMessage").length;
    const before = receives();
    await eventually(() => Promise.resolve(receives() > before + 3));
    await miniflare.dispose();
    miniflare = await start();
    await publishMany(broker, orders(5), { queue: "orders" });
    await ask("/start");
    await eventually(async () => (await ask("/")).cooked >= 10);
    assert.equal((await ask("/stop")).running, false);
    await eventually(async () => (await queueSize(broker, "orders")).inFlight === 0);
  } finally {
    await miniflare.dispose();
    rmSync(persist, { recursive: true });
  }
});

Deno.test("queues_bridge: messages go over to Cloudflare Queues and come back", worker, async () => {
  await using setting = await setUp();
  const { broker, proxy, server } = setting;
  for (const queue of ["to-cloudflare", "from-cloudflare"]) await declareQueue(broker, queue);
  const plain = connect({ ...server.options, waitTimeSeconds: 1, codec: json() });
  await publishMany(plain, orders(45), { queue: "to-cloudflare" });
  const miniflare = await startExample("queues_bridge", {
    endpoint: proxy.endpoint,
    queues: { "from-sqs": "both", "to-sqs": "both" },
  });
  try {
    // What is more than the budget of one tick waits for the next.
    await eventually(async () => {
      assert.equal(await trigger(miniflare, "* * * * *"), "ok");
      return (await queueSize(broker, "to-cloudflare")).visible === 0;
    });
    const seen = new Set<number>();
    for await (
      const delivery of consume(plain, "from-cloudflare", { maxMessages: 45, prefetch: 45, maxSeconds: 120 })
    ) {
      seen.add((delivery.body as { id: number }).id);
      delivery.ack();
    }
    assert.equal(seen.size, 45);
    assert.deepEqual(await queueSize(broker, "to-cloudflare"), { visible: 0, inFlight: 0, delayed: 0 });
  } finally {
    await miniflare.dispose();
  }
});

Deno.test(
  "queues_bridge: large messages go in several calls, and one that is too large holds up no other",
  worker,
  async () => {
    await using setting = await setUp();
    const { broker, proxy, server } = setting;
    for (const queue of ["to-cloudflare", "from-cloudflare"]) await declareQueue(broker, queue);
    const plain = connect({ ...server.options, codec: json() });
    const bodies = [130_000, ...Array.from({ length: 12 }, () => 40_000)].map((length) => ({
      body: "x".repeat(length),
    }));
    await publishMany(plain, bodies, { queue: "to-cloudflare" });
    const miniflare = await startExample("queues_bridge", {
      endpoint: proxy.endpoint,
      queues: { "from-sqs": "both", "to-sqs": "both" },
    });
    try {
      assert.equal(await trigger(miniflare, "* * * * *"), "ok");
      assert.deepEqual(await queueSize(broker, "to-cloudflare"), { visible: 0, inFlight: 1, delayed: 0 });
      await eventually(async () => (await queueSize(broker, "from-cloudflare")).visible === 12);
    } finally {
      await miniflare.dispose();
    }
  },
);

/** Starts a Worker of tests/runtimes/workers. */
async function startWorker(name: string, bindings: Record<string, string>): Promise<Miniflare> {
  const [script] = await bundle(new URL(`workers/${name}.ts`, import.meta.url));
  const miniflare = new Miniflare({ modules: true, script, bindings, compatibilityDate: "2026-07-01" });
  await miniflare.ready;
  return miniflare;
}

for (const stuck of ["AssumeRole", "GetQueueUrl", "SendMessage"]) {
  Deno.test(
    `a broker in global scope: an invocation that is cancelled in its ${stuck} holds up no other`,
    worker,
    async () => {
      const never = Promise.withResolvers<void>();
      const reached = Promise.withResolvers<void>();
      let times = 0;
      await using setting = await setUp((action) => {
        if (action !== stuck || times++) return;
        reached.resolve();
        return never.promise;
      });
      const { broker, proxy } = setting;
      const miniflare = await startWorker("shared_broker", { ENDPOINT: proxy.endpoint });
      try {
        const url = "http://localhost/publish?queue=orders";
        const controller = new AbortController();
        const cancelled = miniflare.dispatchFetch(url, { signal: controller.signal }).catch(() => "cancelled");
        await reached.promise;
        controller.abort();
        assert.equal(await cancelled, "cancelled");
        const answers = await Promise.all([1, 2, 3].map(() => miniflare.dispatchFetch(url)));
        assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200]);
        for (const answer of answers) await answer.text();
        assert.equal((await queueSize(broker, "orders")).visible, 3);
      } finally {
        never.resolve();
        await miniflare.dispose();
      }
    },
  );
}

Deno.test("a broker in global scope: an invocation beside one that waits does not wait for it", worker, async () => {
  const held = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  let times = 0;
  await using setting = await setUp((action) => {
    if (action !== "AssumeRole" || times++) return;
    reached.resolve();
    return held.promise;
  });
  const miniflare = await startWorker("shared_broker", { ENDPOINT: setting.proxy.endpoint });
  try {
    const url = "http://localhost/publish?queue=orders";
    const first = miniflare.dispatchFetch(url);
    await reached.promise;
    assert.equal((await miniflare.dispatchFetch(url)).status, 200);
    held.resolve();
    assert.equal((await first).status, 200);
  } finally {
    held.resolve();
    await miniflare.dispose();
  }
});

Deno.test(
  "eight queues: four look-ups or receives go side by side, so that acks find one of the six connections",
  worker,
  async () => {
    await using setting = await setUp();
    const { broker, proxy } = setting;
    for (let index = 0; index < 8; index++) await declareQueue(broker, `shelf-${index}`);
    const miniflare = await startWorker("shared_broker", { ENDPOINT: proxy.endpoint });
    try {
      assert.equal(await (await miniflare.dispatchFetch("http://localhost/fill?queue=shelf")).json(), 0);
      const response = await miniflare.dispatchFetch("http://localhost/consume?queue=shelf");
      assert.equal((await response.json() as { acked: number }).acked, 40);
      for (const action of ["GetQueueUrl", "GetQueueAttributes", "ReceiveMessage"]) {
        assert.ok(
          proxy.most[action] <= 4,
          action,
        );
      }
    } finally {
      await miniflare.dispose();
    }
  },
);

Deno.test("a request in a Worker's global scope says that there can be none", worker, async () => {
  await using setting = await setUp();
  const miniflare = await startWorker("global_scope", { ENDPOINT: setting.proxy.endpoint });
  try {
    const said = await (await miniflare.dispatchFetch("http://localhost/")).text();
    assert.match(said, /global scope/);
    assert.equal(setting.proxy.actions.length, 0);
  } finally {
    await miniflare.dispose();
  }
});
