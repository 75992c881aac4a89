/**
 * Whole programs at random, over every verb and option and whatever goes wrong, held against the rules of rules.ts.
 * `SIMULATION_RUNS=5000 SIMULATION_SEED=7 deno test -A tests/simulation` plays more of them, and others; one that breaks a
 * rule is made small and printed with its seed and path.
 */
import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import { program } from "./program.ts";
import { breaksOf } from "./rules.ts";
import { play } from "./play.ts";

const numRuns = Number(Deno.env.get("SIMULATION_RUNS") ?? 60);
const seed = Number(Deno.env.get("SIMULATION_SEED") ?? 20300101);
const path = Deno.env.get("SIMULATION_PATH");

Deno.test("no program breaks a rule, whatever it does and whatever goes wrong", async () => {
  let given = 0;
  await fc.assert(
    fc.asyncProperty(program, async (program) => {
      const history = await play(program);
      given += history.given.length;
      assert.deepEqual(breaksOf(history), []);
    }),
    { numRuns, seed, path, interruptAfterTimeLimit: 3_600_000 },
  );
  assert.ok(given > numRuns, "the programs hand hardly anything over");
});
