/**
 * A Durable Object that consumes a queue all the time: one alarm runs a shift, and the next one follows.
 */
import { connect, consume, forEach } from "@dashi/sqs";
import { DurableObject } from "cloudflare:workers";

/** The part of the binding that is used: in your own project, take `wrangler types`. */
interface DurableObjectNamespace {
  idFromName(name: string): unknown;
  get(id: unknown): { fetch(url: string): Promise<Response> };
}

export interface Env {
  CONSUMER: DurableObjectNamespace;
  QUEUE: string;
  /** Seconds of one shift; an alarm may run for 15 minutes. */
  SHIFT_SECONDS: number;
  AWS_REGION: string;
  AWS_ACCESS_KEY_ID: string;
  AWS_SECRET_ACCESS_KEY: string;
  /** Unset at AWS. */
  SQS_ENDPOINT?: string;
}

/** Seconds after which a shift that was never heard of again is taken over by a new one. */
const TAKE_OVER = 60;

export class Consumer extends DurableObject<Env> {
  #stop = new AbortController();

  override async fetch(request: Request): Promise<Response> {
    const { storage } = this.ctx;
    const { pathname } = new URL(request.url);
    if (pathname === "/start") {
      await storage.put("running", true);
      await storage.setAlarm(Date.now());
    } else if (pathname === "/stop") {
      await storage.put("running", false);
      await storage.deleteAlarm();
      this.#stop.abort();
    }
    const running = await storage.get("running") ?? false;
    return Response.json({ running, cooked: await storage.get("cooked") ?? 0 });
  }

  override async alarm(): Promise<void> {
    const { env, ctx: { storage } } = this;
    if (!await storage.get("running")) return;
    // First of all: should the object be evicted in the middle, this alarm brings it back. What it held becomes visible
    // in the queue again when its timeout is over.
    await storage.setAlarm(Date.now() + (Number(env.SHIFT_SECONDS) + TAKE_OVER) * 1000);
    this.#stop = new AbortController();
    const broker = connect({
      region: env.AWS_REGION,
      endpoint: env.SQS_ENDPOINT,
      credentials: { accessKeyId: env.AWS_ACCESS_KEY_ID, secretAccessKey: env.AWS_SECRET_ACCESS_KEY },
    });
    await using orders = consume(broker, env.QUEUE, {
      maxSeconds: Number(env.SHIFT_SECONDS),
      // A shift keeps within the 1,000 subrequests of the paid plan.
      maxRequests: 900,
      signal: this.#stop.signal,
    });
    await forEach(orders, async ({ body }) => {
      cook(body);
      await storage.put("cooked", (await storage.get<number>("cooked") ?? 0) + 1);
    }, { concurrency: 1 });
    if (await storage.get("running")) await storage.setAlarm(Date.now());
  }
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const consumer = env.CONSUMER.get(env.CONSUMER.idFromName(env.QUEUE));
    const answer = await consumer.fetch(request.url);
    return Response.json(await answer.json());
  },
};

function cook(order: unknown): void {
  // Whatever is to be done: a throw here leaves the message in the queue.
  if (order === null) throw new Error("There is nothing to cook");
}
