/**
 * A Worker that does what no Worker may: it publishes while it is loaded.
 */
import { connect, publish } from "@dashi/sqs";

const broker = connect({
  endpoint: "http://127.0.0.1:1",
  credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "a-secret-of-the-tests" },
});
let said = "nothing";
publish(broker, "a", { queue: "orders" }).then(() => said = "sent", (error) => said = String(error));

export default {
  fetch: (): Response => new Response(said),
};
