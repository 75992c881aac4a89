/**
 * The demo: 2,000 orders through a queue, on an SQS that runs inside this process.
 *
 *     deno task demo                                    an embedded SQS
 *     deno task demo --endpoint http://127.0.0.1:4566   another one
 *     deno task demo --queue my-orders                  AWS, with your AWS_* variables or profile
 *
 * @module
 */
import process from "node:process";
import { parseArgs } from "node:util";
// @ts-types="npm:@types/cli-progress@3.11.6"
import progress from "cli-progress";
import { buildApp } from "fauxqs";
import {
  type Broker,
  ConfigError,
  connect,
  consume,
  declareQueue,
  deleteQueue,
  DoesNotExistQueueError,
  get,
  publishAll,
  queueSize,
  queueUrl,
  send,
} from "@dashi/sqs";
import { defaultChain } from "@dashi/sqs/credentials";
import { getQueueAttributes } from "@dashi/sqs/sqs";

const USAGE = `Usage: deno task demo [--endpoint URL] [--queue NAME] [--messages 2000]

Without --endpoint and --queue (and AWS_ENDPOINT_URL), an SQS inside the process is used. On another one, the demo
makes a queue and its dead-letter queue and deletes them at the end; a queue that is there already must be empty, and
stays.`;

/** One order in twenty can't be charged. */
const isBroken = (id: number) => id % 20 === 7;

function* ordersOf(total: number) {
  for (let id = 0; id < total; id++) yield { body: { id, item: "kelp", broken: isBroken(id) } };
}

interface Input {
  readonly endpoint?: string;
  readonly queue: string;
  readonly total: number;
  readonly embedded: boolean;
}

function readInput(args: string[]): Input {
  const text = { type: "string" } as const;
  const options = { endpoint: text, queue: text, messages: text, help: { type: "boolean", short: "h" } } as const;
  const { values } = parseArgs({ args, options });
  if (values.help) {
    console.log(USAGE);
    process.exit();
  }
  const { messages = "2000", queue } = values;
  const endpoint = values.endpoint || process.env.AWS_ENDPOINT_URL_SQS || process.env.AWS_ENDPOINT_URL;
  const total = /^\d{1,7}$/.test(messages) ? Number(messages) : 0;
  if (!total) throw new ConfigError(`--messages must be a whole number from 1 to 9999999: it is '${messages}'`);
  if (queue !== undefined && !/^[\w-]{1,75}$/.test(queue)) {
    throw new ConfigError(`--queue must be the name of a standard queue, letters, digits, - and _: it is '${queue}'`);
  }
  return {
    endpoint,
    total,
    queue: queue ?? `dashi-demo-${crypto.randomUUID().slice(0, 6)}`,
    embedded: !endpoint && queue === undefined,
  };
}

/** The messages in a queue, or undefined for a queue that is not there. */
async function countOf(broker: Broker, queue: string): Promise<number | undefined> {
  try {
    const { visible, inFlight, delayed } = await queueSize(broker, queue);
    return visible + inFlight + delayed;
  } catch (error) {
    if (error instanceof DoesNotExistQueueError) return undefined;
    throw error;
  }
}

/** Makes the queues that are missing. Gives the dead-letter queue's name, if there is one, and what to delete. */
async function prepare(broker: Broker, queue: string, visibility: number) {
  const held = await countOf(broker, queue);
  if (held) {
    throw new ConfigError(`The queue '${queue}' holds messages (${held}) that the demo would eat: name an empty one`);
  }
  if (held === 0) {
    const request = getQueueAttributes({ queueUrl: await queueUrl(broker, queue), attributeNames: ["RedrivePolicy"] });
    const { RedrivePolicy } = (await send(broker, request)).attributes;
    return { dead: RedrivePolicy && JSON.parse(RedrivePolicy).deadLetterTargetArn.split(":").pop(), made: [] };
  }
  const dead = `${queue}-dead`;
  if (await countOf(broker, dead) !== undefined) {
    throw new ConfigError(`The queue '${dead}' is there, which the demo would make and delete: give another --queue`);
  }
  await declareQueue(broker, dead);
  await declareQueue(broker, queue, {
    attributes: { VisibilityTimeout: visibility },
    deadLetter: { queue: dead, maxReceiveCount: 1 },
  });
  return { dead, made: [queue, dead] };
}

