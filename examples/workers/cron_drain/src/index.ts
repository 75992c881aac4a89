/**
 * A cron trigger that drains a queue: as much as one invocation may do, and no more.
 */
import { type Broker, connect, consume, forEach } from "@dashi/sqs";

/** The part of a Worker's context that is used: in your own project, take `wrangler types`. */
interface Context {
  waitUntil(work: Promise<unknown>): void;
}

export interface Env {
  QUEUE: string;
  AWS_REGION: string;
  AWS_ACCESS_KEY_ID: string;
  AWS_SECRET_ACCESS_KEY: string;
  /** Unset at AWS. */
  SQS_ENDPOINT?: string;
}

/** Workers allow 50 subrequests an invocation on the free plan: some are left for what the handler does. */
const MAX_REQUESTS = 40;
/** Well below the 15 minutes that a cron trigger may run. */
const MAX_SECONDS = 60;

// A broker holds settled values only, no connection and no promise: invocations may share it.
let broker: Broker | undefined;

export default {
  async scheduled(_event: unknown, env: Env, context: Context): Promise<void> {
    broker ??= connect({
      region: env.AWS_REGION,
      endpoint: env.SQS_ENDPOINT,
      credentials: { accessKeyId: env.AWS_ACCESS_KEY_ID, secretAccessKey: env.AWS_SECRET_ACCESS_KEY },
    });
    const orders = consume(broker, env.QUEUE, {
      untilEmpty: true,
      waitTimeSeconds: 1,
      prefetch: 30,
      // The requests of the last acks are kept back from these.
      maxRequests: MAX_REQUESTS,
      maxSeconds: MAX_SECONDS,
    });
    context.waitUntil(orders.closed);
    const { acked, released } = await forEach(orders, ({ body }) => cook(body));
    console.log(`${acked} orders cooked, ${released} left for another time`);
  },
};

function cook(order: unknown): void {
  // Whatever is to be done: a throw here leaves the message in the queue.
  if (order === null) throw new Error("There is nothing to cook");
}
