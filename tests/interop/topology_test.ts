/**
 * Exchanges and groups shared with a real kombu, moto between them: topologies declared on one side and used by the
 * other. Skipped without `MOTO_ENDPOINT` and `INTEROP_PYTHON`.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  bind,
  type Broker,
  connect,
  consume,
  declareExchange,
  declareQueue,
  type Delivery,
  publish,
  publishMany,
  type Topology,
} from "@dashi/sqs";
import { snsFanout } from "@dashi/sqs/fanout";
import { endpoint, ignore, type Received, startPeer, valueOf } from "./peer.ts";

if (ignore) console.log("topology: skipped, as MOTO_ENDPOINT and INTEROP_PYTHON are not both set");

const run = crypto.randomUUID().slice(0, 8);

const brokerOf = (topology?: Topology): Broker =>
  connect({
    region: "us-east-1",
    endpoint,
    credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" },
    createMissing: true,
    fanout: snsFanout(),
    topology,
  });

async function drain(broker: Broker, queue: string): Promise<Delivery[]> {
  const found: Delivery[] = [];
  await using deliveries = consume(broker, queue, { untilEmpty: true, waitTimeSeconds: 0 });
  for await (const delivery of deliveries) {
    found.push(delivery);
    await delivery.ack();
  }
  return found;
}

/** The same bindings for both: direct and topic ones live in each process. */
function shared(id: string) {
  const [eu, sport, all, work] = ["eu", "sport", "all", "work"].map((name) => `${id}-${name}-${run}`);
  const bindings = [
    [eu, "news", "eu.*"],
    [sport, "news", "*.sport.#"],
    [all, "news", "#"],
    [work, "jobs", "work"],
  ];
  const exchanges = { news: "topic", jobs: "direct" } as const;
  return {
    queues: { eu, sport, all, work },
    python: { exchanges, bindings },
    ours: {
      exchanges: { news: { type: "topic" }, jobs: { type: "direct" } },
      bindings: bindings.map(([queue, exchange, routingKey]) => ({ queue, exchange, routingKey })),
    } as Topology,
  };
}

const MESSAGES = [
  { key: "eu.weather", to: ["eu", "all"] },
  { key: "us.sport.ball", to: ["sport", "all"] },
  { key: "us.weather.storm", to: ["all"] },
] as const;

Deno.test(
  { name: "a kombu producer routes by a topology that was declared here as it would be here", ignore },
  async () => {
    await using peer = startPeer();
    const { queues, python, ours } = shared("ours");
    const broker = brokerOf(ours);
    for (const queue of Object.values(queues)) await declareQueue(broker, queue);
    await peer.ask({
      do: "publish",
      ...python,
      messages: [
        ...MESSAGES.map(({ key }) => ({ body: ["text", key], exchange: "news", key })),
        { body: ["text", "work"], exchange: "jobs", key: "work" },
      ],
    });
    for (const [name, queue] of Object.entries(queues)) {
      const found = await drain(broker, queue);
      const wanted = name === "work"
        ? ["work"]
        : MESSAGES.filter(({ to }) => to.some((one) => one === name)).map(({ key }) => key);
      assert.deepEqual(found.map(({ body }) => body).sort(), wanted.toSorted(), name);
      for (const { properties } of found) {
        const info = properties.delivery_info as { exchange: string };
        assert.equal(info.exchange, name === "work" ? "jobs" : "news");
      }
    }
  },
);

