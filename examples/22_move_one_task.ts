/**
 * Moves one task from Python to TypeScript while both run, without a pause and without losing a call:
 *
 * 1. Serve the task from a queue of its own in TypeScript.
 * 2. Route it there in Python: `app.conf.task_routes = {"shop.report": {"queue": "reports"}}`. Callers change nothing else.
 *    Where it is part of chains or has callbacks, tell `serveTasks` the other routes: its option `queueFor`.
 * 3. Python keeps the task until the calls that are under way, retries and etas among them, have left the old queue.
 *
 * To let both read the old queue meanwhile, give it a redrive policy: a Python worker rejects tasks that it does not
 * know, and without such a policy that deletes them.
 *
 *     deno run -A examples/22_move_one_task.ts
 */
import { connect, declareQueue, queueSize } from "@dashi/sqs";
import { sendTask, serveTasks, task } from "@dashi/sqs/celery";
import { memorySqs } from "@dashi/sqs/testing";

const sqs = memorySqs();
const broker = connect(sqs.connectOptions);
await declareQueue(broker, "dead");
for (const name of ["celery", "reports"]) {
  await declareQueue(broker, name, { deadLetter: { queue: "dead", maxReceiveCount: 20 } });
}

const report = task<[day: number], string>("shop.report");
const done: Record<string, number> = {};
const count = (what: string) => void (done[what] = (done[what] ?? 0) + 1);

await sqs.clock.run(async () => {
  // Before: Python does it all. One of the reports is due in an hour only.
  const python = serveTasks(broker, {
    "shop.report": () => count("reports in Python"),
    "shop.mail": () => count("mails in Python"),
  }, { queues: "celery" });
  for (let day = 0; day < 3; day++) await sendTask(broker, report(day));
  await sendTask(broker, report(9), { countdown: 3600 });

  // 1. TypeScript serves the new queue.
  const typescript = serveTasks(broker, [
    report.serve((_, day) => {
      count("reports in TypeScript");
      return `day ${day}`;
    }),
  ], { queues: "reports" });

  // 2. The route is changed: new calls go to the new queue, those under way are where they were.
  for (let day = 3; day < 8; day++) await sendTask(broker, report(day), { queue: "reports" });
  await sendTask(broker, "shop.mail");
  await sqs.clock.sleep(60);
  console.log("after a minute:", done);

  // 3. An hour later the old queue holds no report, and Python may forget the task.
  await sqs.clock.sleep(3600);
  console.log("after an hour:", done);
  console.log("left:", await queueSize(broker, "celery"), await queueSize(broker, "dead"));
  await Promise.all([python.stop(), typescript.stop()]);
});