async function run(broker: Broker, { queue, total, embedded }: Input, signal: AbortSignal): Promise<void> {
  // What is rejected goes to the dead-letter queue when it lapses, which the end waits for; what a slow machine is still
  // at must not lapse.
  const { dead, made } = await prepare(broker, queue, embedded ? 5 : 10);
  const bars = new progress.MultiBar({
    format: "{name} {bar} {value}/{total}",
    hideCursor: true,
    noTTYOutput: true,
    notTTYSchedule: 1000,
  }, progress.Presets.shades_classic);
  try {
    const deadBefore = dead ? await countOf(broker, dead) ?? 0 : 0;
    const sending = bars.create(total, 0, { name: "published" });
    const receiving = bars.create(total, 0, { name: "consumed " });
    const began = performance.now();
    const before = broker.requests;

    for await (const { error } of publishAll(broker, ordersOf(total), { queue, signal })) {
      if (error) throw error;
      sending.increment();
    }

    const published = performance.now();
    const acked = new Set<number>();
    const rejected = new Set<number>();
    let handed = 0;
    let last = published;
    const options = { prefetch: 100, ackLinger: 0.2, waitTimeSeconds: 1, untilEmpty: true, signal };
    const deliveries = consume(broker, queue, options);
    for await (const delivery of deliveries) {
      const order = delivery.body as { id: number; broken: boolean };
      if (order.broken) {
        rejected.add(order.id);
        delivery.reject(); // the queue has a dead-letter queue, which gets it
      } else {
        delivery.ack().then(() => acked.add(order.id), () => {}); // ten share one request
      }
      receiving.update(Math.min(total, ++handed)); // SQS may give a message twice
      if (handed === total) bars.stop();
      last = performance.now();
    }
    await deliveries.closed;
    if (bars.isActive) bars.stop();
    signal.throwIfAborted();

    const requests = broker.requests - before;
    const buried = dead ? await buriedIn(broker, dead, queue, deadBefore + rejected.size, signal) - deadBefore : 0;
    const rate = (count: number, ms: number) => `${Math.round(count / ms * 1000).toLocaleString("en")} a second`;
    const done = acked.size + rejected.size;
    console.log(table([
      ["Published", total, rate(total, published - began)],
      ["Consumed", done, rate(done, last - published)],
      ["  acked", acked.size, ""],
      [
        "  rejected",
        rejected.size,
        dead ? `of them in the dead-letter queue: ${buried}` : "no dead-letter queue: gone",
      ],
      ["Requests", requests, "sends, receives and deletes, all counted"],
      ["Requests a message", (requests / total).toFixed(3), "0.300 is ten messages in each request"],
    ]));
    console.log(CODE);
    if (done !== total || made.length && buried !== rejected.size) {
      throw new Error(`Not every order came through: ${acked.size} acked and ${buried} dead of ${total}`);
    }
  } finally {
    if (bars.isActive) bars.stop();
    for (const name of made) await deleteQueue(broker, name);
  }
}

/**
 * How many messages a dead-letter queue holds, once that is what is expected. A message moves there when it would be
 * received again, so somebody must ask for it; and SQS's counts lag up to a minute behind.
 */
async function buriedIn(
  broker: Broker,
  dead: string,
  queue: string,
  expected: number,
  signal: AbortSignal,
): Promise<number> {
  for (let tries = 0;; tries++) {
    const count = await countOf(broker, dead) ?? 0;
    if (count >= expected || tries === 60) return count;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    signal.throwIfAborted();
    await get(broker, queue, { waitTimeSeconds: 0 });
  }
}

function table(rows: readonly (readonly [string, number | string, string])[]): string {
  return "\n" + rows.map(([name, value, note]) => {
    return `  ${name.padEnd(20)}${value.toLocaleString("en").padStart(10)}   ${note}`.trimEnd();
  }).join("\n");
}

const CODE = `
The code that did it:

  const broker = connect({ region: "eu-west-1" });
  await declareQueue(broker, "dead");
  await declareQueue(broker, "orders", { deadLetter: { queue: "dead", maxReceiveCount: 1 } });
  for await (const { error } of publishAll(broker, orders, { queue: "orders" })) {
    if (error) throw error;
  }
  for await (const delivery of consume(broker, "orders", { prefetch: 100, ackLinger: 0.2 })) {
    if (delivery.body.broken) delivery.reject();
    else delivery.ack();
  }
`;

const interrupt = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => interrupt.abort(new Error("interrupted: the queues of the demo are deleted")));
}
let server: ReturnType<typeof buildApp> | undefined;
try {
  const input = readInput(process.argv.slice(2));
  const { embedded } = input;
  if (embedded) server = buildApp({ logger: false, host: "localhost" });
  const endpoint = embedded ? await server!.listen({ port: 0, host: "127.0.0.1" }) : input.endpoint;
  // An emulator takes any keys.
  const own = endpoint && (embedded || !process.env.AWS_ACCESS_KEY_ID && !process.env.AWS_PROFILE);
  const credentials = own ? { accessKeyId: "demo", secretAccessKey: "demo" } : defaultChain();
  const broker = connect({ endpoint, credentials, ...embedded && { region: "us-east-1" } });
  const where = embedded ? "an SQS inside this process" : endpoint ?? "AWS";
  console.log(`dashi: ${input.total} orders through the queue '${input.queue}' on ${where}\n`);
  await run(broker, input, interrupt.signal);
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : error}`);
  process.exitCode = error instanceof ConfigError || (error as { code?: string }).code?.startsWith("ERR_PARSE") ? 2 : 1;
} finally {
  await server?.close();
}
