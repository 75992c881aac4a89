/**
 * Direct and topic exchanges: routing is a pure function over plain data, which another process can be given as JSON.
 *
 *     deno run -A examples/06_exchanges_and_topics.ts
 */
import { bind, connect, declareExchange, declareQueue, publish, queueSize, route, topology } from "@dashi/sqs";
import { memorySqs } from "@dashi/sqs/testing";

const { connectOptions } = memorySqs();
const broker = connect(connectOptions);
for (const queue of ["sport", "archive", "lost"]) await declareQueue(broker, queue);

await declareExchange(broker, "news", { type: "topic", unroutableQueue: "lost" });
await bind(broker, "sport", { exchange: "news", routingKey: "*.sport.#" });
await bind(broker, "archive", { exchange: "news", routingKey: "eu.#" });

for (const routingKey of ["eu.sport", "eu", "us.sport.swimming", "us.weather"]) {
  const { sent } = await publish(broker, "…", { exchange: "news", routingKey });
  console.log(routingKey, "→", sent.map(({ queue }) => queue).join(", "));
}

const there = connect({ ...connectOptions, topology: JSON.parse(JSON.stringify(topology(broker))) });
console.log("another process:", route(topology(there), "news", "eu.sport"));
console.log("in the archive:", (await queueSize(there, "archive")).visible);
