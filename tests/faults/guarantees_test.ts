/** docs/guarantees.md names the tests that show what it promises: each is there. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

Deno.test("every test that docs/guarantees.md names is there", () => {
  const root = new URL("../../", import.meta.url);
  const page = readFileSync(new URL("docs/guarantees.md", root), "utf8").replace(/\n {2}/g, " ");
  const named = [...page.matchAll(/`(tests\/[\w/]+\.ts)`(?::\s+"(?:… )?([^"]+)")?/g)];
  assert.ok(named.length > 40);
  const missing = named.filter(([, file, name]) =>
    !readFileSync(new URL(file, root), "utf8").includes(name?.trim() ?? "")
  );
  assert.deepEqual(missing.map(([whole]) => whole), []);
});
