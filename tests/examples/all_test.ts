import assert from "node:assert/strict";

const examples = new URL("../../examples/", import.meta.url);

Deno.test("examples/README.md names each example, and a test runs each", async () => {
  const page = await Deno.readTextFile(new URL("README.md", examples));
  const named = [...page.matchAll(/\]\(([\w/]+)(?:\.ts)?\)/g)].map(([, name]) => name);
  const there: string[] = [];
  for (const folder of ["", "workers/"]) {
    for await (const { name, isFile } of Deno.readDir(new URL(folder, examples))) {
      if (folder ? !isFile : name.endsWith(".ts")) there.push(folder + name.replace(/\.ts$/, ""));
    }
  }
  assert.deepEqual(named.sort(), there.sort());

  const files = ["./basics_test.ts", "./consume_test.ts", "./celery_test.ts", "./demo_test.ts"];
  const tests = [...files, "../runtimes/workers_test.ts"].map((file) => new URL(file, import.meta.url));
  const sources = (await Promise.all(tests.map((file) => Deno.readTextFile(file)))).join("\n");
  const unseen = there.filter((name) =>
    !sources.includes(`"${name.replace("workers/", "")}`) && !sources.includes(`"${name}`)
  );
  assert.deepEqual(unseen, []);
});
