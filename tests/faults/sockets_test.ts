/**
 * The same promises over real sockets: a proxy that breaks connections stands between the library and a real server.
 */
import assert from "node:assert/strict";
import {
  connect,
  consume,
  DashiError,
  forEach,
  get,
  publish,
  publishMany,
  purgeQueue,
  queueSize,
  ReceiptExpiredError,
} from "@dashi/sqs";
import { bind, declareExchange, declareQueue } from "@dashi/sqs";
import type { Clock, ConnectOptions, CredentialProvider } from "@dashi/sqs";
import { assumeRole } from "@dashi/sqs/credentials";
import { snsFanout } from "@dashi/sqs/fanout";
import { s3Payloads } from "@dashi/sqs/payloads";
import { assumed } from "../credentials/fakes.ts";
import { startServer, type TestServer } from "../support/fauxqs.ts";
import { type Proxy, type ProxyFault, startProxy } from "./proxy.ts";

const FAULTS: readonly ProxyFault[] = [
  { type: "refuse" },
  { type: "reset" },
  { type: "silence" },
  { type: "half" },
  { type: "carried-out-503" },
  { type: "slow", seconds: 0.02 },
  { type: "slow", seconds: 0.6 },
  { type: "status", status: 500 },
  { type: "status", status: 502, body: "<html>Bad Gateway</html>" },
  { type: "status", status: 503 },
  { type: "status", status: 429 },
  { type: "status", status: 400, body: '{"__type":"com.amazonaws.sqs#RequestThrottled","message":"slow down"}' },
];

interface Scene extends AsyncDisposable {
  readonly server: TestServer;
  readonly proxy: Proxy;
  readonly options: ConnectOptions;
}

async function scene(): Promise<Scene> {
  const server = await startServer();
  const proxy = await startProxy(server.endpoint);
  const options: ConnectOptions = {
    ...server.options,
    endpoint: proxy.endpoint,
    random: () => 0.1,
    http: { requestTimeout: 0.3, maxAttempts: 4 },
  };
  return {
    server,
    proxy,
    options,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await server.stop();
    },
  };
}

/** Strikes the first request of each action that is asked for. */
function strikeEach(proxy: Proxy, fault: ProxyFault): void {
  const seen = new Set<string>();
  proxy.setPlan(({ action }) => seen.has(action) ? undefined : (seen.add(action), fault));
}

Deno.test("every verb of a queue gets past every fault of a real socket", async () => {
  await using t = await scene();
  for (const [index, fault] of FAULTS.entries()) {
    const broker = connect(t.options);
    const queue = `jobs-${index}`;
    strikeEach(t.proxy, fault);
    await declareQueue(broker, queue);
    await publish(broker, 0, { queue });
    const results = await publishMany(broker, [1, 2, 3].map((body) => ({ body })), { queue });
    assert.deepEqual(results.map(({ error }) => error), [undefined, undefined, undefined], fault.type);
    assert.ok((await queueSize(broker, queue)).visible >= 4, fault.type);
    const handled = new Set<unknown>();
    const stop = new AbortController();
    const deliveries = consume(broker, queue, {
      waitTimeSeconds: 0,
      visibilityTimeout: 1,
      pollingInterval: 0.05,
      signal: stop.signal,
      graceSeconds: 1,
    });
    for await (const delivery of deliveries) {
      if (delivery.receiveCount > 5) assert.fail(`${fault.type}: it comes again and again`);
      handled.add(delivery.body);
      await delivery.extend(2).catch(() => {});
      await delivery.ack().catch(() => {});
      if (handled.size === 4) stop.abort();
    }
    await deliveries.closed;
    assert.deepEqual([...handled].sort(), [0, 1, 2, 3], fault.type);
  }
  assert.ok(Object.values(t.proxy.struck).reduce((sum, count) => sum + count) >= FAULTS.length * 5);
});

