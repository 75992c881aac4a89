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
import type { Broker, Clock, ConnectOptions, CredentialProvider, Delivery } from "@dashi/sqs";
import { assumeRole } from "@dashi/sqs/credentials";
import { snsFanout } from "@dashi/sqs/fanout";
import { s3Payloads } from "@dashi/sqs/payloads";
import { assumed } from "../credentials/fakes.ts";
import { startServer, type TestServer } from "../support/fauxqs.ts";
import { BREAKING, type Proxy, type ProxyFault, startProxy } from "./proxy.ts";

const FAULTS: readonly ProxyFault[] = [...BREAKING, { type: "slow", seconds: 0.02 }, { type: "slow", seconds: 0.6 }];

/** Seconds: what waits as long, or longer, is a deadline. */
const DEADLINE = 5;
/** Seconds: what waits longer is no request's but that of a credential provider, which has six times as long. */
const LONGEST = 10;
/** Seconds after which the deadline of a request is over that an answer is held back from. */
const HELD = 0.3;

/**
 * Real time, but for deadlines: they are over soon after an answer is held back, and never before. So a slow machine can't
 * be taken for a broken one.
 */
class PatientClock implements Clock {
  readonly #deadlines = new Set<() => void>();

  now(): number {
    return Date.now();
  }

  sleep(seconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#deadlines.delete(wake);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const timer = seconds < DEADLINE ? setTimeout(wake, seconds * 1000) : undefined;
      if (!timer && seconds <= LONGEST) this.#deadlines.add(wake);
      signal?.addEventListener("abort", wake);
    });
  }

  /** Ends the deadlines that run then, until the request that waits for its answer has ended. */
  async hold(fault: ProxyFault, over: Promise<void>): Promise<void> {
    if (fault.type !== "silence" && !(fault.type === "slow" && fault.seconds > HELD)) return;
    const ended = new AbortController();
    over.then(() => ended.abort());
    for (;;) {
      await this.sleep(HELD, ended.signal);
      if (ended.signal.aborted) return;
      for (const wake of this.#deadlines) wake();
    }
  }
}

interface Scene extends AsyncDisposable {
  readonly server: TestServer;
  readonly proxy: Proxy;
  readonly options: ConnectOptions;
  /** Strikes the first request of each action that is asked for. */
  strikeEach(fault: ProxyFault, proxy?: Proxy): void;
}

async function scene(): Promise<Scene> {
  const server = await startServer();
  const proxy = await startProxy(server.endpoint);
  const clock = new PatientClock();
  const holds = new Set<Promise<void>>();
  return {
    server,
    proxy,
    options: {
      ...server.options,
      endpoint: proxy.endpoint,
      random: () => 0.1,
      clock,
      http: { requestTimeout: DEADLINE, maxAttempts: 4 },
    },
    strikeEach(fault, struck = proxy) {
      const seen = new Set<string>();
      struck.setPlan(({ action, over }) => {
        if (seen.has(action)) return undefined;
        seen.add(action);
        holds.add(clock.hold(fault, over));
        return fault;
      });
    },
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await server.stop();
      await Promise.all(holds);
    },
  };
}

/** The queue's next message. One whose receive was lost on its way comes again when it lapses. */
async function taken(broker: Broker, queue: string, fault: string): Promise<Delivery<unknown>> {
  for (let tries = 0; tries < 50; tries++) {
    const delivery = await get(broker, queue, { waitTimeSeconds: 1 });
    if (delivery) return delivery;
  }
  assert.fail(`${fault}: the message is gone`);
}

/** One that was carried out and whose answer was lost finds the message visible when it is tried again. */
function expired(error: unknown): void {
  assert.ok(error instanceof ReceiptExpiredError, String(error));
}

Deno.test("every verb of a queue gets past every fault of a real socket", async () => {
  await using t = await scene();
  for (const [index, fault] of FAULTS.entries()) {
    const broker = connect(t.options);
    const queue = `jobs-${index}`;
    t.strikeEach(fault);
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
      // A lapse costs one, and on a slow machine it may lapse in our hands.
      if (delivery.receiveCount > 50) assert.fail(`${fault.type}: it comes again and again`);
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
    t.strikeEach(fault);
    const next = () => taken(broker, queue, fault.type);
    await (await next()).release().catch(expired);
    await (await next()).reject({ requeue: true }).catch(expired);
    await (await next()).reject().catch(expired);
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
    await (await taken(broker, "jobs", "skew")).ack();
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
    await declareQueue(broker, queue, { attributes: { VisibilityTimeout: 1 } });
    t.strikeEach(fault);
    await declareExchange(broker, exchange, { type: "fanout" });
    await bind(broker, queue, { exchange });
    await publish(broker, "x", { exchange });
    const delivery = await taken(broker, queue, fault.type);
    assert.equal(delivery.body, "x", fault.type);
    await delivery.ack().catch(expired);
  }
});

Deno.test("a large payload gets past every fault of a real socket, whole", async () => {
  await using t = await scene();
  const setUp = connect({ ...t.options });
  await t.server.createBucket("letters");
  for (const [index, fault] of FAULTS.entries()) {
    if (fault.type === "status" && fault.body) continue; // S3 has no such answers
    const broker = connect({ ...t.options, payloads: s3Payloads({ bucket: "letters", always: true }) });
    const queue = `jobs-${index}`;
    await declareQueue(setUp, queue, { attributes: { VisibilityTimeout: 1 } });
    t.strikeEach(fault);
    const body = "long ".repeat(40_000);
    await publish(broker, body, { queue });
    const delivery = await taken(broker, queue, fault.type);
    assert.equal(delivery.body, body, fault.type);
    await delivery.ack().catch(expired);
  }
});

Deno.test("keys are asked for until STS answers, whatever its connections do", async () => {
  await using t = await scene();
  for (const fault of FAULTS) {
    if (fault.type === "status" && fault.status === 400) continue; // STS speaks XML
    await using sts = await startProxy(await stsServer());
    t.strikeEach(fault, sts);
    const credentials: CredentialProvider = assumeRole({
      arn: "arn:aws:iam::123456789012:role/orders",
      credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "an-example-of-a-secret-key" },
    });
    const { endpoint } = t.proxy;
    const broker = connect({ ...t.options, credentials, endpoint: { sqs: endpoint, sts: sts.endpoint } });
    await declareQueue(broker, "jobs");
    assert.ok(sts.calls >= 1, fault.type);
  }
  await closeSts();
});

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
