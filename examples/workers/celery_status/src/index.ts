/**
 * Calls a Celery task by HTTP, and shows what became of it.
 */
import { type Broker, connect } from "@dashi/sqs";
import { sendTask, task } from "@dashi/sqs/celery";
import { s3Results } from "@dashi/sqs/payloads";

export interface Env {
  QUEUE: string;
  BUCKET: string;
  AWS_REGION: string;
  AWS_ACCESS_KEY_ID: string;
  AWS_SECRET_ACCESS_KEY: string;
  /** Unset at AWS. */
  SQS_ENDPOINT?: string;
}

const charge = task<[order: Record<string, unknown>], { receipt: string }>("app.charge");

let broker: Broker | undefined;

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    broker ??= connect({
      region: env.AWS_REGION,
      endpoint: env.SQS_ENDPOINT,
      credentials: { accessKeyId: env.AWS_ACCESS_KEY_ID, secretAccessKey: env.AWS_SECRET_ACCESS_KEY },
    });
    const { pathname } = new URL(request.url);
    const id = /^\/status\/([\w-]{1,64})$/.exec(pathname)?.[1];
    if (request.method === "GET" && id) return await status(broker, env, id);
    if (request.method !== "POST" || pathname !== "/") {
      return new Response("POST an order to /, or GET /status/:id\n", { status: 404 });
    }
    let order: unknown;
    try {
      order = await request.json();
    } catch {
      // Told below.
    }
    if (typeof order !== "object" || !order || Array.isArray(order)) {
      return new Response("That is no JSON object\n", { status: 400 });
    }
    const call = await sendTask(broker, charge(order as Record<string, unknown>), { queue: env.QUEUE, expires: 3600 });
    return Response.json({ id: call.id }, { status: 202, headers: { location: `/status/${call.id}` } });
  },
};

/** What the result backend knows. It can't tell a task that waits from one that was never called. */
async function status(broker: Broker, { BUCKET }: Env, id: string): Promise<Response> {
  const meta = await s3Results({ bucket: BUCKET }).meta(id, { broker });
  if (!meta) return Response.json({ id, status: "PENDING" });
  const { status, result, date_done: done } = meta;
  if (status === "SUCCESS") return Response.json({ id, status, result, done });
  // The message of an exception may hold what is not for the world: only its type is shown.
  const type = (result as { exc_type?: string } | null)?.exc_type;
  return Response.json({ id, status, ...(type && { error: type }), done });
}
