import type { Input } from "../input.ts";
import { SqsFault } from "../sqs_fault.ts";

/** The answer to a batch: what was done, and what was not. */
export interface BatchAnswer {
  Successful: Input[];
  Failed?: Input[];
}

/** Does something with each entry of a batch, and notes what fails. */
export function eachEntry<Entry extends { readonly Id: string }>(
  entries: readonly Entry[],
  work: (entry: Entry, index: number) => object,
): BatchAnswer {
  const answer: BatchAnswer = { Successful: [] };
  for (const [index, entry] of entries.entries()) {
    try {
      answer.Successful.push({ Id: entry.Id, ...work(entry, index) });
    } catch (fault) {
      if (!(fault instanceof SqsFault)) throw fault;
      const { queryCode: Code, message: Message } = fault;
      (answer.Failed ??= []).push({ Id: entry.Id, Code, Message, SenderFault: true });
    }
  }
  return answer;
}
