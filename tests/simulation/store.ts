/**
 * Where a program's payloads are.
 *
 * @module
 */
import type { PayloadStore } from "@dashi/sqs";
import type { MemorySqs } from "@dashi/sqs/testing";
import { OfTheUser, type Payload } from "./history.ts";
import { CALM, type Program } from "./program.ts";
import type { Ledger } from "./tap.ts";

/** A store in memory that is slow and fails as the program says. */
export function makeStore(
  program: Program,
  { clock }: MemorySqs,
  ledger: Ledger,
  seconds: () => number,
  isThere: (body: string) => boolean,
) {
  const payloads = new Map<string, Payload>();
  const { delays, fails, ignoreNotFound } = program.payloads ?? { delays: [0], fails: [false], ignoreNotFound: false };
  let calls = 0;
  const trouble = async (signal?: AbortSignal) => {
    const call = calls++;
    await clock.sleep(delays[call % delays.length], signal);
    if (fails[call % fails.length] && seconds() < CALM) throw new OfTheUser("the store is down");
  };
  // A message whose send was tried twice may be there twice, with one payload: it goes with the first that is deleted.
  const isDeleted = (n: number) =>
    [...ledger.numbers].some(([messageId, number]) =>
      n === number && ledger.handles.get(messageId)?.some((handle) => ledger.deleted.has(handle))
    );
  const remove = (key: string, undone: boolean) => {
    const payload = payloads.get(key);
    if (!payload) return;
    const orphaned = isThere(`at:${key}`) && !isDeleted(payload.n);
    payload.removed ??= { at: seconds(), orphaned, undone };
  };
  let count = 0;
  const store: PayloadStore = {
    threshold: 300,
    always: false,
    isPointer: (body) => body.startsWith("at:"),
    async offload(body, _options, { signal }) {
      await trouble(signal);
      const text = await new Response(body).text();
      const n = Number(/"n":\s?(\d+)/.exec(text)?.[1] ?? /"n":\s?(\d+)/.exec(atob(JSON.parse(atob(text)).body))![1]);
      const key = `${n}/${count++}`;
      payloads.set(key, { n, text });
      const undo = () => Promise.resolve(remove(key, true));
      return { body: `at:${key}`, messageAttributes: {}, location: { bucket: "bowl", key }, undo };
    },
    async resolve(pointer, { lazy }, { signal }) {
      const key = pointer.slice("at:".length);
      await trouble(signal);
      const payload = payloads.get(key);
      const location = { bucket: "bowl", key };
      const stream = () => new Blob([payload?.text ?? ""]).stream();
      if (payload && !payload.removed) return { body: lazy ? undefined : payload.text, location, stream };
      if (ignoreNotFound) return { location, stream, missing: true };
      throw new OfTheUser("the store has no such payload");
    },
    async cleanUp(locations) {
      await trouble();
      for (const { key } of locations) remove(key, false);
    },
  };
  return { store, payloads };
}
