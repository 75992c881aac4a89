import assert from "node:assert/strict";

const root = new URL("../../", import.meta.url);
const page = await Deno.readTextFile(new URL("docs/kombu.md", root));

Deno.test("docs/kombu.md names only tests that there are", async () => {
  const missing: string[] = [];
  const names = [...page.matchAll(/`([a-z][\w/]*)`: “([^”]+)”/g)].filter(([, , name]) => name !== "a name");
  for (const [, file, name] of names) {
    const source = await Deno.readTextFile(new URL(`tests/${file}_test.ts`, root)).catch(() => "");
    if (!source.includes(name.replaceAll('"', '\\"'))) missing.push(`${file}: ${name}`);
  }
  assert.deepEqual(missing, []);
  assert.ok(names.length > 100, `${names.length} tests are named`);
  // Nothing that looks like a name was passed over.
  assert.equal(page.match(/“/g)!.length, names.length + 1);
});

Deno.test("docs/kombu.md names only examples that there are", async () => {
  const paths = [...page.matchAll(/`examples\/(\w+)\.ts`|\(`(\d\d_\w+)`\)/g)].map(([, path, name]) => path ?? name);
  for (const name of paths) await Deno.stat(new URL(`examples/${name}.ts`, root));
  assert.ok(paths.length > 5, `${paths.length} examples are named`);
});

Deno.test("docs/kombu.md has a line for each of kombu's transport options", async () => {
  const { TransportOptions } = await import("../../lib/config/shape.ts");
  const known = new Set(["interval_start", "interval_step", "interval_max", "connect_retries_timeout"]);
  for (const option of Object.keys(TransportOptions.entries)) {
    if (known.has(option) || /^(?:errback|callback)$/.test(option)) continue; // `interval_*` …
    assert.ok(page.includes(`\`${option}\``), option);
  }
});