Deno.test(
  { name: "publish() routes by a topology that kombu declared to the queues that kombu reads", ignore },
  async () => {
    await using peer = startPeer();
    const { queues, python, ours } = shared("theirs");
    await peer.ask({ do: "declare", ...python });
    const broker = brokerOf(ours);
    for (const { key } of MESSAGES) await publish(broker, key, { exchange: "news", routingKey: key });
    await publish(broker, "work", { exchange: "jobs", routingKey: "work" });
    for (const [name, queue] of Object.entries(queues)) {
      const wanted = name === "work"
        ? ["work"]
        : MESSAGES.filter(({ to }) => to.some((one) => one === name)).map(({ key }) => key);
      const found = await peer.ask<Received[]>({ do: "consume", queue, count: wanted.length });
      assert.deepEqual(found.map(({ body }) => valueOf(body)).sort(), wanted.toSorted(), name);
      assert.ok(found.every(({ info }) => info.exchange === (name === "work" ? "jobs" : "news")));
    }
  },
);

Deno.test(
  { name: "a fanout exchange that kombu declared reaches our queues and kombu's, whoever publishes", ignore },
  async () => {
    await using peer = startPeer();
    const exchange = `alerts-${run}`;
    const [theirs, ours] = [`theirs-${run}`, `ours-${run}`];
    const python = { exchanges: { [exchange]: "fanout" }, bindings: [[theirs, exchange, ""]] };
    await peer.ask({ do: "declare", ...python });
    const broker = brokerOf();
    await declareQueue(broker, ours);
    await declareExchange(broker, exchange, { type: "fanout" });
    await bind(broker, ours, { exchange });

    await peer.ask({ do: "publish", ...python, messages: [{ body: ["text", "from kombu"], exchange }] });
    await publish(broker, "from here", { exchange, messageAttributes: { flavour: "salt" } });

    assert.deepEqual((await drain(broker, ours)).map(({ body }) => body).sort(), ["from here", "from kombu"]);
    const found = await peer.ask<Received[]>({ do: "consume", ...python, count: 2 });
    assert.deepEqual(found.map(({ body }) => valueOf(body)).sort(), ["from here", "from kombu"]);
  },
);

Deno.test({
  name: "kombu's three cases of groups arrive: FIFO without one, a standard queue without and with one",
  ignore,
}, async () => {
  await using peer = startPeer();
  const [fifo, fair] = [`lane-${run}.fifo`, `fair-${run}`];
  const numbered = (options: object) => [0, 1, 2, 3].map((body) => ({ body: ["int", String(body)], options }));
  const broker = brokerOf();
  await peer.ask({ do: "publish", queue: fifo, messages: numbered({}) });
  await peer.ask({ do: "publish", queue: fair, messages: numbered({}).slice(0, 1) });
  await peer.ask({ do: "publish", queue: fair, messages: numbered({ MessageGroupId: "tenant-7" }).slice(1, 2) });
  const ordered = await drain(broker, fifo);
  assert.deepEqual(ordered.map(({ body, groupId }) => [body, groupId]), [0, 1, 2, 3].map((body) => [body, "default"]));
  const mixed = await drain(broker, fair);
  assert.deepEqual(
    new Map(mixed.map(({ body, groupId }) => [body, groupId])),
    new Map([[0, undefined], [1, "tenant-7"]]),
  );
});

Deno.test({ name: "our three cases of groups arrive at kombu, in order where the queue is FIFO", ignore }, async () => {
  await using peer = startPeer();
  const [fifo, fair] = [`lane-ours-${run}.fifo`, `fair-ours-${run}`];
  const broker = brokerOf();
  await publishMany(broker, [0, 1, 2, 3].map((body) => ({ body })), { queue: fifo });
  await publish(broker, 0, { queue: fair });
  await publish(broker, 1, { queue: fair, groupId: "tenant-7" });
  const groups = (found: Received[]) => found.map(({ body, attributes }) => [valueOf(body), attributes.MessageGroupId]);
  const ordered = await peer.ask<Received[]>({ do: "consume", queue: fifo, count: 4 });
  assert.deepEqual(groups(ordered), [0, 1, 2, 3].map((body) => [body, "default"]));
  const mixed = await peer.ask<Received[]>({ do: "consume", queue: fair, count: 2 });
  assert.deepEqual(groups(mixed).sort(), [[0, undefined], [1, "tenant-7"]]);
});
