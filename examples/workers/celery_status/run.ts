/**
 * Runs the Worker on this machine: an SQS and an S3 in this process, the Worker in workerd, and a stand-in for Celery.
 *
 *     deno run -A examples/workers/celery_status/run.ts
 */
import { connect, declareQueue } from "@dashi/sqs";
import { serveTasks } from "@dashi/sqs/celery";
import { s3Results } from "@dashi/sqs/payloads";
import { startServer } from "../../../tests/support/fauxqs.ts";
import { startExample } from "../../../tests/runtimes/runners/example.ts";

await using server = await startServer();
await server.createBucket("results");
const broker = connect({ ...server.options, waitTimeSeconds: 1 });
await declareQueue(broker, "celery");

const miniflare = await startExample("celery_status", { endpoint: server.endpoint });
try {
  const ask = async (path: string, body?: object) => {
    const init = body && { method: "POST", body: JSON.stringify(body) };
    const response = await miniflare.dispatchFetch(`http://localhost${path}`, init);
    return { code: response.status, answer: JSON.parse(await response.text()) };
  };
  const orders = [{ order: 1, bowls: 2 }, { order: 2, bowls: 0 }];
  const calls = [];
  for (const order of orders) calls.push(await ask("/", order));
  for (const { code, answer } of calls) {
    console.log(code, typeof answer.id, (await ask(`/status/${answer.id}`)).answer.status);
  }

  const handlers = {
    "app.charge": (_: unknown, { order, bowls }: { order: number; bowls: number }) => {
      if (!bowls) throw new RangeError("Nothing to charge");
      return { receipt: `R-${order}` };
    },
  };
  const results = s3Results({ bucket: "results" });
  await serveTasks(broker, handlers, { results, untilEmpty: true }).closed;
  for (const call of calls) {
    const { answer: { status, result, error } } = await ask(`/status/${call.answer.id}`);
    console.log(status, result ?? error);
  }
} finally {
  await miniflare.dispose();
}
