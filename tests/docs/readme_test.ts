import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import config from "../../deno.json" with { type: "json" };

/** Entry points that the page describes as a whole: a function for each API action. */
const ACTIONS = ["./sqs", "./sns", "./sts", "./s3"];

Deno.test("README.md names each function of each entry point", async () => {
  const page = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const table = page.slice(page.indexOf("## What there is"), page.indexOf("## What it does not do"));
  for (const [entry, file] of Object.entries(config.exports)) {
    assert.ok(table.includes(`\`${entry}\``), entry);
    if (ACTIONS.includes(entry)) continue;
    for (const [name, value] of Object.entries(await import(`../../${file}`))) {
      // Classes, errors most of them, are documented where they are met; constants where they count.
      const isFunction = typeof value === "function" && /^[a-z]/.test(name);
      assert.ok(!isFunction || table.includes(`\`${name}\``), `${entry} has ${name}, which README.md does not name`);
    }
  }
});
