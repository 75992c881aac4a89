import assert from "node:assert/strict";

const root = new URL("../../", import.meta.url);
const page = await Deno.readTextFile(new URL("docs/guarantees.md", root));
/** The list items that name what shows a guarantee, each on one line. */
const items = page.replace(/\n  +/g, " ").split("\n").filter((line) => line.startsWith("- `tests/"));

Deno.test("docs/guarantees.md names only tests that there are", async () => {
  const missing: string[] = [];
  for (const item of items) {
    const [, path, name = ""] = /^- `([^`]+)`(?:[^"]*"([^"]+)")?/.exec(item)!;
    const source = await Deno.readTextFile(new URL(path, root));
    // A name that a test makes of its parts is given from where it is always the same.
    if (!source.includes(name.replace(/^… /, ""))) missing.push(item);
  }
  assert.deepEqual(missing, []);
  assert.ok(items.length > 50, `${items.length} tests are named`);
});
