/**
 * Bodies of any size: what a message can't hold goes to S3, in the format of the Amazon SQS Extended Client. The server
 * is fauxqs, an SQS and S3 inside this process; on AWS leave `server.options` and the making of the bucket out.
 *
 *     deno run -A examples/08_large_payloads.ts
 */
import { connect, consume, declareQueue, publish } from "@dashi/sqs";
import { s3Payloads } from "@dashi/sqs/payloads";
import { startServer } from "../tests/support/fauxqs.ts";

await using server = await startServer();
await server.createBucket("letters");

let count = 0;
const payloads = s3Payloads({ bucket: "letters", prefix: "orders/", key: ({ queue }) => `${queue}/${++count}` });
const broker = connect({
  ...server.options,
  payloads,
  onEvent: (event) => event.type === "payload" && console.log(event.operation, event.key, event.size ?? ""),
});
await declareQueue(broker, "letters");

const { payload } = await publish(broker, "soup ".repeat(100_000), { queue: "letters" }); // above 256 KiB
console.log(`stored in ${payload?.bucket}`);
await publish(broker, new Blob(["a file of any size"]).stream(), { queue: "letters" }); // sent as it comes

for await (const delivery of consume(broker, "letters", { maxMessages: 2, payloads: "lazy" })) {
  let length = 0;
  for await (const chunk of delivery.stream()) length += chunk.length; // in constant memory, chunk by chunk
  console.log(`read ${length} bytes`);
  await delivery.ack(); // deletes the message, then the object
}
