import assert from "node:assert/strict";
import { unlessAborted } from "../lib/unless_aborted.ts";

Deno.test("unlessAborted() waits for nothing where the work itself fired the signal as it began", async () => {
  const controller = new AbortController();
  const work = (): Promise<never> => {
    controller.abort(new Error("enough"));
    return new Promise(() => {});
  };
  await assert.rejects(unlessAborted(work(), controller.signal), /enough/);
});
