/**
 * The broker of a Celery app, from the app's own configuration: kombu's names, kombu's defaults, the same queues. See
 * docs/kombu.md for every option.
 *
 *     deno run -A examples/09_from_celery.ts
 */
import { connect, get, publish, queueUrl } from "@dashi/sqs";
import { fromCelery } from "@dashi/sqs/config";
import { memorySqs } from "@dashi/sqs/testing";

const celery = {
  broker_url: "sqs://AKIDEXAMPLE:s%2Fcret@",
  broker_transport_options: {
    region: "us-east-1",
    queue_name_prefix: "prod.",
    visibility_timeout: 3600,
    wait_time_seconds: 20,
    "sqs-creation-attributes": { KmsMasterKeyId: "alias/aws/sqs" },
  },
  task_default_queue: "celery", // Celery's other settings may stand here, too
};
const options = fromCelery(celery);
const broker = connect({ ...options, ...memorySqs().connectOptions }); // on AWS: connect(options)

await publish(broker, { id: 1 }, { queue: "shop.orders" }); // kombu creates what is missing, so does this broker
console.log(await queueUrl(broker, "shop.orders"));
console.log((await get(broker, "shop.orders"))?.body, options.queueAttributes);

try {
  fromCelery("sqs://", { visibility_timout: 60 });
} catch (error) {
  console.log((error as Error).message);
}
