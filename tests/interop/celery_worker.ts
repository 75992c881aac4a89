/**
 * A worker in a process of its own, to be killed.
 *
 * @module
 */
import { connect } from "@dashi/sqs";
import { serveTasks } from "@dashi/sqs/celery";

const [endpoint, queue] = Deno.args;
const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" };
const broker = connect({ region: "eu-west-1", endpoint, credentials });
serveTasks(broker, {
  "ts.slow": (task) => {
    console.log(task.id);
    return new Promise(() => {});
  },
}, { queues: queue, concurrency: 5 });
