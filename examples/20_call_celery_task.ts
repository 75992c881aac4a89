/**
 * Calls Celery tasks and waits for what they return. The Python side of it is any Celery app on SQS:
 *
 *     app = Celery("shop", broker="sqs://", backend="s3")
 *     app.conf.update(s3_bucket="results", s3_base_path="celery/")
 *
 *     @app.task(name="shop.price")
 *     def price(dish, bowls): return bowls * 12
 *
 * The server is fauxqs, an SQS and S3 inside this process, and a stand-in runs the tasks.
 *
 *     deno run -A examples/20_call_celery_task.ts
 */
import { connect, declareQueue, TaskFailedError } from "@dashi/sqs";
import { chain, group, sendTask, serveTasks, signature, task } from "@dashi/sqs/celery";
import { s3Results } from "@dashi/sqs/payloads";
import { startServer } from "../tests/support/fauxqs.ts";

await using server = await startServer();
await server.createBucket("results");

const broker = connect({ ...server.options, waitTimeSeconds: 1 });
const results = s3Results({ bucket: "results", basePath: "celery/" });
await declareQueue(broker, "celery");
// What the Python app would do.
await using _python = serveTasks(broker, {
  "shop.price": (_, dish: string, bowls: number) => {
    if (dish === "tea") throw new TaskFailedError("no tea today", { type: "ValueError", module: "builtins" });
    return bowls * 12;
  },
  "shop.tax": (_, sum: number, percent: number) => sum * (100 + percent) / 100,
  "shop.mail": (_, text: unknown, to: string) => `${text} to ${to}`,
}, { results });

// Named and typed once: `price("ramen")` and `price(2, "ramen")` don't compile.
const price = task<[dish: string, bowls: number], number>("shop.price");
const tax = task<[sum: number, percent: number], number>("shop.tax");
const mail = task<[text: unknown, to: string], string>("shop.mail");

const call = await sendTask(broker, price("ramen", 2), { expires: 3600 });
console.log("price:", await results.get(call, { timeout: 30 })); // a number

// Each takes the result of the one before; the call is that of the last.
const total = await sendTask(broker, chain(price("soba", 3), tax.partial(10), mail.partial("ops")));
console.log("chain:", await results.get(total, { timeout: 30 }));

// Side by side, one call each.
const { calls } = await sendTask(broker, group(price("udon", 1), price("ramen", 4)));
console.log("group:", await Promise.all(calls.map((each) => results.get(each, { timeout: 30 }))));

// Callbacks, and tasks that are known by their name only.
const broken = await sendTask(broker, "shop.price", {
  args: ["tea"],
  kwargs: { bowls: 1 },
  linkError: signature(mail.partial("kitchen"), { id: "told-the-kitchen" }),
});
try {
  await results.get(broken, { timeout: 30 });
} catch (error) {
  if (error instanceof TaskFailedError) console.log("failed:", error.type, error.message.split(": ")[1]);
}
console.log("errback:", (await results.get<string>("told-the-kitchen", { broker, timeout: 30 })).endsWith("kitchen"));
