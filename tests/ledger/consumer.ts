/**
 * A consumer of the ledger test, run as a process of its own: it writes down what it has handled, then lets it be acked.
 *
 * Arguments: endpoint, ledger, its name.
 */
import { connect, consume, forEach } from "@dashi/sqs";
import { openLedger, watchHeap } from "./log.ts";

const [endpoint, path, name] = Deno.args;
const note = openLedger(path);
const ids = new Map<string, number>();
const broker = connect({
  region: "us-east-1",
  endpoint,
  credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "an-example-of-a-secret-key" },
  http: { requestTimeout: 2 },
  onEvent(event) {
    if (event.type === "ack") {
      const id = ids.get(event.messageId) ?? -1;
      const { messageId, error } = event;
      ids.delete(messageId);
      if (!error) note("acked", id, name, messageId);
      else note("unacked", id, name, messageId, (error as { awsCode?: string }).awsCode ?? error.name);
    } else if (event.type === "heartbeat-ended" || event.type === "drop") {
      ids.delete(event.messageId);
      note("lapsed", name, event.messageId);
    }
  },
});
const unwatch = watchHeap(note, name);
const deliveries = consume(broker, ["ledger", "ledger.fifo"], { prefetch: 60, waitTimeSeconds: 1, graceSeconds: 5 });
Deno.addSignalListener("SIGTERM", () => void deliveries.stop());
try {
  await forEach(deliveries, ({ body, messageId, receiveCount }) => {
    const { id } = body as { id: number };
    ids.set(messageId, id);
    note("handled", id, name, messageId, receiveCount);
  }, { concurrency: 40 });
} catch (error) {
  note("failed", name, String(error));
}
await deliveries.closed;
unwatch();
Deno.exit(0);
