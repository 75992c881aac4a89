/**
 * An HTTP handler that answers at once and publishes afterwards.
 */
import { type Broker, connect, publish } from "@dashi/sqs";

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

let broker: Broker | undefined;

export default {
  async fetch(request: Request, env: Env, context: Context): Promise<Response> {
    if (request.method !== "POST") return new Response("POST an order as JSON\n", { status: 405 });
    broker ??= connect({
      region: env.AWS_REGION,
      endpoint: env.SQS_ENDPOINT,
      credentials: { accessKeyId: env.AWS_ACCESS_KEY_ID, secretAccessKey: env.AWS_SECRET_ACCESS_KEY },
    });
    let order: unknown;
    try {
      order = await request.json();
    } catch {
      return new Response("That is no JSON\n", { status: 400 });
    }
    // What must not be lost is awaited instead, and answered with 503 where it fails.
    context.waitUntil(
      publish(broker, order, { queue: env.QUEUE }).catch((error) => console.error("An order was lost:", error)),
    );
    return new Response("Accepted\n", { status: 202 });
  },
};
