/**
 * A worker that runs two tasks for a Python app. Python needs no more than their names:
 *
 *     app.conf.task_routes = {"images.*": {"queue": "images"}}
 *     app.send_task("images.resize", ("soup.png", 640), time_limit=30).get()
 *
 * The server is fauxqs, an SQS and S3 inside this process, and the calls at the end stand for Python's. A real worker
 * has neither `untilEmpty` nor an end: it is stopped by a signal.
 *
 *     deno run -A examples/21_serve_celery_tasks.ts
 */
import * as v from "valibot";
import { connect, declareQueue } from "@dashi/sqs";
import { retry, sendTask, serveTasks, task } from "@dashi/sqs/celery";
import { s3Results } from "@dashi/sqs/payloads";
import { startServer } from "../tests/support/fauxqs.ts";

await using server = await startServer();
await server.createBucket("results");

const broker = connect({
  ...server.options,
  waitTimeSeconds: 1,
  onEvent: (event) => event.type === "task" && event.state !== "received" && console.log(event.state, event.task),
});
const results = s3Results({ bucket: "results" });
await declareQueue(broker, "images");

const resize = task("images.resize", { args: v.tuple([v.string(), v.pipe(v.number(), v.maxValue(4096))]) });
let busy = 2;

const handlers = [
  resize.serve((_, name, width) => `${name} is ${width} wide`, { softTimeLimit: 60 }),
  task<[url: string], number>("images.fetch").serve((current, url) => {
    current.signal.throwIfAborted(); // give it to fetch(): it fires at the time limit
    if (busy-- > 0) throw retry({ backoff: 0.1, max: 5, error: new Error("busy") });
    return url.length + current.retries;
  }),
];

// As Python would call them.
const calls = [
  await sendTask(broker, "images.resize", { args: ["soup.png", 640], queue: "images", timeLimit: 30 }),
  await sendTask(broker, "images.fetch", { args: ["https://example.com"], queue: "images" }),
];

const worker = serveTasks(broker, handlers, { queues: "images", concurrency: 4, results });
const stop = () => worker.stop(); // lets what runs end, hands the rest back
Deno.addSignalListener("SIGINT", stop);
try {
  for (const call of calls) console.log(await results.get(call, { timeout: 30 }));
} finally {
  Deno.removeSignalListener("SIGINT", stop);
  await worker.stop();
}
