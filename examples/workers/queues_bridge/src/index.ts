/**
 * A bridge between SQS and Cloudflare Queues, both ways.
 */
import { batch, type Broker, connect, consume, type Delivery, json, pipe, publishMany } from "@dashi/sqs";

/** The part of a Worker's context that is used: in your own project, take `wrangler types`. */
interface Context {
  waitUntil(work: Promise<unknown>): void;
}

/** A Cloudflare queue to send to. */
interface Queue {
  sendBatch(messages: readonly { readonly body: unknown }[]): Promise<unknown>;
}

/** A batch that a Cloudflare queue hands over. */
interface MessageBatch {
  readonly messages: readonly { readonly body: unknown; ack(): void; retry(): void }[];
}

export interface Env {
  /** The Cloudflare queue that gets what is in SQS's `FROM_SQS`. */
  TO_CLOUDFLARE: Queue;
  /** The SQS queue that is read. */
  FROM_SQS: string;
  /** The SQS queue that gets what this Worker consumes of Cloudflare's. */
  TO_SQS: string;
  AWS_REGION: string;
  AWS_ACCESS_KEY_ID: string;
  AWS_SECRET_ACCESS_KEY: string;
  /** Unset at AWS. */
  SQS_ENDPOINT?: string;
}

/** The bytes that Cloudflare takes in a message and in a call, less some for what it adds itself. */
const MOST_OF_A_MESSAGE = 127_000;
const MOST_OF_A_CALL = 250_000;

let broker: Broker | undefined;

function brokerOf(env: Env): Broker {
  return broker ??= connect({
    region: env.AWS_REGION,
    endpoint: env.SQS_ENDPOINT,
    credentials: { accessKeyId: env.AWS_ACCESS_KEY_ID, secretAccessKey: env.AWS_SECRET_ACCESS_KEY },
    codec: json(),
  });
}

export default {
  /** SQS to Cloudflare, at each tick. */
  async scheduled(_event: unknown, env: Env, context: Context): Promise<void> {
    const messages = consume(brokerOf(env), env.FROM_SQS, {
      untilEmpty: true,
      waitTimeSeconds: 1,
      prefetch: 20,
      maxRequests: 45,
    });
    context.waitUntil(messages.closed);
    for await (const deliveries of pipe(messages, batch(10, 0.5))) {
      for (const call of calls(deliveries)) {
        // At least once: should the Worker end between the two lines, they come again.
        await env.TO_CLOUDFLARE.sendBatch(call.map(({ body }) => ({ body })));
        for (const delivery of call) delivery.ack();
      }
    }
  },

  /** Cloudflare to SQS, as batches come. */
  async queue(messages: MessageBatch, env: Env): Promise<void> {
    const inputs = messages.messages.map(({ body }) => ({ body }));
    const results = await publishMany(brokerOf(env), inputs, { queue: env.TO_SQS });
    results.forEach(({ error }, index) => {
      if (error) messages.messages[index]?.retry();
      else messages.messages[index]?.ack();
    });
  },
};

/** Parts deliveries into what goes over in one call each. One that no call takes stays in SQS, for its dead-letter queue. */
function* calls(deliveries: readonly Delivery[]): Generator<readonly Delivery[]> {
  let call: Delivery[] = [];
  let room = MOST_OF_A_CALL;
  for (const delivery of deliveries) {
    const bytes = new TextEncoder().encode(JSON.stringify(delivery.body)).length;
    if (bytes > MOST_OF_A_MESSAGE) {
      console.error(`Message ${delivery.messageId} is too large for Cloudflare: ${bytes} bytes`);
      delivery.retry();
      continue;
    }
    if (bytes > room) {
      yield call;
      call = [];
      room = MOST_OF_A_CALL;
    }
    call.push(delivery);
    room -= bytes;
  }
  if (call.length) yield call;
}
