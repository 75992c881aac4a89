/**
 * What only the instant shows, and nobody could tell from the history afterwards.
 *
 * @module
 */
import type { MessageView } from "@dashi/sqs/testing";
import { isHeld } from "./history.ts";
import type { Taken, Wire } from "./tap.ts";
import type { World } from "./world.ts";

/** Counts how often a consumer asks other queues while one has messages for it and is not asked. */
export function watchTurns(world: World): (wire: Wire) => void {
  const { sqs, ledger, events, runs, starved, seconds, queueOf } = world;
  const passedOver = new Map<string, { count: number; since: number }>();

  /** Visible, and in a FIFO queue behind nothing that is not. */
  function isFree({ state, groupId }: MessageView, queue: string): boolean {
    return state === "visible" &&
      (!queue.endsWith(".fifo") || sqs.messages(queue).find((other) => other.groupId === groupId)?.state === "visible");
  }

  return ({ broker, input }) => {
    const asked = input.QueueUrl.split("/").at(-1);
    const run = runs.find(({ own, plan, ended, closed }) => own && plan.broker === broker && !ended && !closed);
    if (!run || (run.plan.options.strategy ?? "fair") !== "fair") return;
    for (const queue of new Set(run.plan.queues.map(queueOf))) {
      const key = `${queue} for broker ${broker}`;
      const resting = events.findLast((event) => event.type === "poll-failed" && event.queue === queue);
      const waits = queue !== asked && sqs.queueNames.includes(queue) &&
        sqs.messages(queue).some((one) => isFree(one, queue)) &&
        !(resting && resting.at > seconds() - 35) &&
        !ledger.wires.some((wire) => wire.broker === broker && wire.open && wire.input.QueueUrl?.endsWith(`/${queue}`));
      const { count, since } = waits && passedOver.get(key) || { count: 0, since: seconds() };
      passedOver.set(key, { count: count + 1, since });
      // One that was empty rests for a while.
      if (count > 20 && seconds() - since > 10) starved.push(`${key} from ${since} to ${seconds()}`);
    }
  };
}

/** Whoever has an earlier receive of the message must be told a second later that it is not his any more. */
export function watchReceives(world: World): (taken: Taken) => void {
  const { ledger, given, seconds, after } = world;
  return ({ messageId, handle, queue }) => {
    for (const one of given) {
      const { run, delivery } = one;
      if (one.messageId !== messageId || one.handle === handle || !run || delivery.signal.aborted || !isHeld(one)) {
        continue;
      }
      if (one.said.some(({ verb }) => verb !== "extend") || run.closed !== undefined) continue;
      after(1, () => {
        // While a heartbeat is under way only SQS can tell, and one may wait for the request before it.
        const asked = ledger.wires.some((wire) =>
          wire.action.startsWith("Change") && wire.at > seconds() - 35 && wire.broker === run.plan.broker &&
          wire.input.QueueUrl.endsWith(`/${queue}`)
        );
        one.unheard = !asked && !delivery.signal.aborted && isHeld(one) && run.closed === undefined;
      });
    }
  };
}
