/**
 * A publisher of the ledger test, run as a process of its own. It sends its numbers until each was taken, and writes down
 * when it was told so. Of a hundred ids the first go to the FIFO queue, each group in its order, the rest to the standard
 * queue.
 *
 * Arguments: endpoint, ledger, its name, first id, one past the last id, seconds to spread them over, FIFO ids in a
 * hundred.
 */
import { connect, publish, publishAll } from "@dashi/sqs";
import { openLedger, watchHeap } from "./log.ts";

const [endpoint, path, name, first, end, seconds, share] = Deno.args;
const note = openLedger(path);
const broker = connect({
  region: "us-east-1",
  endpoint,
  credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "an-example-of-a-secret-key" },
  http: { requestTimeout: 2 },
});
const unwatch = watchHeap(note, name);
const ids = Array.from({ length: Number(end) - Number(first) }, (_, index) => Number(first) + index);
const fifo = ids.filter((id) => id % 100 < Number(share));
const standard = ids.filter((id) => id % 100 >= Number(share));
const began = Date.now();
const codeOf = (error: unknown) => (error as { awsCode?: string }).awsCode ?? (error as Error).name;
const due = (list: readonly number[], at: number) => began + Number(seconds) * 1000 * at / list.length;

/** Waits for a message's turn. */
async function turn(at: number): Promise<void> {
  const left = at - Date.now();
  if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
}

async function sendStandard(): Promise<void> {
  const again: number[] = [];
  const order: number[] = []; // of the results to come
  let open = standard.length;
  async function* messages() {
    let at = 0;
    while (open > 0) {
      const id = again.shift() ?? standard[at++];
      if (id === undefined) {
        await turn(Date.now() + 5); // the last results are on their way
        continue;
      }
      if (at) await turn(due(standard, at - 1));
      order.push(id);
      yield { body: { id } };
    }
  }
  for await (const { error } of publishAll(broker, messages(), { queue: "ledger", concurrency: 6 })) {
    const id = order.shift()!;
    if (error) {
      note("refused", id, name, codeOf(error));
      again.push(id);
    } else {
      open--;
      note("sent", id, name);
    }
  }
}

/** One message of a group at a time, each until it is taken: that is the order that must arrive. */
async function sendGroup(list: readonly number[], groupId: string): Promise<void> {
  for (const [index, id] of list.entries()) {
    await turn(due(list, index));
    for (;;) {
      try {
        await publish(broker, { id }, { queue: "ledger.fifo", groupId, deduplicationId: `${id}` });
        break;
      } catch (error) {
        note("refused", id, name, codeOf(error));
      }
    }
    note("sent", id, name);
  }
}

const GROUPS = 10;
await Promise.all([
  sendStandard(),
  ...Array.from(
    { length: GROUPS },
    (_, group) => sendGroup(fifo.filter((_, index) => index % GROUPS === group), `${name}-${group}`),
  ),
]);
unwatch();
