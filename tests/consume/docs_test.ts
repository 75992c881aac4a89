/**
 * docs/consume.md says what the code does: its defaults and its events are read from both.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import * as DEFAULTS from "../../lib/consume/defaults.ts";

const page = await readFile(new URL("../../docs/consume.md", import.meta.url), "utf8");

/** The rows of the table under a heading. */
const rows = (heading: string) =>
  page.split(`## ${heading}\n`)[1].split("\n## ")[0].split("\n").filter((line) => line.startsWith("|")).slice(2)
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));

Deno.test("docs/consume.md has the defaults of the code, all of them", () => {
  const { prefetch, polls, pollsInWorkers, ackLinger, grace, stalled, visibilityTimeout, concurrency } = DEFAULTS;
  const inOrder = [prefetch, polls, pollsInWorkers, ackLinger, grace, stalled, visibilityTimeout, concurrency];
  assert.deepEqual(rows("Defaults").map(([, value]) => Number(value)), inOrder);
  assert.equal(inOrder.length, Object.keys(DEFAULTS).length);
});

Deno.test("docs/consume.md names each event that lib/consume tells", async () => {
  const named = new Set(rows("Events").map(([name]) => name.replaceAll("`", "")));
  const told = new Set<string>();
  for await (const { name } of Deno.readDir(new URL("../../lib/consume/", import.meta.url))) {
    const source = await readFile(new URL(`../../lib/consume/${name}`, import.meta.url), "utf8");
    for (const [, type] of source.matchAll(/\{\s*type: "([\w-]+)"/g)) {
      assert.ok(named.has(type), type);
      told.add(type);
    }
  }
  assert.ok(told.size >= 8, `${told.size} are told by their names`);
});
