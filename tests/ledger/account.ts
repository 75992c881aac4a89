/**
 * Draws the account of a ledger: what was lost, what came twice and why, whether groups kept their order, whether memory
 * and sockets were flat.
 *
 * @module
 */
import type { Line } from "./log.ts";

/** What the run was. */
export interface Run {
  readonly total: number;
  /** The consumer that was never killed. */
  readonly survivor: string;
  readonly fifoPercent: number;
  /** Open sockets, sampled in even steps. */
  readonly sockets: readonly number[];
}

/** Why a message was handled again. */
type Cause =
  | "its consumer was killed before SQS had its ack"
  | "its ack failed"
  | "its receive ran out"
  | "it was sent again, as the answer to its send was lost"
  | "nothing explains it";

/** Draws the account. */
export function account(lines: readonly Line[], run: Run): { figures: object; faults: string[] } {
  const faults: string[] = [];
  const sent = new Set<number>();
  const handled = new Map<number, { messageId: string; process: string }[]>();
  const acked = new Set<string>();
  const failed = new Set<string>();
  const lapsed = new Set<string>();
  const killed = new Set<string>();
  const heaps = new Map<string, number[]>();
  const order = new Map<string, number[]>();
  let refused = 0;
  let handlings = 0;
  for (const line of lines) {
    if (line[0] === "sent") sent.add(line[1]);
    else if (line[0] === "refused") refused++;
    else if (line[0] === "handled") {
      const [, id, process, messageId] = line;
      handlings++;
      const before = handled.get(id);
      if (before) before.push({ messageId, process });
      else handled.set(id, [{ messageId, process }]);
      const group = before ? undefined : groupOf(id, run);
      if (group !== undefined) order.set(group, [...order.get(group) ?? [], id]);
    } else if (line[0] === "acked") acked.add(`${line[2]} ${line[3]}`);
    else if (line[0] === "unacked") failed.add(`${line[2]} ${line[3]}`);
    else if (line[0] === "lapsed") lapsed.add(`${line[1]} ${line[2]}`);
    else if (line[0] === "killed") killed.add(line[1]);
    else if (line[0] === "heap") heaps.set(line[1], [...heaps.get(line[1]) ?? [], line[2]]);
    else faults.push(`${line[1]} failed: ${line[2]}`);
  }
  const lost = [...sent].filter((id) => !handled.has(id));
  if (lost.length) faults.push(`${lost.length} messages were taken and never handled, such as ${lost.slice(0, 5)}`);
  if (sent.size !== run.total) faults.push(`${sent.size} of ${run.total} were sent`);

  const duplicates: Partial<Record<Cause, number>> = {};
  for (const times of handled.values()) {
    for (let at = 1; at < times.length; at++) {
      const cause = causeOf(times, at, { acked, failed, lapsed, killed });
      duplicates[cause] = (duplicates[cause] ?? 0) + 1;
    }
  }
  if (duplicates["nothing explains it"]) faults.push("a message was handled twice for no reason");

  const unordered = [...order].filter(([, ids]) => ids.some((id, at) => at > 0 && id < ids[at - 1]));
  for (const [group] of unordered) faults.push(`the FIFO group ${group} lost its order`);

  const heap = quarters(heaps.get(run.survivor) ?? []);
  if (heap && heap.last > heap.first * 1.5 + 10) faults.push(`the heap grew from ${heap.first} to ${heap.last} MB`);
  const open = quarters(run.sockets, 1, Math.max);
  if (open && open.last > open.first * 1.5 + 30) faults.push(`sockets grew from ${open.first} to ${open.last}`);
  return {
    figures: {
      sent: sent.size,
      refusedAndSentAgain: refused,
      handled: handled.size,
      handlings,
      lost: lost.length,
      duplicates,
      fifoGroups: order.size,
      fifoGroupsOutOfOrder: unordered.length,
      heapMegabytes: heap,
      sockets: open,
    },
    faults,
  };
}

/** Which group a FIFO message is of, as its publisher chose it: the tenth of those of one publisher. */
function groupOf(id: number, { total, fifoPercent }: Run): string | undefined {
  if (id % 100 >= fifoPercent) return undefined;
  const half = Math.ceil(total / 2);
  const publisher = id < half ? 0 : 1;
  const first = publisher ? half : 0;
  const count = (end: number) => Math.floor(end / 100) * fifoPercent + Math.min(end % 100, fifoPercent);
  return `publisher-${publisher}-${(count(id) - count(first)) % 10}`;
}

function causeOf(
  times: readonly { messageId: string; process: string }[],
  at: number,
  seen: Readonly<Record<"acked" | "failed" | "lapsed" | "killed", Set<string>>>,
): Cause {
  const { messageId } = times[at];
  const before = times.slice(0, at).filter((time) => time.messageId === messageId);
  if (!before.length) return "it was sent again, as the answer to its send was lost";
  const last = before.at(-1)!;
  const key = `${last.process} ${messageId}`;
  if (seen.lapsed.has(key)) return "its receive ran out";
  if (seen.failed.has(key)) return "its ack failed";
  if (!seen.acked.has(key) && seen.killed.has(last.process)) return "its consumer was killed before SQS had its ack";
  return "nothing explains it";
}

/** The first and the last quarter of a series, each as its least (or most) value, in mebibytes unless another unit. */
function quarters(
  series: readonly number[],
  unit = 2 ** 20,
  pick: (...values: number[]) => number = Math.min,
): { first: number; last: number } | undefined {
  const size = Math.floor(series.length / 4);
  if (size < 2) return undefined;
  const round = (value: number) => Math.round(value / unit * 10) / 10;
  return { first: round(pick(...series.slice(0, size))), last: round(pick(...series.slice(-size))) };
}
