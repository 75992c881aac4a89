/**
 * Runs a Worker of this folder on this machine: an SQS in this process, the Worker in workerd, and a look at both.
 *
 *     deno run -A examples/workers/run.ts cron_drain
 */
import { connect, consume, declareQueue, json, publishMany, queueSize } from "@dashi/sqs";
import { startServer } from "../../tests/support/fauxqs.ts";
import { startExample, trigger } from "../../tests/runtimes/runners/example.ts";

const [name] = Deno.args;
await using server = await startServer();
const broker = connect({ ...server.options, waitTimeSeconds: 1, codec: name === "queues_bridge" ? json() : undefined });
const orders = (count: number) => Array.from({ length: count }, (_, id) => ({ body: { id } }));

const shows: Record<string, () => Promise<void>> = {
  async cron_drain() {
    await publishMany(broker, orders(60), { queue: "orders" });
    console.log("before:", await queueSize(broker, "orders"));
    await using miniflare = disposing(await startExample("cron_drain", { endpoint: server.endpoint }));
    await trigger(miniflare, "*/5 * * * *");
    console.log("after:", await queueSize(broker, "orders"));
  },

  async http_publish() {
    await using miniflare = disposing(await startExample("http_publish", { endpoint: server.endpoint }));
    const order = JSON.stringify({ dish: "ramen", bowls: 2 });
    const response = await miniflare.dispatchFetch("http://localhost/", { method: "POST", body: order });
    console.log("answer:", response.status, (await response.text()).trim());
    for await (const delivery of consume(broker, "orders", { maxMessages: 1 })) {
      console.log("in the queue:", delivery.body);
      await delivery.ack();
    }
  },

  async durable_consumer() {
    const persist = await Deno.makeTempDir();
    const options = { endpoint: server.endpoint, persist, vars: { SHIFT_SECONDS: 4 } };
    try {
      for (const round of ["first", "after an eviction"]) {
        await using miniflare = disposing(await startExample("durable_consumer", options));
        const ask = async (path: string) => await (await miniflare.dispatchFetch(`http://localhost${path}`)).json();
        await publishMany(broker, orders(5), { queue: "orders" });
        await ask("/start");
        await until(async () => (await queueSize(broker, "orders")).inFlight === 0);
        console.log(`${round}:`, await ask("/"));
      }
    } finally {
      await Deno.remove(persist, { recursive: true });
    }
  },

  async queues_bridge() {
    for (const queue of ["to-cloudflare", "from-cloudflare"]) await declareQueue(broker, queue);
    await publishMany(broker, orders(45), { queue: "to-cloudflare" });
    // One Cloudflare queue in place of two: what goes over comes back.
    const queues = { "from-sqs": "both", "to-sqs": "both" };
    await using miniflare = disposing(await startExample("queues_bridge", { endpoint: server.endpoint, queues }));
    // What is more than the budget of one tick waits for the next.
    for (let tick = 1; (await queueSize(broker, "to-cloudflare")).visible > 0; tick++) {
      console.log("tick", tick);
      await trigger(miniflare, "* * * * *");
    }
    await until(async () => (await queueSize(broker, "from-cloudflare")).visible === 45);
    console.log("to-cloudflare:", await queueSize(broker, "to-cloudflare"));
    console.log("from-cloudflare:", await queueSize(broker, "from-cloudflare"));
  },
};

/** Waits until something is so, and nothing is left to come. */
async function until(what: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 100; i++) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    if (await what() && (await queueSize(broker, "orders")).visible === 0) return;
  }
  throw new Error("It took more than 20 s");
}

/** Lets `await using` dispose of a Miniflare. */
function disposing<T extends { dispose(): Promise<void> }>(value: T): T & AsyncDisposable {
  return Object.assign(value, { [Symbol.asyncDispose]: () => value.dispose() });
}

if (!shows[name]) {
  console.error(`Usage: deno run -A examples/workers/run.ts ${Object.keys(shows).join(" | ")}`);
  Deno.exit(2);
}
// What an evicted consumer held, or asked for last, comes back after this time.
await declareQueue(broker, "orders", { attributes: { VisibilityTimeout: 5 } });
await shows[name]();