Deno.test("release(), reject(), get() and purgeQueue() get past every fault of a real socket", async () => {
  await using t = await scene();
  for (const [index, fault] of FAULTS.entries()) {
    const broker = connect(t.options);
    const queue = `jobs-${index}`;
    await declareQueue(broker, queue, { attributes: { VisibilityTimeout: 1 } });
    await publish(broker, "x", { queue });
    strikeEach(t.proxy, fault);
    const taken = async () => {
      for (let i = 0; i < 200; i++) {
        const delivery = await get(broker, queue);
        if (delivery) return delivery;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      assert.fail(`${fault.type}: the message is gone`);
    };
    // One that was carried out and whose answer was lost finds the message visible when it is tried again.
    const expired = (error: unknown) => assert.ok(error instanceof ReceiptExpiredError, String(error));
    await (await taken()).release().catch(expired);
    await (await taken()).reject({ requeue: true }).catch(expired);
    await (await taken()).reject();
    await publish(broker, "y", { queue });
    await purgeQueue(broker, queue).catch((error) => assert.ok(error instanceof DashiError, String(error)));
    assert.equal((await queueSize(broker, queue)).visible, 0, fault.type);
  }
});

Deno.test("a clock that is an hour off is put right over a real socket", async () => {
  await using t = await scene();
  for (const hours of [1, -1]) {
    const broker = connect(t.options);
    t.proxy.setSkew(hours * 3600);
    await declareQueue(broker, "jobs");
    await publish(broker, "x", { queue: "jobs" });
    await (await get(broker, "jobs"))!.ack();
    assert.equal((await queueSize(broker, "jobs")).visible, 0);
  }
  assert.equal(t.proxy.struck.skew, 2, "it is put right once, for all requests that follow");
});

Deno.test("a fanout exchange gets past every fault of a real socket", async () => {
  await using t = await scene();
  for (const [index, fault] of FAULTS.entries()) {
    if (fault.type === "status" && fault.status === 400) continue; // SNS speaks XML
    const broker = connect({ ...t.options, fanout: snsFanout() });
    const [exchange, queue] = [`news-${index}`, `inbox-${index}`];
    await declareQueue(broker, queue);
    strikeEach(t.proxy, fault);
    await declareExchange(broker, exchange, { type: "fanout" });
    await bind(broker, queue, { exchange });
    await publish(broker, "x", { exchange });
    const delivery = await get(broker, queue, { waitTimeSeconds: 1 });
    assert.equal(delivery?.body, "x", fault.type);
    await delivery!.ack();
  }
});

Deno.test("a large payload gets past every fault of a real socket, whole", async () => {
  await using t = await scene();
  const setUp = connect({ ...t.options });
  await fetch(`${t.server.endpoint}/letters`, { method: "PUT" }).then((answer) => answer.text());
  for (const [index, fault] of FAULTS.entries()) {
    if (fault.type === "status" && fault.body) continue; // S3 has no such answers
    const broker = connect({ ...t.options, payloads: s3Payloads({ bucket: "letters", always: true }) });
    const queue = `jobs-${index}`;
    await declareQueue(setUp, queue, { attributes: { VisibilityTimeout: 1 } });
    strikeEach(t.proxy, fault);
    const body = "long ".repeat(40_000);
    await publish(broker, body, { queue });
    const delivery = await get(broker, queue, { waitTimeSeconds: 1 });
    assert.equal(delivery?.body, body, fault.type);
    await delivery!.ack();
  }
});

Deno.test("keys are asked for until STS answers, whatever its connections do", async () => {
  await using t = await scene();
  for (const fault of FAULTS) {
    if (fault.type === "status" && fault.status === 400) continue; // STS speaks XML
    await using sts = await startProxy(await stsServer());
    strikeEach(sts, fault);
    const credentials: CredentialProvider = assumeRole({
      arn: "arn:aws:iam::123456789012:role/orders",
      credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "an-example-of-a-secret-key" },
    });
    const { endpoint } = t.proxy;
    // A provider has a deadline of ten seconds of its own.
    const clock: Clock = { now: () => Date.now(), sleep: (seconds, signal) => sleep(Math.min(seconds, 0.3), signal) };
    const broker = connect({ ...t.options, credentials, clock, endpoint: { sqs: endpoint, sts: sts.endpoint } });
    await declareQueue(broker, "jobs");
    assert.ok(sts.calls >= 1, fault.type);
  }
  await closeSts();
});

function sleep(seconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

let running: Deno.HttpServer<Deno.NetAddr> | undefined;

function stsServer(): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  if (running) return Promise.resolve(`http://127.0.0.1:${running.addr.port}`);
  running = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: ({ port }) => resolve(`http://127.0.0.1:${port}`) },
    () => assumed("AssumeRole", "AKIDROLE", new Date(Date.now() + 3_600_000)),
  );
  return promise;
}

async function closeSts(): Promise<void> {
  await running?.shutdown();
  running = undefined;
}

Deno.test("a host that has no address and a port that nobody listens on are typed errors that may be retried", async () => {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  for (const endpoint of [`http://127.0.0.1:${port}`, "http://no-such-host.localhost.test:81"]) {
    const broker = connect({
      region: "us-east-1",
      endpoint,
      credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "an-example-of-a-secret-key" },
      random: () => 0,
      http: { requestTimeout: 2 },
    });
    await assert.rejects(publish(broker, 1, { queue: "jobs" }), { code: "ERR_DASHI_AWS", retryable: true, status: 0 });
    const deliveries = consume(broker, "jobs");
    const stop = setTimeout(() => deliveries.stop(), 50);
    // An outage is never the end of the iteration: only we end it.
    assert.deepEqual(await forEach(deliveries, () => assert.fail()), { acked: 0, released: 0, rejected: 0 });
    clearTimeout(stop);
    await deliveries.closed;
  }
});
