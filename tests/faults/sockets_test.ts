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
/** Those that services which answer in XML have too. */
const IN_XML = FAULTS.filter((fault) => !(fault.type === "status" && fault.status === 400));

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

interface Scene {
  readonly server: TestServer;
  readonly proxy: Proxy;
  readonly options: ConnectOptions;
  /** Strikes the first request of each action that is asked for, and gives the actions that were struck. */
  strikeEach(fault: ProxyFault, proxy?: Proxy): ReadonlySet<string>;
}

/** Starts a server, and gives it to the work with a proxy and a clock of its own for each fault, all side by side. */
async function withEach(
  faults: readonly ProxyFault[],
  work: (t: Scene, fault: ProxyFault, index: number) => Promise<void>,
): Promise<void> {
  await using server = await startServer();
  const ends = await Promise.allSettled(faults.map((fault, index) => play(server, (t) => work(t, fault, index))));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}

/** Does the work behind a proxy, and ends that and what it holds back. */
async function play(server: TestServer, work: (t: Scene) => Promise<void>): Promise<void> {
  const holds = new Set<Promise<void>>();
  try {
    await using proxy = await startProxy(server.endpoint);
    const clock = new PatientClock();
    await work({
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
        return seen;
      },
    });
  } finally {
    await Promise.all(holds);
  }
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

/** The actions behind every verb of a queue. */
const VERBS = [
  "CreateQueue",
  "SendMessage",
  "SendMessageBatch",
  "GetQueueAttributes",
  "ReceiveMessage",
  "ChangeMessageVisibilityBatch",
  "DeleteMessageBatch",
];

Deno.test("every verb of a queue gets past every fault of a real socket", async () => {
  await withEach(FAULTS, async (t, fault, index) => {
    const broker = connect(t.options);
    const queue = `jobs-${index}`;
    const struck = t.strikeEach(fault);
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
    assert.deepEqual(VERBS.filter((action) => !struck.has(action)), [], fault.type);
  });
});

Deno.test("release(), reject(), get() and purgeQueue() get past every fault of a real socket", async () => {
  await withEach(FAULTS, async (t, fault, index) => {
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
  });
});

Deno.test("a clock that is an hour off is put right over a real socket", async () => {
  await using server = await startServer();
  await play(server, async (t) => {
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
});

Deno.test("a fanout exchange gets past every fault of a real socket", async () => {
  await withEach(IN_XML, async (t, fault, index) => {
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
  });
});

Deno.test("a large payload gets past every fault of a real socket, whole", async () => {
  await withEach(IN_XML, async (t, fault, index) => {
    const [bucket, queue] = [`letters-${index}`, `jobs-${index}`];
    await t.server.createBucket(bucket);
    const broker = connect({ ...t.options, payloads: s3Payloads({ bucket, always: true }) });
    await declareQueue(broker, queue, { attributes: { VisibilityTimeout: 1 } });
    t.strikeEach(fault);
    const body = "long ".repeat(40_000);
    await publish(broker, body, { queue });
    const delivery = await taken(broker, queue, fault.type);
    assert.equal(delivery.body, body, fault.type);
    await delivery.ack().catch(expired);
  });
});

Deno.test("keys are asked for until STS answers, whatever its connections do", async () => {
  await using sts = await startSts();
  await withEach(IN_XML, async (t, fault, index) => {
    await using proxy = await startProxy(sts.endpoint);
    t.strikeEach(fault, proxy);
    const credentials: CredentialProvider = assumeRole({
      arn: "arn:aws:iam::123456789012:role/orders",
      credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "an-example-of-a-secret-key" },
    });
    const { endpoint } = t.proxy;
    const broker = connect({ ...t.options, credentials, endpoint: { sqs: endpoint, sts: proxy.endpoint } });
    await declareQueue(broker, `jobs-${index}`);
    assert.equal(proxy.struck[fault.type], 1, fault.type);
  });
});

/** An STS that gives everybody the same keys. */
async function startSts(): Promise<AsyncDisposable & { readonly endpoint: string }> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: ({ port }) => resolve(port) },
    () => assumed("AssumeRole", "AKIDROLE", new Date(Date.now() + 3_600_000)),
  );
  return { endpoint: `http://127.0.0.1:${await promise}`, [Symbol.asyncDispose]: () => server.shutdown() };
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
